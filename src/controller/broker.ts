import { IpclusterError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Timer } from '../base/timer.js';
import { decodeFrames } from '../protocol/frames.js';
import type { Head } from '../protocol/message.js';
import type {
  EngineUp,
  Evidence,
  HeldRequest,
  InterruptOutcome,
  MessageContents,
} from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import type { Route } from '../protocol/routes.js';
import { BalancedTasks } from './balanced.js';
import type { Clients } from './clients.js';
import { DirectRequests } from './direct.js';
import { type Engine, release } from './engine.js';
import { EngineTable } from './engine-table.js';
import type { Replies } from './replies.js';
import type { Store } from './store.js';
import type { Supervisor } from './supervisor.js';

type ReplyRoute = Extract<Packet['route'], { channel: 'reply' }>;

/** An engine's end; without evidence when nobody saw it. */
type EngineDown = Pick<MessageContents['engine_down'], 'id' | 'reason' | 'restarting'> & {
  evidence: Evidence | undefined;
};

/** What engines are asked to do; comm is IPython's. */
const engineRequests = /^((execute|apply|push|pull|clear|command)_request|comm_[a-z]{1,20})$/;

/** How often it is looked whether work waits behind a long task while others are idle (milliseconds). */
const reclaimInterval = 100;

/** What the broker works with. */
export interface BrokerParts {
  replies: Replies;
  store: Store;
  clients: Clients;
  log: Log;
  /** Where clients of this host leave large frames. */
  memory: string;
  /** The first engine id that nobody has had. */
  next: number;
  /** How long tasks wait for engines when all were given up (milliseconds). */
  patience: number;
  /** True while engines of an earlier controller may still come back. */
  expecting: boolean;
}

/** Who is registered, and what they were given. */
type Requests = Pick<Broker, 'engines' | 'direct' | 'balanced'>;

/** Joins the parts: what engines say moves direct requests and balanced tasks on. */
export class Broker {
  readonly engines: EngineTable;
  readonly direct: DirectRequests;
  readonly balanced: BalancedTasks;
  readonly #replies: Replies;
  readonly #store: Store;
  readonly #clients: Clients;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  readonly #patience: number;
  /** Runs while engines were given up, and tasks wait that nothing here can run. */
  #stranded: Timer | undefined;

  private constructor(
    { store, clients, log, replies, patience }: BrokerParts,
    { engines, direct, balanced }: Requests,
  ) {
    this.#patience = patience;
    this.#replies = replies;
    this.#clients = clients;
    this.#log = log;
    this.#store = store;
    this.engines = engines;
    this.direct = direct;
    this.balanced = balanced;
    this.#timer = setInterval(() => this.#reclaim(), reclaimInterval);
  }

  static open(parts: BrokerParts): Broker {
    const { replies, store, clients, memory, next, expecting } = parts;
    const engines = new EngineTable(next);
    const direct = new DirectRequests(engines, replies, store, memory, expecting);
    const balanced = new BalancedTasks(engines, replies, store, clients, (engine, id) =>
      broker.interrupt(engine, id),
    );
    const broker: Broker = new Broker(parts, { engines, direct, balanced });
    return broker;
  }

  /** Requests and tasks that are not finished. */
  get unfinished(): number {
    return this.balanced.queue.tasks.size + this.direct.size;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#stranded?.end();
  }

  /** A request of a client. Throws what is wrong with it, before anything has been done. */
  submit(route: Extract<Route, { channel: 'direct' | 'balanced' }>, body: Buffer, head: Head): void {
    const { msg_id: id, msg_type: type, session } = head.header;
    if (!engineRequests.test(type)) throw new IpclusterError('PROTOCOL', `Engines know no ${type}.`);
    const owner = this.balanced.queue.tasks.get(id)?.session ?? this.direct.sessionOf(id);
    if (owner !== undefined && owner !== session)
      throw new IpclusterError('USAGE', 'The id of this request is in use.');
    if (route.channel === 'direct') this.direct.submit(route, body, head);
    else this.balanced.submit(body, head);
    this.#watchStranded();
  }

  /**
   * Gives out what can be given out. Whatever goes wrong with one task is said, and is no fault of the peer
   * whose message is being dealt with.
   */
  #schedule(): void {
    try {
      this.balanced.queue.schedule();
    } catch (error) {
      this.#log.error('a task could not be given out', error);
    }
  }

  /** Tasks that nothing can run any more wait for other engines, but not for ever. */
  #watchStranded(): void {
    const { givenUp, restarting } = this.engines;
    if (
      givenUp.size === 0 ||
      this.#stranded ||
      restarting.size > 0 ||
      this.balanced.queue.counts.balanced === 0
    )
      return;
    if (this.balanced.queue.stranded.length === 0) return;
    this.#stranded = new Timer(this.#patience, () => {
      this.#stranded = undefined;
      const [, reason] = [...givenUp].at(-1) ?? [];
      if (reason !== undefined && restarting.size === 0) this.balanced.abandonStranded(reason);
      this.#watchStranded();
    });
  }

  /** A reply or output of an engine. */
  fromEngine(supervisor: Supervisor, { route, body }: Packet): void {
    if (route.channel === 'output') return this.#clients.output(route, [body]);
    if (route.channel !== 'reply' || route.from === undefined) return;
    const engine = this.engines.get(route.from);
    if (engine?.supervisor !== supervisor) return;
    // Nobody answers for what only others were given.
    const known =
      engine.assigned.some(({ id }) => id === route.id) &&
      (this.balanced.reply(route.id, engine.id, route.status, body) ||
        this.direct.reply(route.id, engine.id, route.status, body));
    if (!known) this.#unexpected(engine, route, body);
    this.#released(engine, route.id);
    engine.completed += 1;
    this.#schedule();
  }

  /**
   * A reply that nobody here waits for; what it says is committed already, or was asked of an earlier
   * controller.
   */
  #unexpected(engine: Engine, { id, status }: ReplyRoute, body: Buffer): void {
    if (!this.direct.expecting) {
      this.#log.debug(`engine ${engine.id} answered ${id}, which nobody waits for`);
      return this.#store.mark();
    }
    const { session } = JSON.parse(String(decodeFrames(body)[1])) as { session?: string };
    if (session) this.#replies.pass({ id, session }, status, engine.id, body);
  }

  #released(engine: Engine, id: string): void {
    if (!release(engine, id)) return;
    const [head] = engine.assigned;
    if (head?.kind === 'balanced') this.balanced.running(head.id);
  }

  engineUp(supervisor: Supervisor, up: EngineUp): void {
    const engine = this.engines.up(supervisor, up);
    if (!engine) return this.#log.warn(`${supervisor.name} brought an engine ${up.id} that is not its own`);
    this.#log.info(`engine ${up.id} joined: ${supervisor.host}, pid ${up.pid}`);
    const { id, uuid, pid, language } = up;
    this.#clients.tell({ event: 'engine_joined', id, uuid, language, host: supervisor.host, pid });
    this.direct.unpark(engine);
    this.#schedule();
  }

  engineDown({ id, reason, restarting, evidence }: EngineDown): void {
    const engine = this.engines.down(id, reason);
    if (restarting) this.engines.restarting.add(id);
    else {
      this.engines.restarting.delete(id);
      this.direct.abandon(id, reason);
      if (evidence?.crash) this.engines.givenUp.set(id, reason);
      else this.engines.past.endedForGood(id, reason);
    }
    if (engine) this.#left(engine, { id, reason, restarting, evidence });
    // What waited for one that was being started again may go elsewhere now, or nowhere.
    this.#schedule();
    this.#watchStranded();
  }

  /** What an engine had that was up goes elsewhere, or fails. */
  #left(engine: Engine, { id, reason, restarting, evidence }: EngineDown): void {
    this.#log.warn(`engine ${id} left: ${reason}`);
    this.#clients.tell({ event: 'engine_left', id, uuid: engine.uuid, reason, restarting });
    // Put back from the last to the first, so that they stand in the queue as they stood here.
    engine.assigned.toReversed().forEach((assignment) => {
      if (assignment.kind === 'direct') this.direct.lost(assignment.id, id, reason, evidence);
      else this.balanced.lost(assignment, id, reason, evidence);
    });
  }

  /** An engine that was up before its supervisor lost us is still there, and holds these requests. */
  engineBack(supervisor: Supervisor, up: EngineUp, held: readonly HeldRequest[]): void {
    const known = this.engines.get(up.id);
    if (known && known.uuid !== up.uuid)
      this.engineDown({ id: up.id, reason: 'it was replaced', restarting: true, evidence: undefined });
    if (!this.engines.get(up.id)) this.engineUp(supervisor, up);
    const engine = this.engines.get(up.id);
    if (!engine) return;
    const ids = new Set(held.map(({ header }) => header.msg_id));
    const had = new Set(engine.assigned.map(({ id }) => id));
    for (const { queue, header } of held) {
      if (had.has(header.msg_id)) continue;
      if (queue === 'direct') this.direct.claim(header, engine);
      else this.balanced.claim(header.msg_id, engine);
    }
    const reason = `the connection to ${supervisor.host} was lost`;
    for (const assignment of engine.assigned.filter(({ id }) => !ids.has(id)).toReversed()) {
      this.#released(engine, assignment.id);
      if (assignment.kind === 'direct') this.direct.lost(assignment.id, engine.id, reason);
      else this.balanced.reclaimed(assignment.id, engine.id);
    }
    this.direct.unpark(engine);
  }

  /** A supervisor has left, and with it its engines. */
  supervisorLeft(supervisor: Supervisor): void {
    const reason = `the connection to ${supervisor.host} was lost`;
    for (const id of this.engines.restartingOn(supervisor)) this.direct.abandon(id, reason);
    for (const { id } of this.engines.leave(supervisor))
      this.engineDown({ id, reason, restarting: false, evidence: undefined });
  }

  /** Whoever comes back from before is back: what nobody has is given out again. */
  settle(): void {
    this.balanced.settle();
    this.direct.settle();
    this.#schedule();
  }

  /** Interrupts a request on an engine, or what it runs now. */
  async interrupt(engineId: number, id: string | null): Promise<InterruptOutcome> {
    const engine = this.engines.get(engineId);
    if (!engine || engine.supervisor.away) return 'unknown';
    const aimed = id ?? engine.assigned[0]?.id;
    if (aimed === undefined) return 'finished';
    const content = { engine: engineId, id: aimed };
    const reply = await engine.supervisor.peer
      .request({ type: 'cancel_request', content }, 60_000)
      .catch(() => undefined);
    const outcome = reply?.content.outcome ?? 'unknown';
    if (outcome === 'removed') this.#removed(engine, aimed);
    return outcome;
  }

  /** Cancels requests by id, direct and balanced, on the engines named or on all that have them. */
  async cancel(
    ids: readonly string[],
    targets?: readonly number[],
  ): Promise<Record<string, InterruptOutcome>> {
    const outcomes = await Promise.all(
      ids.map(async (id): Promise<[string, InterruptOutcome]> => {
        if (!this.direct.has(id)) return [id, await this.balanced.cancel(id)];
        const engines = this.direct.enginesOf(id).filter((engine) => targets?.includes(engine) ?? true);
        const each = await Promise.all(engines.map((engine) => this.interrupt(engine, id)));
        return [id, each.find((outcome) => outcome !== 'finished') ?? 'finished'];
      }),
    );
    return Object.fromEntries(outcomes);
  }

  /** Stops requests that have not begun, on the engines named or on all that have them; what runs goes on. */
  async withdraw(
    ids: readonly string[],
    targets?: readonly number[],
  ): Promise<Record<string, InterruptOutcome>> {
    const outcomes = await Promise.all(
      ids.map(async (id): Promise<[string, InterruptOutcome]> => {
        const own = this.balanced.engineOf(id);
        const engines = this.direct.enginesOf(id).filter((engine) => targets?.includes(engine) ?? true);
        if (own === undefined && !this.direct.has(id)) return [id, await this.balanced.cancel(id)];
        const each = await Promise.all(
          (own === undefined ? engines : [own]).map((engine) => this.#removeFrom(engine, id)),
        );
        return [id, each.every((removed) => removed) ? 'removed' : 'unknown'];
      }),
    );
    return Object.fromEntries(outcomes);
  }

  async #removeFrom(engineId: number, id: string): Promise<boolean> {
    const engine = this.engines.get(engineId);
    if (!engine || engine.supervisor.away) return false;
    const content = { engine: engineId, ids: [id] };
    const reply = await engine.supervisor.peer
      .request({ type: 'reclaim_request', content })
      .catch(() => undefined);
    if (!reply?.content.ids.includes(id)) return false;
    this.#removed(engine, id);
    return true;
  }

  /** The engine has given the request back, and nobody will run it. */
  #removed(engine: Engine, id: string): void {
    this.#released(engine, id);
    this.direct.removed(id, engine.id, 'removed');
    this.balanced.removed(id, engine.id, 'removed');
    this.#schedule();
  }

  /**
   * Takes tasks back that wait behind one that turned out to be long, when another engine has nothing to do.
   */
  #reclaim(): void {
    const engines = [...this.engines.values()];
    if (!engines.some(({ assigned, stopping }) => assigned.length === 0 && !stopping)) return;
    const now = performance.now();
    for (const engine of engines) {
      const [head, ...rest] = engine.assigned;
      if (!head || now - Math.max(head.given, engine.lastReply) < reclaimInterval) continue;
      const ids = rest.filter(({ kind }) => kind === 'balanced').map(({ id }) => id);
      if (ids.length > 0) void this.#takeBack(engine, ids);
    }
  }

  async #takeBack(engine: Engine, ids: string[]): Promise<void> {
    const content = { engine: engine.id, ids };
    const reply = await engine.supervisor.peer
      .request({ type: 'reclaim_request', content })
      .catch(() => undefined);
    for (const id of (reply?.content.ids ?? []).toReversed()) {
      if (release(engine, id)) this.balanced.reclaimed(id, engine.id);
    }
    this.#schedule();
  }
}
