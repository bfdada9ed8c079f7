import type { EngineRecord, EngineUp, MessageContents } from '../protocol/messages.js';
import { describeEngine, type Engine } from './engine.js';
import { PastEngines } from './past-engines.js';
import type { Supervisor } from './supervisor.js';

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
  readonly #reserved = new Map<number, Supervisor>();
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
  supervisorOf(id: number): Supervisor | undefined {
    return this.#reserved.get(id);
  }

  /**
   * Gives ids to the engines of a supervisor: those asked for where nobody ever had them. One that had been
   * `here` before gets its own again.
   */
  reserve(supervisor: Supervisor, count: number, wanted: readonly number[], here = false): number[] {
    return Array.from({ length: count }, (_unused, index) => {
      const wish = wanted[index];
      const owner = wish === undefined ? undefined : this.#reserved.get(wish);
      const free =
        wish !== undefined &&
        wish >= 0 &&
        (here ? owner === undefined || owner === supervisor : !this.#used.has(wish));
      const id = free ? wish : this.#next;
      this.#reserved.set(id, supervisor);
      this.#used.add(id);
      while (this.#used.has(this.#next)) this.#next += 1;
      return id;
    });
  }

  /** An engine is up; undefined when that id was not reserved for its supervisor. */
  up(
    supervisor: Supervisor,
    { id, uuid, pid, language, log, restarts, cpus, gpus }: EngineUp,
  ): Engine | undefined {
    if (this.#reserved.get(id) !== supervisor || this.#engines.has(id)) return undefined;
    const engine: Engine = {
      id,
      uuid,
      pid,
      supervisor,
      language,
      log,
      idleSince: Date.now(),
      joined: Date.now(),
      busy: 0,
      assigned: [],
      average: Number.POSITIVE_INFINITY,
      lastReply: 0,
      completed: 0,
      stopping: false,
      restarts,
      reason: this.#away.get(id)?.reason,
      memory: null,
      stale: [],
      cpus,
      gpus,
    };
    this.#engines.set(id, engine);
    this.#changes += 1;
    this.restarting.delete(id);
    this.givenUp.delete(id);
    this.#away.delete(id);
    return engine;
  }

  /**
   * All of them as `status` shows them: those that are being started again are on the list, with the reason.
   */
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
  note(supervisor: Supervisor, { memory, stale }: MessageContents['engine_facts']): void {
    for (const engine of this.#engines.values()) {
      if (engine.supervisor !== supervisor) continue;
      engine.memory = memory[engine.id] ?? engine.memory;
      engine.stale = stale[engine.id] ?? [];
    }
  }

  /** Engines of a supervisor that are being restarted. */
  restartingOn(supervisor: Supervisor): number[] {
    return [...this.restarting].filter((id) => this.#reserved.get(id) === supervisor);
  }

  /** Engines and reservations of a supervisor that has left. */
  leave(supervisor: Supervisor): Engine[] {
    for (const [id, owner] of this.#reserved) {
      if (owner !== supervisor) continue;
      this.#reserved.delete(id);
      this.restarting.delete(id);
      this.#away.delete(id);
    }
    const engines = this.all.filter((engine) => engine.supervisor === supervisor);
    this.past.left(
      supervisor,
      engines.map(({ id }) => id),
    );
    return engines;
  }
}
