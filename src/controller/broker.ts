import type { Log } from '../base/log.js';
import type { EngineUp, InterruptOutcome } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import { BalancedTasks } from './balanced.js';
import type { Clients } from './clients.js';
import { DirectRequests } from './direct.js';
import { type Engine, EngineTable, type Node, release } from './engine-table.js';
import type { Replies } from './replies.js';
import type { Store } from './store.js';

/** How often it is looked whether work waits behind a long task while others are idle (milliseconds). */
const reclaimInterval = 100;

/** Joins the parts: what engines say moves direct requests and balanced tasks on. */
export class Broker {
  readonly engines = new EngineTable();
  readonly direct: DirectRequests;
  readonly balanced: BalancedTasks;
  readonly #clients: Clients;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;

  constructor(replies: Replies, store: Store, clients: Clients, log: Log, memory: string) {
    this.#clients = clients;
    this.#log = log;
    this.direct = new DirectRequests(this.engines, replies, store, memory);
    this.balanced = new BalancedTasks(this.engines, replies, store, clients, (engine, id) => this.interrupt(engine, id));
    this.#timer = setInterval(() => this.#reclaim(), reclaimInterval);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** A request of a client. */
  submit({ route, body }: Packet): void {
    if (route.channel === 'direct') this.direct.submit(route, body);
    else if (route.channel === 'balanced') this.balanced.submit(body);
  }

  /** A reply or output of an engine. */
  fromEngine(node: Node, { route, body }: Packet): void {
    if (route.channel === 'output') return this.#clients.send(route.session, route, [body]);
    if (route.channel !== 'reply' || route.from === undefined) return;
    const engine = this.engines.get(route.from);
    if (engine?.node !== node) return;
    const known =
      this.balanced.reply(route.id, engine.id, route.status, body) || this.direct.reply(route.id, engine.id, route.status, body);
    if (!known) this.#log.debug(`engine ${engine.id} answered ${route.id}, which nobody waits for`);
    this.#released(engine, route.id);
    engine.completed += 1;
    this.balanced.queue.schedule();
  }

  #released(engine: Engine, id: string): void {
    if (!release(engine, id)) return;
    const [head] = engine.assigned;
    if (head?.kind === 'balanced') this.balanced.running(head.id);
  }

  engineUp(node: Node, up: EngineUp): void {
    const engine = this.engines.up(node, up);
    if (!engine) return this.#log.warn(`${node.name} brought an engine ${up.id} that is not its own`);
    this.#log.info(`engine ${up.id} joined: ${node.host}, pid ${up.pid}`);
    this.#clients.tell({ event: 'engine_joined', id: up.id, uuid: up.uuid, host: node.host, pid: up.pid });
    this.direct.unpark(engine);
    this.balanced.queue.schedule();
  }

  engineDown(id: number, reason: string, restarting: boolean): void {
    const engine = this.engines.down(id);
    if (!engine) return;
    if (restarting) this.engines.restarting.add(id);
    this.#log.warn(`engine ${id} left: ${reason}`);
    this.#clients.tell({ event: 'engine_left', id, uuid: engine.uuid, reason, restarting });
    // Put back from the last to the first, so that they stand in the queue as they stood here.
    engine.assigned.toReversed().forEach((assignment, index) => {
      if (assignment.kind === 'direct') this.direct.lost(assignment.id, id, reason);
      else this.balanced.lost(assignment, index === engine.assigned.length - 1, reason);
    });
    this.balanced.queue.schedule();
  }

  /** A supervisor has left, and with it its engines. */
  nodeLeft(node: Node): void {
    const reason = `the connection to ${node.host} was lost`;
    for (const id of this.engines.restartingOn(node)) this.direct.abandon(id, reason);
    for (const { id } of this.engines.leave(node)) this.engineDown(id, reason, false);
  }

  /** Interrupts a request on an engine, or what it runs now. */
  async interrupt(engineId: number, id: string | null): Promise<InterruptOutcome> {
    const engine = this.engines.get(engineId);
    if (!engine) return 'unknown';
    const aimed = id ?? engine.assigned[0]?.id;
    if (aimed === undefined) return 'finished';
    const content = { engine: engineId, id: aimed };
    const reply = await engine.node.peer.request({ type: 'cancel_request', content }, 60_000).catch(() => undefined);
    const outcome = reply?.content.outcome ?? 'unknown';
    if (outcome === 'removed') {
      this.#released(engine, aimed);
      this.direct.removed(aimed, engineId, outcome);
      this.balanced.removed(aimed, engineId, outcome);
      this.balanced.queue.schedule();
    }
    return outcome;
  }

  /** Cancels requests by id, direct and balanced, on the engines named or on all that have them. */
  async cancel(ids: readonly string[], targets?: readonly number[]): Promise<Record<string, InterruptOutcome>> {
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

  /** Takes tasks back that wait behind one that turned out to be long, when another engine has nothing to do. */
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
    const reply = await engine.node.peer.request({ type: 'reclaim_request', content }).catch(() => undefined);
    for (const id of (reply?.content.ids ?? []).toReversed()) {
      if (release(engine, id)) this.balanced.reclaimed(id);
    }
    this.balanced.queue.schedule();
  }
}
