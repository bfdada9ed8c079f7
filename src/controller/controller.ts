import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { isIpclusterError } from '../base/errors.js';
import { removeFile } from '../base/files.js';
import { newSession } from '../base/identifiers.js';
import { removeMemoryFolder } from '../base/memory-files.js';
import type { PortRange } from '../base/quantities.js';
import type { Role } from '../profile/connection-file.js';
import { claimFolders } from '../profile/folders.js';
import type { KeyFile } from '../profile/key-file.js';
import { pathsOf, socketPath } from '../profile/paths.js';
import { readRegisteredFile, writeRegisteredFile } from '../profile/registered-file.js';
import { leaveSocketFolders } from '../profile/sockets.js';
import { Session } from '../protocol/message.js';
import { gatewayName, type OpenGateway } from '../transport/gateway-door.js';
import type { Link } from '../transport/link.js';
import { linkPair } from '../transport/pair.js';
import { openServer, type RunningServer } from '../transport/server.js';
import { Announcement } from './announcement.js';
import type { ControllerOptions } from './controller-options.js';
import { watchIdleness } from './idleness.js';
import { type Keys, obtainKeys } from './keys.js';
import { openParts, type Parts } from './parts.js';
import { Passes } from './passes.js';
import { refuseSecond } from './second.js';
import type { Comer } from './supervisor-door.js';

/**
 * What of a controller's cluster the next one finds: nothing after a stop; its tasks where its allocation is
 * over, and its engines with it; all of it where a signal of a machine or a scheduler ends the controller
 * alone, and engines and clients wait for the next.
 */
export type Remains = 'nothing' | 'tasks' | 'cluster';

/** What a controller that runs consists of. */
interface Running {
  keys: KeyFile;
  parts: Parts;
  server: RunningServer;
  gateway: OpenGateway | undefined;
  announcement: Announcement;
  stopWatching: () => void;
}

/**
 * The controller: binds, writes the connection files last, runs until it is told to end, undoes it all in
 * reverse.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #running: Running;

  private constructor(options: ControllerOptions, running: Running) {
    this.#options = options;
    this.#running = running;
  }

  /**
   * Opens everything; when this resolves, peers can come. Nothing is left of one that cannot be opened.
   * Throws CLUSTER_RUNNING, CONNECTION_FILE, PORT_IN_USE or ADDRESS.
   */
  static async open(options: ControllerOptions): Promise<Controller> {
    const begun: Partial<Running> = {};
    try {
      return new Controller(options, await open(options, begun));
    } catch (error) {
      await close(options, begun, 'it could not be opened', 'nothing').catch(() => {});
      throw error;
    }
  }

  /**
   * Ends links, commits the store, removes the connection files and the socket. What `remains` is for a
   * controller that is started with --reuse; a cluster only where somebody would miss it: tasks are not
   * finished, or its engines are a scheduler's jobs of their own.
   */
  close(reason = 'it was told to end', remains: Remains = 'nothing'): Promise<void> {
    return close(this.#options, this.#running, reason, remains);
  }
}

/** Opens one thing after another, and notes each in `begun` as soon as it is there. */
async function open(options: ControllerOptions, begun: Partial<Running>): Promise<Running> {
  const { place, log, lease, listening, idleTimeout, ending } = options;
  claimFolders(place);
  await refuseSecond(place);
  const obtained = obtainKeys(place, options.reuse, lease);
  const { keys, again } = obtained;
  begun.keys = keys;
  const [session, nonce] = [new Session(newSession()), randomUUID()];
  const before = again ? await readRegisteredFile(pathsOf(place).registeredFile) : undefined;
  const parts = await openParts(options, obtained, {
    session,
    nonce,
    before,
    addresses: () => listening.addresses.map((address) => `${address}:${begun.server?.port ?? 0}`),
    join: (folder) => begun.announcement?.admit(folder),
  });
  begun.parts = parts;
  const socket = socketPath(randomUUID());
  const passes = new Passes(keys.tokens);
  const server = await listen(options, { keys, socket, passes, parts });
  begun.server = server;
  const known = (before?.supervisors ?? []).flatMap(({ name, engines }) =>
    name === gatewayName ? engines : [],
  );
  const gateway = await openGateway(options, obtained, parts, known);
  begun.gateway = gateway;
  const listed = options.listed && gateway !== undefined;
  const presence = { place, addresses: listening.addresses, socket, nonce, lease, listed, python: gateway };
  const published = { ...keys, port: server.port, gateway: gateway?.state };
  const announcement = new Announcement(presence, published, passes, log, options.joins);
  begun.announcement = announcement;
  announcement.publish();
  const isNeeded = (): boolean => parts.clients.size + parts.broker.unfinished > 0;
  const stopWatching = idleTimeout > 0 ? watchIdleness(idleTimeout, isNeeded, ending.resolve) : () => {};
  log.info(`listening on ${listening.addresses.join(' ')} port ${server.port}`);
  return { keys, parts, server, gateway, announcement, stopWatching };
}

/** Undoes, in reverse, what there is of it. */
async function close(
  { place, scheduled }: ControllerOptions,
  { keys, parts, server, gateway, announcement, stopWatching }: Partial<Running>,
  reason: string,
  remains: Remains,
): Promise<void> {
  const paths = pathsOf(place);
  stopWatching?.();
  const hasTasks = (parts?.broker.unfinished ?? 0) > 0;
  const keepsEngines = remains === 'cluster' && (hasTasks || scheduled);
  const keep = keepsEngines || (remains === 'tasks' && hasTasks);
  await announcement?.withdraw(keep);
  await gateway?.close(keepsEngines);
  const { store, clients, broker, supervisors, registrar, rejoining, intake } = parts ?? {};
  if (!keepsEngines) for (const peers of [clients, supervisors]) peers?.farewell(reason);
  // Who is away may come back to the next one.
  supervisors?.close();
  broker?.close();
  rejoining?.close();
  intake?.close();
  await registrar?.close();
  await store?.close();
  await server?.close();
  if (parts && !keep) await removeFile(paths.registeredFile);
  if (keep && !keepsEngines) await forgetSupervisors(paths.registeredFile);
  if (keys) removeMemoryFolder(keys.memory);
  await leaveSocketFolders();
}

/** The port of the controller before is taken again where it is free: peers elsewhere know no other. */
async function listen(
  { listening, ports, log, lease }: ControllerOptions,
  { keys, socket, passes, parts }: { keys: KeyFile; socket: string; passes: Passes; parts: Parts },
): Promise<RunningServer> {
  const open = (range: PortRange): Promise<RunningServer> =>
    openServer({
      host: listening.host,
      ports: range,
      socketPath: socket,
      certificate: keys,
      passOf: (name) => passes.passOf(name),
      onLink: (link, { role, holder }, address) => admit(parts, lease, link, role, { holder, address }),
      onGet: (path, role) => pageOf(parts, path, role),
    });
  if (keys.port === 0 || ports.last !== 0) return open(ports);
  try {
    return await open({ first: keys.port, last: keys.port });
  } catch (error) {
    if (!isIpclusterError(error) || error.code !== 'PORT_IN_USE') throw error;
    log.warn(`port ${keys.port} is taken now; peers must read the connection file again`);
    await removeFile(socket);
    return open(ports);
  }
}

function pageOf({ hub }: Parts, path: string, role: Role): unknown {
  if (path === '/healthz') return { status: 'ok' };
  return path === '/api/status' && role === 'client' ? hub.status() : undefined;
}

function admit(
  { clientDoor, supervisorDoor }: Parts,
  lease: number,
  link: Link,
  role: Role,
  comer: Comer,
): void {
  if (role === 'client') clientDoor.admit(link, lease);
  else supervisorDoor.admit(link, comer, lease);
}

/** `known` are the engines of Python that the controller before had. */
async function openGateway(
  { openGateway: opener, lease, log }: ControllerOptions,
  { keys, again }: Keys,
  parts: Parts,
  known: readonly { id: number; uuid: string }[],
): Promise<OpenGateway | undefined> {
  return opener?.({
    location: hostname(),
    lease,
    log,
    before: again ? keys.gateway : undefined,
    known,
    connect: async (role) => {
      const [theirs, ours] = linkPair();
      admit(parts, lease, ours, role, { holder: gatewayName, address: 'this process' });
      return theirs;
    },
  });
}

/**
 * The engines have been told to end: whoever comes after us waits for none of them, and gives out other ids.
 */
async function forgetSupervisors(path: string): Promise<void> {
  const registered = await readRegisteredFile(path);
  if (registered) await writeRegisteredFile(path, { ...registered, supervisors: [] });
}
