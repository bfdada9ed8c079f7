import type { AllocationContent, EngineRecord, EngineUp, MessageContents } from '../protocol/messages.js';
import type { Peer } from '../transport/peer.js';
import { PastEngines } from './past-engines.js';

/** The supervisor that holds an engine. */
export interface Node {
  name: string;
  /** Names the supervisor across its connections. */
  run: string;
  /** Whose token it came by. */
  holder: string;
  host: string;
  rank: number | null;
  /** The batch job that it is part of. */
  allocation: AllocationContent | null;
  /** Its connection; another one after it came back. */
  peer: Peer;
  /** Set while its connection is lost and it may still come back. */
  away: NodeJS.Timeout | undefined;
}

/** A request that an engine was given and has not answered; the first of them is the one it runs. */
export interface Assignment {
  id: string;
  kind: 'direct' | 'balanced';
  /** When it became the first (milliseconds since the epoch); until then, when it was given. */
  since: number;
  /** When it was given, on the monotonic clock. */
  given: number;
}

/** One engine that is up. */
export interface Engine {
  id: number;
  uuid: string;
  pid: number;
  node: Node;
  language: string;
  log: string | null;
  /** Milliseconds since the epoch. */
  idleSince: number;
  /** Milliseconds since the epoch; and milliseconds of work since. */
  joined: number;
  busy: number;
  assigned: Assignment[];
  /** Average milliseconds per request, of late. */
  average: number;
  lastReply: number;
  completed: number;
  stopping: boolean;
  restarts: number;
  /** How the one before it under this id ended. */
  reason: string | undefined;
  /** Resident bytes when last looked at. */
  memory: number | null;
  stale: string[];
  cpus: string | null;
  gpus: string | null;
}

/** Engines get at most this much work ahead of what they run, in milliseconds of it and in requests. */
const prefetchTime = 5;
const largestPrefetch = 64;

/**
 * How many requests an engine may hold: short ones must not wait for a round trip, long ones must not be hoarded, and nothing
 * is put behind one that turns out to be long.
 */
export function windowOf(engine: Engine, now = performance.now()): number {
  const [head] = engine.assigned;
  if (head && now - Math.max(head.given, engine.lastReply) > prefetchTime) return 1;
  return Math.min(largestPrefetch, 1 + Math.floor(prefetchTime / engine.average));
}

/** Ids of which it is known how often they changed. */
class CountedSet extends Set<number> {
  changes = 0;

  override add(id: number): this {
    this.changes += this.has(id) ? 0 : 1;
    return super.add(id);
  }

  override delete(id: number): boolean {
    const was = super.delete(id);
    this.changes += was ? 1 : 0;
    return was;
  }
}

/** Who is registered. Ids are given once and never again; only a restarted engine keeps its own. */
export class EngineTable {
  readonly #engines = new Map<number, Engine>();
  readonly #reserved = new Map<number, Node>();
  readonly #used = new Set<number>();
  /** Ids whose engine is being replaced: it will be there again. */
  readonly restarting = new CountedSet();
  #changes = 0;
  /** Engines that are not started again, with the reason. */
  readonly givenUp = new Map<number, string>();
  readonly past = new PastEngines();
  #next: number;

  /** Ids count from `next` on. */
  constructor(next = 0) {
    this.#next = next;
  }

  /** Another number whenever engines came, went, or are being replaced. */
  get version(): number {
    return this.#changes + this.restarting.changes;
  }

  /** The id that the next new engine gets. */
  get next(): number {
    return this.#next;
  }

  /** Engines that are over, as they were last. */
  readonly #away = new Map<number, EngineRecord>();

  get all(): Engine[] {
    return [...this.#engines.values()].sort((a, b) => a.id - b.id);
  }

  get size(): number {
    return this.#engines.size;
  }

  get(id: number): Engine | undefined {
    return this.#engines.get(id);
  }

  values(): IterableIterator<Engine> {
    return this.#engines.values();
  }

  /** The supervisor that has, or is to have, that engine. */
  nodeOf(id: number): Node | undefined {
    return this.#reserved.get(id);
  }

  /**
   * Gives ids to the engines of a supervisor: those asked for where nobody ever had them. One that had been `here` before gets
   * its own again.
   */
  reserve(node: Node, count: number, wanted: readonly number[], here = false): number[] {
    return Array.from({ length: count }, (_unused, index) => {
      const wish = wanted[index];
      const owner = wish === undefined ? undefined : this.#reserved.get(wish);
      const free = wish !== undefined && wish >= 0 && (here ? owner === undefined || owner === node : !this.#used.has(wish));
      const id = free ? wish : this.#next;
      this.#reserved.set(id, node);
      this.#used.add(id);
      while (this.#used.has(this.#next)) this.#next += 1;
      return id;
    });
  }

  /** An engine is up; undefined when that id was not reserved for its supervisor. */
  up(node: Node, { id, uuid, pid, language, log, restarts, cpus, gpus }: EngineUp): Engine | undefined {
    if (this.#reserved.get(id) !== node || this.#engines.has(id)) return undefined;
    const engine: Engine = {
      ...{ id, uuid, pid, node, language, log, idleSince: Date.now(), joined: Date.now(), busy: 0, assigned: [] },
      ...{ average: Number.POSITIVE_INFINITY, lastReply: 0, completed: 0, stopping: false },
      ...{ restarts, reason: this.#away.get(id)?.reason, memory: null, stale: [], cpus, gpus },
    };
    this.#engines.set(id, engine);
    this.#changes += 1;
    this.restarting.delete(id);
    this.givenUp.delete(id);
    this.#away.delete(id);
    return engine;
  }

  /** All of them as `status` shows them: those that are being started again are on the list, with the reason. */
  describe(): EngineRecord[] {
    const away = [...this.restarting].flatMap((id) => this.#away.get(id) ?? []);
    return [...this.all.map(describeEngine), ...away].sort((a, b) => a.id - b.id);
  }

  /** An engine is over; answers what it was, if it was up. */
  down(id: number, reason = 'it ended'): Engine | undefined {
    const engine = this.#engines.get(id);
    this.#engines.delete(id);
    if (engine) this.past.ended(engine);
    this.#changes += 1;
    const last = engine ? { ...describeEngine(engine), task: null, queue: 0 } : this.#away.get(id);
    if (last) this.#away.set(id, { ...last, state: 'restarting', since: new Date().toISOString(), reason });
    return engine;
  }

  /** What a supervisor has seen of its engines. */
  note(node: Node, { memory, stale }: MessageContents['engine_facts']): void {
    for (const engine of this.#engines.values()) {
      if (engine.node !== node) continue;
      engine.memory = memory[engine.id] ?? engine.memory;
      engine.stale = stale[engine.id] ?? [];
    }
  }

  /** Engines of a supervisor that are being restarted. */
  restartingOn(node: Node): number[] {
    return [...this.restarting].filter((id) => this.#reserved.get(id) === node);
  }

  /** Engines and reservations of a supervisor that has left. */
  leave(node: Node): Engine[] {
    for (const [id, owner] of this.#reserved) {
      if (owner !== node) continue;
      this.#reserved.delete(id);
      this.restarting.delete(id);
      this.#away.delete(id);
    }
    const engines = this.all.filter((engine) => engine.node === node);
    this.past.left(
      node,
      engines.map(({ id }) => id),
    );
    return engines;
  }
}

/** Notes that an engine was given a request. */
export function assign(engine: Engine, id: string, kind: Assignment['kind']): void {
  engine.assigned.push({ id, kind, since: Date.now(), given: performance.now() });
}

/** Notes that a request of an engine is over; false when the engine did not have it. */
export function release(engine: Engine, id: string): boolean {
  const index = engine.assigned.findIndex((assignment) => assignment.id === id);
  const [over] = index >= 0 ? engine.assigned.splice(index, 1) : [];
  if (!over) return false;
  const now = performance.now();
  const took = now - Math.max(over.given, engine.lastReply);
  engine.lastReply = now;
  engine.busy += took;
  engine.average = Number.isFinite(engine.average) && took < 10 * prefetchTime ? 0.9 * engine.average + 0.1 * took : took;
  const [head] = engine.assigned;
  if (!head) engine.idleSince = Date.now();
  else if (index === 0) head.since = Date.now();
  return true;
}

/** An engine as `status` shows it. */
function describeEngine(engine: Engine): EngineRecord {
  const [head, ...rest] = engine.assigned;
  const { id, uuid, pid, language, log, completed, node, restarts, memory, stale, cpus, gpus } = engine;
  const { joined, busy } = engine;
  const working = head ? busy + (performance.now() - Math.max(head.given, engine.lastReply)) : busy;
  const { job = null, node: place = null, deadline = null } = node.allocation ?? {};
  return {
    ...{ id, uuid, host: node.host, pid, state: engine.stopping ? 'stopping' : head ? 'busy' : 'idle' },
    ...{ task: head?.id ?? null, since: new Date(head?.since ?? engine.idleSince).toISOString(), language, rank: node.rank },
    ...{ queue: rest.length, completed, supervisor: node.name, log, restarts, memory, stale, cpus, gpus },
    ...{ joined: new Date(joined).toISOString(), busy: Math.round(working) },
    ...{ job, node: place, deadline: deadline === null ? null : new Date(deadline).toISOString() },
    silence: Math.round(node.peer.link.silence),
    ...(engine.reason !== undefined && { reason: engine.reason }),
  };
}
