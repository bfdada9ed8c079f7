import type { Engine } from './engine.js';
import type { EngineTable } from './engine-table.js';
import { IndexedHeap } from './indexed-heap.js';
import { Line, type Wishes } from './line.js';
import type { Task } from './tasks.js';

export type TaskLine = Line<Task>;

/** Lines for at most so many engines stand at each of these. */
const fewEngines = 16;
/** So many empty lines are kept, because tasks with the same wishes come again and again. */
const emptyLines = 256;

/**
 * The tasks that could run, in lines by their wishes. Each engine knows the lines that stand at it, so that
 * none is searched.
 */
export class Lines {
  readonly #engines: EngineTable;
  readonly #lines = new Map<string, TaskLine>();
  /** Lines that many engines may take from: few. */
  readonly #general = new Set<TaskLine>();
  readonly #at = new Map<number, IndexedHeap<TaskLine>>();
  /** Lines with tasks for which it is not known yet which engines may take them. */
  readonly #unseen = new Set<TaskLine>();
  #version = -1;
  /** So many lines may be there before the empty ones are forgotten. */
  #most = emptyLines;
  #size = 0;
  #last = 0;
  #first = 0;

  constructor(engines: EngineTable) {
    this.#engines = engines;
  }

  get size(): number {
    return this.#size;
  }

  /** The task can run: it waits for an engine, behind those that wait already or before them. */
  add(task: Task, front = false, late = false): void {
    const line = this.#lineOf(task, late);
    if (line.size === 0 && line.seen !== this.#version) this.#unseen.add(line);
    task.order = front ? --this.#first : ++this.#last;
    line.push(task, front);
    this.#size += 1;
    this.#moved(line);
  }

  /** Takes a task out; false when it waits in no line. */
  delete(task: Task): boolean {
    const { line } = task;
    if (!line) return false;
    line.delete(task);
    this.#size -= 1;
    this.#moved(line);
    return true;
  }

  /** Takes the first task of a line. */
  shift(line: TaskLine): Task | undefined {
    const task = line.shift();
    if (!task) return undefined;
    this.#size -= 1;
    this.#moved(line);
    return task;
  }

  /**
   * Looks again at who may take what, where that has changed; answers the tasks that nobody ever can. `open`
   * says that engines which are not here may still come.
   */
  review(open: boolean): Task[] {
    if (this.#version !== this.#engines.version) {
      this.#version = this.#engines.version;
      for (const [key, line] of this.#lines) {
        if (line.size > 0) this.#unseen.add(line);
        else this.#lines.delete(key);
      }
    }
    const hopeless: Task[] = [];
    for (const line of this.#unseen) {
      this.#standDown(line);
      const engines = this.#takers(line.wishes, open);
      if (!engines) for (const task of line) hopeless.push(task);
      // What comes into a hopeless line later is hopeless, too, and must be said.
      line.seen = engines ? this.#version : -1;
      line.engines = engines ?? new Set();
      this.#standUp(line);
    }
    this.#unseen.clear();
    return hopeless;
  }

  /** Everything is looked at again: what may still come has changed. */
  expire(): void {
    this.#version = -1;
  }

  /** The line whose first task goes next, of those that one of these engines may take from. */
  next(free: readonly Engine[]): TaskLine | undefined {
    let best: TaskLine | undefined;
    for (const line of this.#general) {
      if (best && !line.isBefore(best)) continue;
      if (free.some(({ id }) => line.engines.has(id))) best = line;
    }
    for (const { id } of free) {
      const line = this.#at.get(id)?.first;
      if (line && (!best || line.isBefore(best))) best = line;
    }
    return best;
  }

  /** A line is passed over until {@link back}. */
  aside(line: TaskLine): void {
    this.#standDown(line);
  }

  back(line: TaskLine): void {
    this.#standUp(line);
  }

  /** Tasks without a wish about their engine that no engine here can read. */
  stranded(): Task[] {
    const spoken = new Set([...this.#engines.values()].map(({ language }) => language));
    return [...this.#lines.values()].flatMap((line) => {
      const { wanted, language } = line.wishes;
      const isStranded =
        wanted === undefined && (language === undefined ? spoken.size === 0 : !spoken.has(language));
      return isStranded ? [...line] : [];
    });
  }

  #lineOf(task: Task, late: boolean): TaskLine {
    const key = keyOf(task, late);
    const known = this.#lines.get(key);
    if (known) return known;
    if (this.#lines.size > this.#most) this.#forgetEmpty();
    const line: TaskLine = new Line(wishesOf(task, late));
    this.#lines.set(key, line);
    return line;
  }

  #forgetEmpty(): void {
    let left = 0;
    for (const [key, line] of this.#lines) {
      if (line.size === 0) this.#lines.delete(key);
      else left += 1;
    }
    this.#most = 2 * left + emptyLines;
  }

  /** Its first task may be another one now. */
  #moved(line: TaskLine): void {
    if (line.size === 0) this.#standDown(line);
    else if (!this.#unseen.has(line)) this.#standUp(line);
  }

  #standUp(line: TaskLine): void {
    if (line.size === 0) return;
    if (!isNarrow(line)) {
      this.#general.add(line);
      return;
    }
    for (const id of line.engines) {
      let heap = this.#at.get(id);
      if (!heap) {
        heap = new IndexedHeap((one, other) => one.isBefore(other));
        this.#at.set(id, heap);
      }
      heap.put(line);
    }
  }

  #standDown(line: TaskLine): void {
    this.#general.delete(line);
    if (!isNarrow(line)) return;
    for (const id of line.engines) {
      const heap = this.#at.get(id);
      heap?.delete(line);
      if (heap?.size === 0) this.#at.delete(id);
    }
  }

  /**
   * The engines that may take a task with these wishes; undefined when none ever can. Those where it failed
   * are tried again when there is no other, unless it says how long it can wait for one; those that lack what
   * it needs never are.
   */
  #takers(
    { language, wanted, bound, excluded, patient, unmet }: Wishes,
    open: boolean,
  ): Set<number> | undefined {
    const nobody = new Set<number>();
    const named = this.#named(language, wanted);
    const allowed = named.filter((id) => !unmet?.has(id));
    if (allowed.length === 0 && named.length > 0) return bound ? undefined : nobody;
    const fresh = allowed.filter((id) => !excluded?.has(id));
    if (fresh.length > 0) return new Set(fresh);
    if (allowed.length > 0) return patient ? nobody : new Set(allowed);
    // Without any wish and without any engine it can still run: on the next engine that comes.
    if (!wanted || open) return nobody;
    return [...wanted].some((id) => this.#engines.restarting.has(id)) ? nobody : undefined;
  }

  #named(language: string | undefined, wanted: ReadonlySet<number> | undefined): number[] {
    const engines = wanted
      ? [...wanted].flatMap((id) => this.#engines.get(id) ?? [])
      : [...this.#engines.values()];
    return engines
      .filter((engine) => language === undefined || engine.language === language)
      .map(({ id }) => id);
  }
}

const isNarrow = ({ wishes, engines }: TaskLine): boolean =>
  wishes.wanted !== undefined && engines.size <= fewEngines;

const isPlain = ({ wanted, excluded, unmet }: Task): boolean =>
  wanted === undefined && excluded === undefined && unmet === undefined;

const wishesOf = (task: Task, late: boolean): Wishes => ({
  language: task.language,
  wanted: task.wanted,
  bound: task.targets !== undefined,
  late,
  excluded: task.excluded,
  patient: task.timeout > 0,
  unmet: task.unmet,
});

/** Tasks of the same key have the same wishes; limits that are nearly the same wait behind one another. */
function keyOf(task: Task, late: boolean): string {
  const language = task.language ?? '';
  if (!late && isPlain(task)) return language;
  const list = (ids: ReadonlySet<number> | undefined): string =>
    ids ? [...ids].sort((a, b) => a - b).join() : '-';
  const { wanted, targets, excluded, timeout, unmet } = task;
  const flags = `${targets ? 'b' : ''}${excluded && timeout > 0 ? 'p' : ''}`;
  const limit = late ? task.timeNeeded.toPrecision(2) : '';
  return [language, list(wanted), list(excluded), list(unmet), flags, limit].join(' ');
}
