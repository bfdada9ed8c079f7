import { type Engine, type EngineTable, windowOf } from './engine-table.js';
import { PriorityFifo } from './fifo.js';
import type { Policy } from './policies.js';
import { judge, type Outcome, type Task } from './tasks.js';

/** What the queue decides and others carry out. */
export interface QueueActions {
  /** Give the task to that engine. */
  dispatch(task: Task, engine: Engine): void;
  /** The task can never run; answer for it. */
  impossible(task: Task, reason: string): void;
  /** These are about to be given out, but their messages are on disk: bring them, then schedule again. */
  load(tasks: readonly Task[]): void;
}

/** How many messages are brought from disk at once. */
const loadAhead = 256;

/** Outcomes of finished tasks that are remembered for dependencies; older ones are in the store. */
const rememberedOutcomes = 10_000;

/** The balanced queue: which task goes to which engine next. Pure: it sends nothing and knows no time. */
export class TaskQueue {
  readonly #engines: EngineTable;
  readonly #policy: Policy;
  readonly #actions: QueueActions;
  /** Every task that is not finished. */
  readonly tasks = new Map<string, Task>();
  #outcomes = new Map<string, Outcome>();
  #earlier: ReadonlyMap<string, Outcome> = new Map();
  /** Tasks that any engine of their language may take, by language. */
  readonly #ready = new Map<string | undefined, PriorityFifo<Task>>();
  /** Tasks with wishes about the engine, in order of arrival. */
  readonly #choosy = new Set<Task>();
  /** Tasks that wait for others. */
  readonly #blocked = new Set<Task>();
  /** Tasks of a controller that was killed: an engine that comes back may have them. */
  readonly #unsettled = new Set<Task>();
  #settling = false;

  constructor(engines: EngineTable, policy: Policy, actions: QueueActions) {
    this.#engines = engines;
    this.#policy = policy;
    this.#actions = actions;
  }

  get counts(): { balanced: number; waiting: number; running: number } {
    const balanced = this.#readyCount + this.#choosy.size + this.#unsettled.size;
    return { balanced, waiting: this.#blocked.size, running: this.tasks.size - balanced - this.#blocked.size };
  }

  get #readyCount(): number {
    let count = 0;
    for (const { size } of this.#ready.values()) count += size;
    return count;
  }

  #readyOf({ language }: Task): PriorityFifo<Task> {
    const known = this.#ready.get(language);
    if (known) return known;
    const made = new PriorityFifo<Task>();
    this.#ready.set(language, made);
    return made;
  }

  /** Outcomes of earlier tasks, found in the store. */
  remember(id: string, outcome: Outcome): void {
    this.#outcomes.set(id, outcome);
    if (this.#outcomes.size <= rememberedOutcomes) return;
    // Half of them go at once: a map from which the oldest is deleted again and again becomes slow.
    this.#earlier = this.#outcomes;
    this.#outcomes = new Map();
  }

  #outcomeOf(id: string): Outcome | undefined {
    return this.#outcomes.get(id) ?? this.#earlier.get(id);
  }

  /** Tasks that no engine has. */
  get unassigned(): string[] {
    return [...this.tasks.values()].flatMap(({ id, engine }) => (engine === undefined ? [id] : []));
  }

  /** Ids of a task's dependencies that this queue has never heard of. */
  unknownDependencies(task: Task): string[] {
    const ids = [...(task.after?.dependencies ?? []), ...(task.follow?.dependencies ?? [])];
    return ids.filter((id) => id === task.id || !(this.tasks.has(id) || this.#outcomeOf(id)));
  }

  /** What the engines run that a task may go to, where none of those that are here can read it. */
  otherLanguages({ language, targets }: Task): string[] {
    const others = new Set<string>();
    for (const engine of this.#engines.values()) {
      if (targets && !targets.includes(engine.id)) continue;
      if (speaks(engine, language)) return [];
      others.add(engine.language);
    }
    return [...others];
  }

  /** Takes a task in. Call {@link schedule} after it. */
  add(task: Task): void {
    this.tasks.set(task.id, task);
    this.#place(task);
  }

  /** Takes a task of an earlier controller in; it waits until {@link settle}. */
  restore(task: Task): void {
    this.#settling = true;
    this.tasks.set(task.id, task);
    this.#unsettled.add(task);
  }

  /** An engine that came back has this task: it is given to nobody else. */
  claim(task: Task, engine: number): void {
    if (!this.#unsettled.delete(task) && !this.#choosy.delete(task)) this.#readyOf(task).remove((other) => other === task);
    task.engine = engine;
  }

  /** Whoever comes back is back: answers the tasks that nobody has, in order, to be added. */
  settle(): Task[] {
    this.#settling = false;
    const left = [...this.#unsettled];
    this.#unsettled.clear();
    return left;
  }

  /** Puts a task that was given away back to the front. */
  putBack(task: Task): void {
    task.engine = undefined;
    if (isChoosy(task)) this.#choosy.add(task);
    else this.#readyOf(task).pushFront(task, task.priority);
  }

  /** True while the task waits here and was given to nobody. */
  isWaiting(task: Task): boolean {
    return this.tasks.has(task.id) && task.engine === undefined;
  }

  /** Takes a waiting task out, for a cancel or a time-out. */
  remove(task: Task): void {
    if (!this.#blocked.delete(task) && !this.#choosy.delete(task) && !this.#unsettled.delete(task))
      this.#readyOf(task).remove((other) => other === task);
    this.finish(task, false);
  }

  /** A task is over; those that waited for it may go on, or never can. */
  finish(task: Task, ok: boolean): void {
    clearTimeout(task.timer);
    this.tasks.delete(task.id);
    this.remember(task.id, { ok, engine: task.engine });
    for (const other of [...this.#blocked]) {
      const waitsForIt = [other.after, other.follow].some((dependency) => dependency?.dependencies.includes(task.id));
      if (waitsForIt && this.#blocked.delete(other)) this.#place(other);
    }
  }

  #place(task: Task): void {
    const verdicts = [task.after, task.follow].map((wish) => (wish ? judge(wish, (id) => this.#outcomeOf(id)) : 'met'));
    if (verdicts.includes('never')) this.#actions.impossible(task, 'a task that it depends on ended the other way');
    else if (verdicts.includes('wait')) this.#blocked.add(task);
    else if (isChoosy(task)) this.#choosy.add(task);
    else this.#readyOf(task).push(task, task.priority);
  }

  /** Gives out whatever can be given out now. */
  schedule(): void {
    for (const task of [...this.#choosy]) {
      const allowed = this.#allowed(task);
      if (allowed.length === 0) {
        this.#choosy.delete(task);
        this.#actions.impossible(task, 'none of the engines that it may run on is there');
        continue;
      }
      const candidates = allowed.filter((engine) => hasRoom(engine) && hasTime(engine, task));
      if (candidates.length === 0) continue;
      if (!task.body) this.#actions.load([task]);
      else if (this.#choosy.delete(task)) this.#actions.dispatch(task, this.#policy(candidates));
    }
    for (const [language, ready] of this.#ready) this.#drain(language, ready);
  }

  #drain(language: string | undefined, ready: PriorityFifo<Task>): void {
    while (ready.size > 0) {
      const candidates = [...this.#engines.values()].filter((engine) => hasRoom(engine) && speaks(engine, language));
      if (candidates.length === 0) return;
      if (!ready.peek()?.body) return this.#actions.load(ready.first(loadAhead).filter(({ body }) => !body));
      const task = ready.shift();
      const inTime = task?.timeLimit ? candidates.filter((engine) => hasTime(engine, task)) : candidates;
      // One that takes too long for those that are free waits among those with wishes, and holds up nobody.
      if (task && inTime.length === 0) this.#choosy.add(task);
      else if (task) this.#actions.dispatch(task, this.#policy(inTime));
    }
  }

  /**
   * The engines that a choosy task may go to. Those where it failed are tried again when there is no other, unless it says how long
   * it can wait for one; those that lack what it needs never are.
   */
  #allowed(task: Task): Engine[] {
    const wanted = this.#followed(task);
    const named = [...this.#engines.values()].filter(
      (engine) => (!wanted || wanted.has(engine.id)) && speaks(engine, task.language),
    );
    const allowed = named.filter(({ id }) => !task.unmet?.has(id));
    if (allowed.length === 0 && named.length > 0) return task.targets ? [] : [noEngine];
    const fresh = allowed.filter(({ id }) => !task.excluded?.has(id));
    if (fresh.length === 0 && allowed.length > 0 && task.timeout > 0) return [noEngine];
    // Without any wish and without any engine it can still run: on the next engine that comes.
    if (allowed.length === 0 && (!wanted || this.#settling)) return [noEngine];
    if (allowed.length === 0 && [...this.#engines.restarting].some((id) => wanted?.has(id))) return [noEngine];
    return fresh.length > 0 ? fresh : allowed;
  }

  #followed(task: Task): Set<number> | undefined {
    const sets: Set<number>[] = [];
    if (task.targets) sets.push(new Set(task.targets));
    if (task.follow) {
      const ran = task.follow.dependencies.map((id) => this.#outcomeOf(id)?.engine);
      const known = new Set(ran.filter((id) => id !== undefined));
      sets.push(task.follow.all && known.size > 1 ? new Set() : known);
    }
    const [first, second] = sets;
    return first && second ? new Set([...first].filter((id) => second.has(id))) : first;
  }
}

/** Stands for engines that may still come: it never has room. */
const noEngine = { stopping: true, assigned: [], average: Number.POSITIVE_INFINITY } as unknown as Engine;

const isChoosy = ({ targets, follow, excluded, unmet }: Task): boolean =>
  targets !== undefined || follow !== undefined || excluded !== undefined || unmet !== undefined;

const speaks = (engine: Engine, language: string | undefined): boolean => language === undefined || engine.language === language;

/** Nothing new begins on an engine whose job ends within this time (milliseconds). */
const lastMinute = 60_000;

/** Milliseconds until the engine's job is ended by its scheduler. */
const timeLeft = ({ node }: Engine): number =>
  node?.allocation?.deadline ? node.allocation.deadline - Date.now() : Number.POSITIVE_INFINITY;

const hasTime = (engine: Engine, { timeLimit }: Task): boolean => timeLimit === 0 || timeLimit <= timeLeft(engine);

const hasRoom = (engine: Engine): boolean =>
  !engine.stopping && !engine.node.away && engine.assigned.length < windowOf(engine) && timeLeft(engine) > lastMinute;
