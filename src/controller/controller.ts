import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { IpclusterError, messageOf } from '../base/errors.js';
import { closeFolder, removeEmptyFolder, removeFile } from '../base/files.js';
import { newSession, newToken } from '../base/identifiers.js';
import type { Log } from '../base/log.js';
import { makeMemoryFolder, removeMemoryFolder } from '../base/memory-files.js';
import type { PortRange } from '../base/quantities.js';
import { deferred } from '../base/wait.js';
import { type ConnectionFile, type Role, readConnectionFile, writeConnectionFile } from '../profile/connection-file.js';
import { type Place, pathsOf, socketFolder, socketPath } from '../profile/paths.js';
import { decodeMessage, isMessage, type Message, Session } from '../protocol/message.js';
import { protocolVersion } from '../protocol/messages.js';
import { dial } from '../transport/dial.js';
import type { Link } from '../transport/link.js';
import { Peer } from '../transport/peer.js';
import { openServer, type RunningServer } from '../transport/server.js';
import type { Listening } from './addresses.js';
import { Broker } from './broker.js';
import { makeCertificate, type OwnCertificate } from './certificate.js';
import { Clients } from './clients.js';
import type { Node } from './engine-table.js';
import { checkVersion, Hub } from './hub.js';
import { Replies } from './replies.js';
import { Store } from './store.js';

export interface ControllerOptions {
  place: Place;
  listening: Listening;
  ports: PortRange;
  log: Log;
}

/** The controller: binds, writes the two connection files last, runs until it is told to end, undoes it all in reverse. */
export class Controller {
  /** Settles when somebody wants it to end, with the reason. */
  readonly ending = deferred<string>();
  readonly #options: ControllerOptions;
  readonly #session = new Session(newSession());
  readonly #clients = new Clients(this.#session);
  readonly #tokens: Record<Role, string> = { client: newToken(), engine: newToken() };
  readonly #nodes = new Set<Node>();
  readonly #memory = makeMemoryFolder();
  #store: Store | undefined;
  #broker: Broker | undefined;
  #hub: Hub | undefined;
  #server: RunningServer | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  /** Starts everything; when this resolves, peers can come. Throws CLUSTER_RUNNING, PORT_IN_USE or ADDRESS. */
  async start(): Promise<void> {
    const { place, listening, ports, log } = this.#options;
    await refuseSecond(place);
    const certificate = makeCertificate();
    const socket = socketPath(randomUUID());
    this.#server = await openServer({
      host: listening.host,
      ports,
      socketPath: socket,
      certificate,
      tokens: this.#tokens,
      onLink: (link, role, address) => (role === 'client' ? this.#admitClient(link) : this.#admitSupervisor(link, address)),
      onGet: (path, role) => this.#get(path, role),
    });
    // Tasks and results are their owner's: the folder of the store is closed to others.
    closeFolder(pathsOf(place).work);
    const store = new Store(pathsOf(place).store, log);
    const broker = new Broker(new Replies(this.#session, this.#clients, store), store, this.#clients, log, this.#memory);
    this.#store = store;
    this.#broker = broker;
    this.#hub = new Hub({
      ...{ broker, store, clients: this.#clients, session: this.#session, clusterId: place.clusterId },
      addresses: () => listening.addresses.map((address) => `${address}:${this.#server?.port ?? 0}`),
      shutdown: () => this.ending.resolve('a client asked for it'),
    });
    this.#writeFiles(certificate, socket);
    log.info(`listening on ${listening.addresses.join(' ')} port ${this.#server.port}`);
  }

  /** Ends links, commits the store, removes the connection files and the socket. */
  async close(): Promise<void> {
    const paths = pathsOf(this.#options.place);
    await Promise.all([removeFile(paths.clientFile), removeFile(paths.engineFile)]);
    for (const { peer } of this.#nodes) peer.link.close();
    this.#broker?.close();
    await this.#store?.close();
    await this.#server?.close();
    removeMemoryFolder(this.#memory);
    await removeEmptyFolder(socketFolder());
  }

  #writeFiles({ certificate, fingerprint }: OwnCertificate, socket: string): void {
    const { place, listening } = this.#options;
    const file: Omit<ConnectionFile, 'role' | 'token'> = {
      ...{ kind: 'ipcluster', protocol: protocolVersion, clusterId: place.clusterId, addresses: listening.addresses },
      ...{ port: this.#server?.port ?? 0, socket, memory: this.#memory, host: hostname(), pid: process.pid, nonce: randomUUID() },
      ...{ certificate, fingerprint, location: hostname() },
    };
    const paths = pathsOf(place);
    writeConnectionFile(paths.engineFile, { ...file, role: 'engine', token: this.#tokens.engine });
    writeConnectionFile(paths.clientFile, { ...file, role: 'client', token: this.#tokens.client });
  }

  #get(path: string, role: Role): unknown {
    if (path === '/healthz') return { status: 'ok' };
    return path === '/api/status' && role === 'client' ? this.#hub?.status() : undefined;
  }

  #admitClient(link: Link): void {
    link.onPacket((packet) => {
      if (packet.route.channel === 'direct' || packet.route.channel === 'balanced') {
        this.#broker?.submit(packet);
      } else if (packet.route.channel === 'hub') {
        const message = decodeMessage(packet.body);
        this.#clients.seen(message.header, link);
        void this.#hub?.answer(message, link);
      }
    });
    void link.closed.then((error) => {
      if (error) this.#options.log.warn('a client was cut off', error.message);
      this.#clients.left(link);
    });
  }

  #admitSupervisor(link: Link, address: string): void {
    const peer = new Peer(link, this.#session);
    let node: Node | undefined;
    peer.onPacket((packet) => {
      if (packet.route.channel !== 'hub') {
        if (node) this.#broker?.fromEngine(node, packet);
        return;
      }
      const message = decodeMessage(packet.body);
      if (isMessage(message, 'registration_request')) {
        node = this.#register(message, peer);
      } else if (node && isMessage(message, 'engine_up')) {
        this.#broker?.engineUp(node, message.content);
      } else if (node && isMessage(message, 'engine_down')) {
        this.#broker?.engineDown(message.content.id, message.content.reason, message.content.restarting);
      }
    });
    void link.closed.then((error) => {
      this.#options.log.info(`a supervisor left: ${node?.name ?? address}`, ...(error ? [error.message] : []));
      if (!node) return;
      this.#nodes.delete(node);
      this.#broker?.nodeLeft(node);
    });
  }

  /** A supervisor introduces itself: it gets ids for its engines, or a sentence why not. */
  #register({ header, content }: Message<'registration_request'>, peer: Peer): Node | undefined {
    const { host, pid, rank, count, ids } = content;
    try {
      checkVersion(content);
    } catch (error) {
      this.#options.log.warn(`a supervisor was refused: ${host}/${pid}`, messageOf(error));
      const refusal = { status: 'error' as const, ename: 'VERSION', evalue: messageOf(error), traceback: [] };
      peer.tell({ type: 'error_reply', content: refusal }, header);
      return undefined;
    }
    const node: Node = { name: `${host}/${pid}`, host, rank, peer };
    this.#nodes.add(node);
    const given = this.#broker?.engines.reserve(node, count, ids) ?? [];
    peer.tell({ type: 'registration_reply', content: { status: 'ok', ids: given, supervisor: node.name } }, header);
    return node;
  }
}

/** A controller that answers at that place keeps it; a file that nobody answers for is a leftover. */
async function refuseSecond(place: Place): Promise<void> {
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
