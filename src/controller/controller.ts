import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { IpclusterError, isIpclusterError } from '../base/errors.js';
import { removeFile } from '../base/files.js';
import { newSession } from '../base/identifiers.js';
import { Lease } from '../base/lease.js';
import type { Log } from '../base/log.js';
import { removeMemoryFolder } from '../base/memory-files.js';
import type { PortRange } from '../base/quantities.js';
import { collectAtRest } from '../base/rest.js';
import { deferred } from '../base/wait.js';
import { type ConnectionFile, filesOfPython, type Role, readConnectionFile } from '../profile/connection-file.js';
import { claimFolders } from '../profile/folders.js';
import type { KeyFile } from '../profile/key-file.js';
import { type Place, pathsOf, socketPath } from '../profile/paths.js';
import { readRegisteredFile, writeRegisteredFile } from '../profile/registered-file.js';
import { leaveSocketFolders } from '../profile/sockets.js';
import { Session } from '../protocol/message.js';
import { dial } from '../transport/dial.js';
import { type GatewayOptions, gatewayName, type OpenGateway } from '../transport/gateway-door.js';
import type { Link } from '../transport/link.js';
import { linkPair } from '../transport/pair.js';
import { openServer, type RunningServer } from '../transport/server.js';
import type { Listening } from './addresses.js';
import { Announcement } from './announcement.js';
import { Broker } from './broker.js';
import { ClientDoor } from './client-door.js';
import { Clients } from './clients.js';
import { Hub } from './hub.js';
import { Intake, type IntakeLimits } from './intake.js';
import { type Keys, obtainKeys } from './keys.js';
import { Nodes } from './nodes.js';
import { Passes } from './passes.js';
import { Receipts } from './receipts.js';
import { Registrar } from './registrar.js';
import { Rejoining } from './rejoining.js';
import { Replies } from './replies.js';
import { Store } from './store.js';
import type { KeepPolicy } from './store-messages.js';
import { type Comer, SupervisorDoor } from './supervisor-door.js';

export interface ControllerOptions {
  place: Place;
  listening: Listening;
  ports: PortRange;
  log: Log;
  /** Milliseconds of silence after which peers give each other up. */
  lease: number;
  /** Milliseconds without client and work after which the controller ends itself; 0 for never. */
  idleTimeout: number;
  /** True to be the controller that was killed here: its keys, its tasks, its engines. */
  reuse: boolean;
  /** Folders of batch jobs whose supervisors may join. */
  joins: readonly string[];
  /** True where Python's tools of this machine may list it, and end it by its process. */
  listed: boolean;
  keep: KeepPolicy;
  intake: IntakeLimits;
  /** Opens the gateway for Python; none without it. */
  openGateway: ((options: Omit<GatewayOptions, 'curve' | 'heartbeat'>) => Promise<OpenGateway>) | undefined;
}

/** The parts of a controller that runs. */
interface Parts {
  store: Store;
  clients: Clients;
  broker: Broker;
  nodes: Nodes;
  registrar: Registrar;
  rejoining: Rejoining;
  intake: Intake;
  hub: Hub;
  clientDoor: ClientDoor;
  supervisorDoor: SupervisorDoor;
}

/** The controller: binds, writes the connection files last, runs until it is told to end, undoes it all in reverse. */
export class Controller {
  /** Settles when somebody wants it to end, with the reason. */
  readonly ending = deferred<string>();
  readonly #options: ControllerOptions;
  readonly #session = new Session(newSession());
  readonly #nonce = randomUUID();
  #keys: KeyFile | undefined;
  #parts: Parts | undefined;
  #server: RunningServer | undefined;
  #announcement: Announcement | undefined;
  #gateway: OpenGateway | undefined;
  /** Engines of Python that the controller before had. */
  #known: readonly { id: number; uuid: string }[] = [];
  #idle: { lease: Lease; timer: NodeJS.Timeout } | undefined;
  readonly #active = collectAtRest();

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  /** Starts everything; when this resolves, peers can come. Throws CLUSTER_RUNNING, CONNECTION_FILE, PORT_IN_USE or ADDRESS. */
  async start(): Promise<void> {
    const { place, log, lease, reuse, listed } = this.#options;
    claimFolders(place);
    await refuseSecond(place);
    const obtained = obtainKeys(place, reuse, lease);
    const { keys } = obtained;
    this.#keys = keys;
    this.#parts = await this.#assemble(obtained);
    const socket = socketPath(randomUUID());
    const passes = new Passes(keys.tokens);
    this.#server = await this.#listen(keys, socket, passes);
    const { addresses } = this.#options.listening;
    this.#gateway = await this.#openGateway(obtained);
    const presence = { place, addresses, socket, nonce: this.#nonce, lease, listed, python: this.#gateway };
    const published = { ...keys, port: this.#server.port, gateway: this.#gateway?.state };
    this.#announcement = new Announcement(presence, published, passes, log, this.#options.joins);
    this.#announcement.publish();
    if (this.#options.idleTimeout > 0) this.#watchIdleness(this.#options.idleTimeout);
    log.info(`listening on ${this.#options.listening.addresses.join(' ')} port ${this.#server.port}`);
  }

  /**
   * Ends links, commits the store, removes the connection files and the socket. Where a machine or a scheduler ends us (`forNow`) and
   * tasks are not finished, the keys stay, so that a controller that is started with --reuse is this one.
   */
  async close(reason = 'it was told to end', forNow = false): Promise<void> {
    const paths = pathsOf(this.#options.place);
    clearInterval(this.#idle?.timer);
    this.#idle?.lease.end();
    const keep = forNow && (this.#parts?.broker.unfinished ?? 0) > 0;
    await this.#announcement?.withdraw(keep);
    await this.#gateway?.close(reason);
    const { store, clients, broker, nodes, registrar, rejoining, intake } = this.#parts ?? {};
    clients?.farewell(reason);
    nodes?.farewell(reason);
    broker?.close();
    rejoining?.close();
    intake?.close();
    await registrar?.close();
    await store?.close();
    await this.#server?.close();
    if (this.#parts) await (keep ? forgetSupervisors(paths.registeredFile) : removeFile(paths.registeredFile));
    if (this.#keys) removeMemoryFolder(this.#keys.memory);
    await leaveSocketFolders();
  }

  async #assemble({ keys, again, leaseBefore }: Keys): Promise<Parts> {
    const { place, log, lease, listening, keep, reuse } = this.#options;
    const paths = pathsOf(place);
    const before = again ? await readRegisteredFile(paths.registeredFile) : undefined;
    this.#known = (before?.supervisors ?? []).flatMap(({ name, engines }) => (name === gatewayName ? engines : []));
    const store = new Store({ path: paths.store, reuse, keep }, log);
    const receipts = { clients: new Receipts(this.#session, true), supervisors: new Receipts(this.#session, false) };
    store.onFlush = () => {
      const sealed = [receipts.clients.seal(), receipts.supervisors.seal()];
      return (commitment) => {
        for (const confirm of sealed) confirm(commitment);
      };
    };
    store.onRecovered = () => receipts.clients.recovered();
    const clients = new Clients(this.#session, store);
    const replies = new Replies(this.#session, clients, store);
    const broker = new Broker(replies, store, clients, log, keys.memory, before?.next ?? 0, lease);
    const nodes = new Nodes(broker, log, lease);
    const registrar = new Registrar(paths.registeredFile, this.#nonce, broker.engines, nodes, log);
    nodes.onChange = () => registrar.changed();
    if (reuse) log.info(`${await broker.balanced.restore(log)} tasks of the controller before were not finished`);
    const rejoining = new Rejoining(
      (before?.supervisors ?? []).map(({ name }) => name),
      leaseBefore,
      log,
    );
    broker.direct.expecting = !rejoining.over;
    void rejoining.settled.then(() => broker.settle());
    const intake = new Intake(this.#options.intake, () => ({
      tasks: broker.balanced.queue.tasks.size,
      bytes: broker.balanced.bytes + broker.direct.bytes,
      backlog: store.backlog,
    }));
    const hub = new Hub({
      ...{
        broker,
        store,
        clients,
        rejoining,
        lease,
        receipts: receipts.clients,
        session: this.#session,
        clusterId: place.clusterId,
      },
      idleTimeout: this.#options.idleTimeout,
      addresses: () => listening.addresses.map((address) => `${address}:${this.#server?.port ?? 0}`),
      join: (folder) => this.#announcement?.admit(folder),
      shutdown: () => this.ending.resolve('a client asked for it'),
    });
    const [session, common] = [this.#session, { broker, log, onActivity: this.#active }];
    const clientDoor = new ClientDoor({ ...common, session, clients, hub, intake, store, receipts: receipts.clients });
    const supervisorDoor = new SupervisorDoor({
      ...common,
      session,
      nodes,
      registrar,
      rejoining,
      receipts: receipts.supervisors,
    });
    return { store, clients, broker, nodes, registrar, rejoining, intake, hub, clientDoor, supervisorDoor };
  }

  /** The port of the controller before is taken again where it is free: peers elsewhere know no other. */
  async #listen(keys: KeyFile, socket: string, passes: Passes): Promise<RunningServer> {
    const { listening, ports, log } = this.#options;
    const open = (range: PortRange): Promise<RunningServer> =>
      openServer({
        host: listening.host,
        ports: range,
        socketPath: socket,
        certificate: keys,
        passOf: (name) => passes.passOf(name),
        onLink: (link, { role, holder }, address) => this.#admit(link, role, { holder, address }),
        onGet: (path, role) => this.#get(path, role),
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

  /** Ends the controller when nobody has needed it for so long, counting only time awake. */
  #watchIdleness(timeout: number): void {
    const lease = new Lease(timeout, () => this.ending.resolve(`nobody has needed it for ${timeout / 1000} s`));
    const timer = setInterval(
      () => {
        if ((this.#parts?.clients.size ?? 0) + (this.#parts?.broker.unfinished ?? 0) > 0) lease.renew();
      },
      Math.min(1000, timeout / 4),
    );
    this.#idle = { lease, timer };
  }

  #get(path: string, role: Role): unknown {
    if (path === '/healthz') return { status: 'ok' };
    return path === '/api/status' && role === 'client' ? this.#parts?.hub.status() : undefined;
  }

  #admit(link: Link, role: Role, comer: Comer): void {
    const { clientDoor, supervisorDoor } = this.#parts as Parts;
    if (role === 'client') clientDoor.admit(link, this.#options.lease);
    else supervisorDoor.admit(link, comer, this.#options.lease);
  }

  async #openGateway({ keys, again }: Keys): Promise<OpenGateway | undefined> {
    const { openGateway, lease, log } = this.#options;
    return openGateway?.({
      ...{ location: hostname(), lease, log, before: again ? keys.gateway : undefined, known: this.#known },
      connect: async (role) => {
        const [theirs, ours] = linkPair();
        this.#admit(ours, role, { holder: gatewayName, address: 'this process' });
        return theirs;
      },
    });
  }
}

/** The engines have been told to end: whoever comes after us waits for none of them, and gives out other ids. */
async function forgetSupervisors(path: string): Promise<void> {
  const registered = await readRegisteredFile(path);
  if (registered) await writeRegisteredFile(path, { ...registered, supervisors: [] });
}

/** A controller that answers at that place keeps it, as does one of Python's; a file of ours that nobody answers for is a leftover. */
async function refuseSecond(place: Place): Promise<void> {
  const files = filesOfPython(place);
  if (files.length > 0) {
    const sentence = `A controller of Python's ipyparallel has its connection files there: ${files.join(', ')}.`;
    throw new IpclusterError('CLUSTER_RUNNING', sentence, { files });
  }
  let file: ConnectionFile;
  try {
    file = readConnectionFile(pathsOf(place).clientFile);
  } catch {
    return;
  }
  const link = await dial(file, 1000).catch(() => undefined);
  if (!link) return;
  link.close();
  throw new IpclusterError('CLUSTER_RUNNING', `A controller (pid ${file.pid} on ${file.host}) runs there already.`, {
    files: [pathsOf(place).clientFile],
  });
}
