import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { IpclusterError, isIpclusterError, messageOf } from '../base/errors.js';
import { removeFile } from '../base/files.js';
import { newSession } from '../base/identifiers.js';
import { Lease } from '../base/lease.js';
import type { Log } from '../base/log.js';
import { removeMemoryFolder } from '../base/memory-files.js';
import type { PortRange } from '../base/quantities.js';
import { collectAtRest } from '../base/rest.js';
import { deferred } from '../base/wait.js';
import { type ConnectionFile, type Role, readConnectionFile } from '../profile/connection-file.js';
import { claimFolders } from '../profile/folders.js';
import type { KeyFile } from '../profile/key-file.js';
import { type Place, pathsOf, socketPath } from '../profile/paths.js';
import { readRegisteredFile, writeRegisteredFile } from '../profile/registered-file.js';
import { leaveSocketFolders } from '../profile/sockets.js';
import { decodeMessage, isMessage, type Message, Session } from '../protocol/message.js';
import { dial } from '../transport/dial.js';
import { type GatewayOptions, gatewayName, type OpenGateway } from '../transport/gateway-door.js';
import type { Link } from '../transport/link.js';
import { linkPair } from '../transport/pair.js';
import { Peer } from '../transport/peer.js';
import { openServer, type RunningServer } from '../transport/server.js';
import type { Listening } from './addresses.js';
import { Announcement } from './announcement.js';
import { Broker } from './broker.js';
import { Clients } from './clients.js';
import type { Node } from './engine-table.js';
import { checkVersion, Hub } from './hub.js';
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
  receipts: { clients: Receipts; supervisors: Receipts };
  hub: Hub;
}

/** A client may have so many questions open; then nothing is read from it until half of them are answered. */
const mostQuestions = 32;
/** Whoever comes is not heard further until the list of engines is written, unless that takes so long (milliseconds). */
const listTime = 1000;

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
    const { place, log, lease, reuse } = this.#options;
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
    const presence = { place, addresses, socket, nonce: this.#nonce, lease, python: this.#gateway };
    const published = { ...keys, port: this.#server.port, gateway: this.#gateway?.state };
    this.#announcement = new Announcement(presence, published, passes, this.#options.joins);
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
    return { store, clients, broker, nodes, registrar, rejoining, intake, receipts, hub };
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
        onLink: (link, { role }, address) => (role === 'client' ? this.#admitClient(link) : this.#admitSupervisor(link, address)),
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

  async #openGateway({ keys, again }: Keys): Promise<OpenGateway | undefined> {
    const { openGateway, lease, log } = this.#options;
    return openGateway?.({
      ...{ location: hostname(), lease, log, before: again ? keys.gateway : undefined, known: this.#known },
      connect: async (role) => {
        const [theirs, ours] = linkPair();
        if (role === 'client') this.#admitClient(ours);
        else this.#admitSupervisor(ours, 'this process');
        return theirs;
      },
    });
  }

  #admitClient(link: Link): void {
    const parts = this.#parts as Parts;
    let asked = 0;
    link.keepLease(this.#options.lease);
    link.onPacket((packet) => {
      this.#active();
      if (packet.route.channel === 'direct' || packet.route.channel === 'balanced') {
        if (packet.route.channel === 'balanced') parts.receipts.clients.count(link);
        parts.broker.submit(packet);
        parts.intake.submitted(link, packet.body.length);
      } else if (packet.route.channel === 'hub') {
        const message = decodeMessage(packet.body);
        parts.clients.seen(message.header, link);
        asked += 1;
        if (asked > mostQuestions) link.pause('questions');
        void parts.hub.answer(message, link).finally(() => {
          asked -= 1;
          if (asked <= mostQuestions / 2) link.resume('questions');
        });
      }
    });
    void link.closed.then((error) => {
      if (error) this.#options.log.warn('a client was cut off', error.message);
      parts.clients.left(link);
    });
  }

  #admitSupervisor(link: Link, address: string): void {
    const { broker, nodes, registrar, rejoining, receipts } = this.#parts as Parts;
    const peer = new Peer(link, this.#session);
    let node: Node | undefined;
    link.keepLease(this.#options.lease);
    peer.onPacket((packet) => {
      if (packet.route.channel !== 'hub') {
        this.#active();
        if (packet.route.channel === 'reply') receipts.supervisors.count(link);
        if (node) broker.fromEngine(node, packet);
        return;
      }
      const message = decodeMessage(packet.body);
      if (isMessage(message, 'registration_request')) node = this.#register(message, peer);
      else if (node && isMessage(message, 'places_request')) this.#reserve(node, peer, message);
      else if (node && isMessage(message, 'engine_up')) broker.engineUp(node, message.content);
      else if (node && isMessage(message, 'engine_down') && broker.engines.nodeOf(message.content.id) === node)
        broker.engineDown(message.content);
      else if (node && isMessage(message, 'engine_facts')) broker.engines.note(node, message.content);
      else if (node && isMessage(message, 'caught_up')) rejoining.joined(node.name);
      if (!node) return;
      if (isMessage(message, 'registration_request')) this.#noteDown(link);
      // An engine that came by itself can be found again only by that list.
      else if (node.name === gatewayName && isMessage(message, 'engine_up')) void registrar.write();
      else registrar.changed();
    });
    void link.closed.then((error) => {
      if (node) nodes.closed(node, peer, error);
      else this.#options.log.info(`somebody with the engines' token left: ${address}`, ...(error ? [error.message] : []));
    });
  }

  /** A controller that comes after this one waits for nobody who is not on the list: until he is, nothing more of him is heard. */
  #noteDown(link: Link): void {
    link.pause('list');
    const late = setTimeout(() => link.resume('list'), listTime);
    void (this.#parts as Parts).registrar.write().then(() => {
      clearTimeout(late);
      link.resume('list');
    });
  }

  #reserve(node: Node, peer: Peer, { header, content: { ids: wanted } }: Message<'places_request'>): void {
    const ids = (this.#parts as Parts).broker.engines.reserve(node, wanted.length, wanted);
    peer.tell({ type: 'places_reply', content: { status: 'ok', ids } }, header);
  }

  /** A supervisor introduces itself: it gets ids for its engines, or a sentence why not. */
  #register(message: Message<'registration_request'>, peer: Peer): Node | undefined {
    const { nodes } = this.#parts as Parts;
    const { header, content } = message;
    let registered: ReturnType<Nodes['register']>;
    try {
      checkVersion(content);
      registered = nodes.register(message, peer);
    } catch (error) {
      this.#options.log.warn(`a supervisor was refused: ${content.host}/${content.pid}`, messageOf(error));
      const refusal = {
        status: 'error' as const,
        ename: isIpclusterError(error) ? error.code : 'INTERNAL',
        evalue: messageOf(error),
        traceback: [],
      };
      peer.tell({ type: 'error_reply', content: refusal }, header);
      return undefined;
    }
    const { node, ids } = registered;
    peer.tell({ type: 'registration_reply', content: { status: 'ok', ids, supervisor: node.name } }, header);
    return node;
  }
}

/** The engines have been told to end: whoever comes after us waits for none of them, and gives out other ids. */
async function forgetSupervisors(path: string): Promise<void> {
  const registered = await readRegisteredFile(path);
  if (registered) await writeRegisteredFile(path, { ...registered, supervisors: [] });
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
