import { inspect } from 'node:util';
import { IpclusterError } from '../base/errors.js';
import { Feed, type FeedLimit } from '../base/feed.js';
import { newSession } from '../base/identifiers.js';
import { checkMilliseconds, checkWhole } from '../base/quantities.js';
import { boundedSignal } from '../base/timer.js';
import { within } from '../base/wait.js';
import { awaitConnectionFile, type ConnectionFile, readConnectionFile } from '../profile/connection-file.js';
import { findPlace, pathsOf } from '../profile/paths.js';
import { decodeMessage, isMessage, Session } from '../protocol/message.js';
import type {
  ClusterEvent,
  InterruptOutcome,
  StatusContent,
  TaskQuery,
  TaskRecord,
} from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import { dial } from '../transport/dial.js';
import { Peer } from '../transport/peer.js';
import { BalancedView } from './balanced-view.js';
import { Connection, greet } from './connection.js';
import { DirectView, type Targets } from './direct-view.js';
import type { TaskOptions } from './options.js';
import { Requests, readReply } from './requests.js';
import type { ViewContext } from './view-context.js';

/** Which cluster to connect to. */
export interface ConnectOptions {
  /** `default` when absent. */
  profile?: string;
  /** Which cluster of the profile; the one without an id when absent. */
  clusterId?: string;
  /** The client's connection file itself, instead of profile and cluster id. */
  file?: string;
  /**
   * Milliseconds for everything, 10,000 when absent; a file that is not there yet is waited for when `wait`
   * is set.
   */
  timeout?: number;
  wait?: boolean;
  /** Milliseconds for the controller to answer, once there is a file; all the time when absent. */
  dialTimeout?: number;
  /**
   * Milliseconds for which the controller is looked for again when the connection breaks; the cluster's lease
   * when absent, 0 for not at all.
   */
  reconnect?: number;
  signal?: AbortSignal;
}

/** One answer to a stored task: its value, or why there is none. */
export interface StoredAnswer {
  value: unknown;
  error: IpclusterError | undefined;
}

/** Events that wait for a watcher that does not read. */
const eventLimit: FeedLimit<ClusterEvent> = {
  most: 65_536,
  sizeOf: () => 1,
  notice: (count) => ({ event: 'missed', count }),
};

/** A connection to a controller: the engines, views on them, and questions about the cluster. */
export class Client implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #engines = new Map<number, string>();
  readonly #events = new Feed<ClusterEvent>(eventLimit);
  #watching = 0;
  readonly #context: ViewContext;

  /** What `console.log` shows of a client: which cluster it is connected to, and its engines. */
  [inspect.custom](): string {
    const { host, pid, clusterId } = this.connection;
    return (
      `Client { clusterId: ${JSON.stringify(clusterId)}, controller: ${host} (pid ${pid}), engines: ` +
      `[${this.ids.join(', ')}], ${this.#connection.open ? 'open' : 'closed'} }`
    );
  }

  private constructor(peer: Peer, file: ConnectionFile, path: string, patience: number) {
    this.#connection = new Connection(peer, file, path, patience, {
      packet: (packet) => this.#receive(packet),
      resume: (again) => this.#resume(again),
      ended: (error) => {
        this.#requests.failAll(error);
        this.#events.end();
      },
    });
    this.#requests = new Requests(this.#connection);
    this.#context = {
      requests: this.#requests,
      resolveTargets: (targets) => this.#resolve(targets),
      cancel: (ids) => this.cancel(ids),
      interrupt: async (targets) =>
        (await this.#connection.request({ type: 'interrupt_request', content: { targets } }, 60_000)).content
          .outcomes,
      engineCount: () => this.#engines.size,
    };
  }

  /**
   * Connects to a running controller. Throws CLUSTER_NOT_FOUND, CONNECTION_FILE, UNREACHABLE, UNAUTHORIZED,
   * CERTIFICATE or VERSION.
   */
  static async connect(options: ConnectOptions = {}): Promise<Client> {
    const { timeout = 10_000, dialTimeout = timeout, reconnect, signal } = options;
    for (const [name, value] of Object.entries({ timeout, dialTimeout, reconnect }))
      if (value !== undefined) checkMilliseconds(value, name);
    const { file, path } = await findConnection(options);
    const link = await dial(file, dialTimeout, signal);
    const peer = new Peer(link, new Session(newSession()));
    const client = new Client(peer, file, path, reconnect ?? file.lease);
    try {
      for (const { id, uuid } of await greet(peer, dialTimeout)) client.#engines.set(id, uuid);
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** Where the controller is. */
  get connection(): ConnectionFile {
    return this.#connection.file;
  }

  /** Ids of the engines that are registered now, in order. */
  get ids(): number[] {
    return [...this.#engines.keys()].sort((a, b) => a - b);
  }

  /** A view on these engines. `all` means all that there are at the time of each call. */
  direct<V extends Targets>(targets: V): DirectView<V> {
    return new DirectView(this.#context, targets);
  }

  /** A view on any free engine. */
  balanced(options: TaskOptions = {}): BalancedView {
    return new BalancedView(this.#context, options);
  }

  /**
   * Waits until so many engines are registered. Throws REGISTRATION_TIMEOUT, or CLOSED when the controller
   * leaves.
   */
  async waitForEngines(
    count: number,
    { timeout = 60_000, signal }: { timeout?: number; signal?: AbortSignal } = {},
  ): Promise<number[]> {
    checkWhole(count, 'count');
    const bound = boundedSignal(checkMilliseconds(timeout, 'timeout'), signal);
    const events = this.#events.follow(bound);
    while (this.#engines.size < count) {
      if (!(await events.next()).done) continue;
      signal?.throwIfAborted();
      if (!this.#connection.open)
        throw new IpclusterError('CLOSED', 'The controller left while engines were waited for.');
      throw new IpclusterError(
        'REGISTRATION_TIMEOUT',
        `${this.#engines.size} of ${count} engines registered within ${timeout / 1000} s.`,
      );
    }
    await events.return?.();
    return this.ids;
  }

  /** What happens in the cluster from now on: engines that come and go, and states of tasks. */
  async *watch(signal?: AbortSignal): AsyncGenerator<ClusterEvent> {
    const events = this.#events.follow(signal);
    this.#watching += 1;
    try {
      await this.#connection.request({ type: 'watch_request', content: { on: true } });
      yield* events;
    } finally {
      await events.return?.();
      this.#watching -= 1;
      // Whoever leaves need not hear that the connection was over before.
      if (this.#connection.open && this.#watching === 0)
        await this.#connection.request({ type: 'watch_request', content: { on: false } }).catch(() => {});
    }
  }

  /** Controller, engines and queues as the controller knows them; it answers whatever the engines do. */
  async status(): Promise<StatusContent> {
    return (await this.#connection.request({ type: 'status_request', content: {} })).content;
  }

  /** How much waits and runs, in numbers. */
  async queueStatus(): Promise<StatusContent['queues']> {
    return (await this.status()).queues;
  }

  /** Records of tasks, newest first. */
  async query(query: TaskQuery = {}): Promise<TaskRecord[]> {
    for (const name of ['limit', 'engine'] as const)
      if (query[name] !== undefined) checkWhole(query[name], name);
    return (await this.#connection.request({ type: 'query_request', content: { query } })).content.records;
  }

  /** A task by its id: its record, and the answers that are there. Throws NOT_FOUND. */
  async result(id: string): Promise<{ record: TaskRecord; answers: StoredAnswer[] }> {
    const { content, buffers } = await this.#connection.request({ type: 'result_request', content: { id } });
    const answers = buffers.map((body): StoredAnswer => {
      const { outcome } = readReply(body, content.record.engine ?? undefined);
      return 'error' in outcome
        ? { value: undefined, error: outcome.error }
        : { value: outcome.value, error: undefined };
    });
    return { record: content.record, answers };
  }

  /** Submits stored balanced tasks again; answers the new id for each. */
  async resubmit(ids: readonly string[]): Promise<Record<string, string>> {
    return (await this.#connection.request({ type: 'resubmit_request', content: { ids: [...ids] } })).content
      .ids;
  }

  /** Cancels requests by id; answers how each ended. */
  async cancel(ids: readonly string[]): Promise<Record<string, InterruptOutcome>> {
    return (await this.#connection.request({ type: 'abort_request', content: { ids: [...ids] } }, 60_000))
      .content.outcomes;
  }

  /** Ends these engines and starts new ones under the same ids, whatever they do. */
  async restartEngines(targets: Targets): Promise<number[]> {
    return (
      await this.#connection.request(
        { type: 'restart_request', content: { targets: this.#resolve(targets) } },
        60_000,
      )
    ).content.ids;
  }

  /** Ends these engines for good. */
  async stopEngines(targets: Targets): Promise<number[]> {
    return (
      await this.#connection.request(
        { type: 'stop_request', content: { targets: this.#resolve(targets) } },
        60_000,
      )
    ).content.ids;
  }

  /** Lets the supervisors of a batch job join, whose folder both this and the job's machines see. */
  async admitJob(folder: string): Promise<void> {
    await this.#connection.request({ type: 'join_request', content: { folder } });
  }

  /** Ends the controller and all engines. */
  async shutdown(): Promise<void> {
    const { linkClosed } = this.#connection;
    await this.#connection.request({ type: 'shutdown_request', content: {} });
    await within(linkClosed, 10_000);
  }

  /** Closes the connection; tasks go on and their results are kept by the controller. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #resolve(targets: Targets): number[] {
    if (targets !== 'all') {
      const wanted = typeof targets === 'number' ? [targets] : [...targets];
      const missing = wanted.find((id) => !this.#engines.has(id));
      if (wanted.length === 0) throw new IpclusterError('NO_ENGINES', 'The view names no engine.');
      const seen = new Set<number>();
      const twice = wanted.find((id) => seen.has(id) || !seen.add(id));
      if (twice !== undefined)
        throw new IpclusterError('USAGE', `The view names engine ${twice} more than once.`);
      if (missing !== undefined)
        throw new IpclusterError(
          'NOT_FOUND',
          `There is no engine ${missing}; there are ${this.ids.join(' ') || 'none'}.`,
        );
      return wanted;
    }
    if (this.#engines.size === 0) throw new IpclusterError('NO_ENGINES', 'No engine is registered.');
    return this.ids;
  }

  /**
   * Settles when every balanced task that was submitted so far is in the file of the controller's store: then
   * none can be lost. Rejects with NOT_KEPT when the store has no disk (they run all the same, and this
   * client keeps them until it has), and with CLOSED when the connection is over.
   */
  async accepted(): Promise<void> {
    await this.#requests.accepted();
  }

  /**
   * After a broken connection: what is on its way is seen to, and the engines are those that there are now.
   */
  async #resume(peer: Peer): Promise<void> {
    const engines = await this.#requests.resume(peer, this.#engines);
    const present = new Set(engines.map(({ id }) => id));
    for (const [id, uuid] of this.#engines) {
      if (present.has(id)) continue;
      this.#engines.delete(id);
      this.#events.push({
        event: 'engine_left',
        id,
        uuid,
        reason: 'it did not come back',
        restarting: false,
      });
    }
    for (const { id, uuid } of engines) this.#engines.set(id, uuid);
    if (this.#watching > 0) await peer.request({ type: 'watch_request', content: { on: true } });
  }

  /** Events were missed: engines may have come and gone. */
  async #lookAgain(): Promise<void> {
    const status = await this.status().catch(() => undefined);
    if (!status) return;
    this.#engines.clear();
    for (const { id, uuid } of status.engines) this.#engines.set(id, uuid);
  }

  #receive(packet: Packet): void {
    if (this.#requests.receive(packet) || packet.route.channel !== 'hub') return;
    const message = decodeMessage(packet.body);
    if (isMessage(message, 'committed')) return this.#requests.accept(message.content.count);
    if (isMessage(message, 'kept_in_memory'))
      return this.#requests.doubt(message.content.count, message.content.reason);
    if (!isMessage(message, 'event')) return;
    const event = message.content;
    if (event.event === 'engine_joined') this.#engines.set(event.id, event.uuid);
    else if (event.event === 'engine_left' && !event.restarting) this.#engines.delete(event.id);
    else if (event.event === 'missed') void this.#lookAgain();
    this.#events.push(event);
  }
}

async function findConnection({
  profile,
  clusterId,
  file,
  timeout = 10_000,
  wait,
  signal,
}: ConnectOptions): Promise<{ file: ConnectionFile; path: string }> {
  const path = file ?? pathsOf(findPlace({ profile, clusterId })).clientFile;
  if (wait) return { file: await awaitConnectionFile(path, timeout, signal), path };
  try {
    return { file: readConnectionFile(path), path };
  } catch (error) {
    if (file !== undefined || !(error instanceof IpclusterError) || !error.message.includes('is not there'))
      throw error;
    const of = `profile "${profile ?? 'default'}"${clusterId ? `, cluster id "${clusterId}"` : ''}`;
    throw new IpclusterError('CLUSTER_NOT_FOUND', `No cluster of ${of} runs here.`, { files: [path] });
  }
}
