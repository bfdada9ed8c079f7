import { Queue } from '../base/queue.js';
import { lastMinute } from '../protocol/messages.js';
import { type Decided, Dependants } from './dependants.js';
import { type Engine, windowOf } from './engine.js';
import type { EngineTable } from './engine-table.js';
import { Lines, type TaskLine } from './lines.js';
import { Outcomes } from './outcomes.js';
import type { Policy } from './policies.js';
import type { Outcome, Task } from './tasks.js';

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

const otherEnd = 'a task that it depends on ended the other way';
const noEngine = 'none of the engines that it may run on is there';

/**
 * The balanced queue: which task goes to which engine next. Pure: it sends nothing. No step of it walks all
 * tasks.
 */
export class TaskQueue {
  readonly #engines: EngineTable;
  readonly #policy: Policy;
  readonly #actions: QueueActions;
  /** Every task that is not finished. */
  readonly tasks = new Map<string, Task>();
  readonly #outcomes = new Outcomes();
  /** Tasks that wait for engines. */
  readonly #lines: Lines;
  /** Tasks that wait for others. */
  readonly #blocked = new Dependants();
  /** Tasks of a controller that was killed: an engine that comes back may have them. */
  readonly #unsettled = new Set<Task>();
  /** Tasks about whose dependencies the store is being asked. */
  readonly #held = new Set<Task>();
  #settling = false;
  /** Ends that others have not heard of yet. */
  readonly #ended = new Queue<{ id: string; outcome: Outcome }>();
  #telling = false;

  constructor(engines: EngineTable, policy: Policy, actions: QueueActions) {
    this.#engines = engines;
    this.#policy = policy;
    this.#actions = actions;
    this.#lines = new Lines(engines);
  }

  get counts(): { balanced: number; waiting: number; running: number } {
    const balanced = this.#lines.size + this.#unsettled.size;
    const waiting = this.#blocked.size + this.#held.size;
    return { balanced, waiting, running: this.tasks.size - balanced - waiting };
  }

  /** Tasks that no engine has. */
  get unassigned(): string[] {
    return [...this.tasks.values()].flatMap(({ id, engine }) => (engine === undefined ? [id] : []));
  }

  /** Tasks that any engine of their language might take, while there is none. */
  get stranded(): Task[] {
    return this.#lines.stranded();
  }

  /** Ids of a task's dependencies that this queue has never heard of. */
  unknownDependencies(task: Task): string[] {
    const ids = [...(task.after?.dependencies ?? []), ...(task.follow?.dependencies ?? [])];
    return ids.filter((id) => id === task.id || !(this.tasks.has(id) || this.#outcomes.get(id)));
  }

  /** What the engines run that a task may go to, where none of those that are here can read it. */
  otherLanguages({ language, targets }: Task): string[] {
    const others = new Set<string>();
    for (const engine of this.#engines.values()) {
      if (targets && !targets.includes(engine.id)) continue;
      if (language === undefined || engine.language === language) return [];
      others.add(engine.language);
    }
    return [...others];
  }

  /** Takes a task in, with outcomes that only the store knew. Call {@link schedule} after it. */
  add(task: Task, found?: ReadonlyMap<string, Outcome>): void {
    this.#held.delete(task);
    this.tasks.set(task.id, task);
    this.#decided(this.#blocked.add(task, (id) => this.#outcomes.get(id) ?? found?.get(id)));
  }

  /** Takes a task in that waits until it is added: others may depend on it already. */
  hold(task: Task): void {
    this.tasks.set(task.id, task);
    this.#held.add(task);
  }

  /** Takes a task of an earlier controller in; it waits until {@link settle}. */
  restore(task: Task): void {
    this.#settling = true;
    this.tasks.set(task.id, task);
    this.#unsettled.add(task);
  }

  /** An engine that came back has this task: it is given to nobody else. */
  claim(task: Task, engine: number): void {
    this.#withdraw(task);
    task.engine = engine;
  }

  /** Whoever comes back is back: answers the tasks that nobody has, in order, to be added. */
  settle(): Task[] {
    this.#settling = false;
    this.#lines.expire();
    const left = [...this.#unsettled];
    this.#unsettled.clear();
    return left;
  }

  /** Puts a task that was given away back to the front. */
  putBack(task: Task): void {
    task.engine = undefined;
    this.#lines.add(task, true);
  }

  /** True while the task waits here and was given to nobody. */
  isWaiting(task: Task): boolean {
    return this.tasks.get(task.id) === task && task.engine === undefined;
  }

  /** Takes a waiting task out, for a cancel or a time-out. */
  remove(task: Task): void {
    this.#withdraw(task);
    this.finish(task, false);
  }

  /** Wherever it waits, it does no more. */
  #withdraw(task: Task): void {
    if (this.#lines.delete(task) || this.#blocked.delete(task) || this.#unsettled.delete(task)) return;
    this.#held.delete(task);
  }

  /**
   * A task is over; those that waited for it may go on, or never can. What ends by that is seen to in the
   * same call, one after another: a chain may be longer than any stack.
   */
  finish(task: Task, ok: boolean): void {
    this.tasks.delete(task.id);
    const outcome = { ok, engine: task.engine };
    this.#outcomes.set(task.id, outcome);
    this.#ended.push({ id: task.id, outcome });
    if (!this.#telling) this.#tell();
  }

  #tell(): void {
    const failures: unknown[] = [];
    this.#telling = true;
    for (let next = this.#ended.shift(); next; next = this.#ended.shift()) {
      for (const decided of this.#blocked.ended(next.id, next.outcome)) {
        try {
          this.#decided(decided);
        } catch (error) {
          // One that cannot be answered for must not keep the others from hearing of their end.
          failures.push(error);
        }
      }
    }
    this.#telling = false;
    if (failures.length > 0) throw failures[0];
  }

  #decided(decided: Decided | undefined): void {
    if (!decided) return;
    const { task, verdict, ran } = decided;
    if (verdict === 'never') return this.#actions.impossible(task, otherEnd);
    task.wanted = wantedOf(task, ran);
    this.#lines.add(task);
  }

  /** Gives out whatever can be given out now. */
  schedule(): void {
    if (this.#lines.size === 0) return;
    for (const task of this.#lines.review(this.#settling)) {
      // It may have ended with one before it.
      if (this.#lines.delete(task)) this.#actions.impossible(task, noEngine);
    }
    const free = [...this.#engines.values()].filter(hasRoom);
    const passed: TaskLine[] = [];
    for (let line = this.#lines.next(free); line; line = this.#lines.next(free)) {
      const served = this.#serve(line, free);
      if (served === 'wait') {
        this.#lines.aside(line);
        passed.push(line);
      } else if (served !== 'moved' && !hasRoom(served)) free.splice(free.indexOf(served), 1);
    }
    for (const line of passed) this.#lines.back(line);
  }

  /** Gives the first task of a line to one of these engines; answers which, or what became of it. */
  #serve(line: TaskLine, free: readonly Engine[]): Engine | 'wait' | 'moved' {
    const head = line.head as Task;
    if (!head.body) {
      this.#actions.load(line.first(loadAhead).filter(({ body }) => !body));
      return 'wait';
    }
    const candidates = free.filter((engine) => line.engines.has(engine.id) && hasTime(engine, head));
    if (candidates.length === 0 && line.wishes.late) return 'wait';
    this.#lines.shift(line);
    if (candidates.length === 0) {
      // One that takes too long for those that are free waits among its like, and holds up nobody else.
      this.#lines.add(head, false, true);
      return 'moved';
    }
    const engine = this.#policy(candidates);
    this.#actions.dispatch(head, engine);
    return engine;
  }
}

/** The engines that a task must go to one of; undefined for any. */
function wantedOf(
  { targets, follow }: Task,
  ran: ReadonlySet<number> | undefined,
): ReadonlySet<number> | undefined {
  const named = targets && new Set(targets);
  if (!follow || !ran) return named;
  // Nobody can follow all of several.
  const followed = follow.all && ran.size > 1 ? new Set<number>() : ran;
  return named ? new Set([...named].filter((id) => followed.has(id))) : followed;
}

/** Milliseconds until the engine's job is ended by its scheduler. */
const timeLeft = ({ supervisor }: Engine): number =>
  supervisor?.allocation?.deadline ? supervisor.allocation.deadline - Date.now() : Number.POSITIVE_INFINITY;

const hasTime = (engine: Engine, { timeNeeded }: Task): boolean =>
  timeNeeded === 0 || timeNeeded <= timeLeft(engine);

const hasRoom = (engine: Engine): boolean =>
  !engine.stopping &&
  !engine.supervisor.away &&
  engine.assigned.length < windowOf(engine) &&
  timeLeft(engine) > lastMinute;
