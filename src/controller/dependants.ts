import type { Dependency, Judgement, Outcome, Task } from './tasks.js';

/** What one wish (`after` or `follow`) of a waiting task still lacks. */
interface Wish {
  dependency: Dependency;
  /** The ids of a long list. */
  ids: ReadonlySet<string> | undefined;
  /** Dependencies that have not ended, and how many ended as wished, and otherwise. */
  open: number;
  good: number;
  bad: number;
  /** Engines on which dependencies ran. */
  ran: Set<number>;
}

/** A task that waits for others. */
interface Waiting {
  task: Task;
  after: Wish | undefined;
  follow: Wish | undefined;
}

/** What has become of a waiting task: its wishes have come true, or never can. */
type Verdict = 'met' | 'never';

/** A task that need not wait any more, with the engines that it follows. */
export interface Decided {
  task: Task;
  verdict: Verdict;
  ran: ReadonlySet<number> | undefined;
}

/** Who waits for whom: the end of a task touches those that wait for it, and nobody else. */
export class Dependants {
  readonly #waiting = new Map<Task, Waiting>();
  /** By the id waited for; one alone stands for itself. */
  readonly #byId = new Map<string, Waiting | Set<Waiting>>();

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * A task comes in, with what is known of others' ends. Answers undefined when it has to wait from now on.
   */
  add(task: Task, outcomeOf: (id: string) => Outcome | undefined): Decided | undefined {
    const waiting: Waiting = {
      task,
      after: task.after && wishOf(task.after),
      follow: task.follow && wishOf(task.follow),
    };
    const open = new Set<string>();
    for (const wish of [waiting.after, waiting.follow]) {
      for (const id of new Set(wish?.dependency.dependencies)) {
        const outcome = outcomeOf(id);
        if (!outcome) open.add(id);
        else if (wish) note(wish, outcome);
      }
    }
    const verdict = verdictOf(waiting);
    if (verdict) return { task, verdict, ran: waiting.follow?.ran };
    this.#enter(waiting, open);
    return undefined;
  }

  #enter(waiting: Waiting, open: ReadonlySet<string>): void {
    this.#waiting.set(waiting.task, waiting);
    for (const id of open) {
      const others = this.#byId.get(id);
      if (!others) this.#byId.set(id, waiting);
      else if (others instanceof Set) others.add(waiting);
      else this.#byId.set(id, new Set([others, waiting]));
    }
  }

  /** A task has ended; answers those that need not wait any more. */
  ended(id: string, outcome: Outcome): Decided[] {
    const found = this.#byId.get(id);
    if (!found) return [];
    this.#byId.delete(id);
    const decided: Decided[] = [];
    for (const waiting of found instanceof Set ? found : [found]) {
      const { task, after, follow } = waiting;
      for (const wish of [after, follow]) if (wish && names(wish, id)) note(wish, outcome);
      const verdict = verdictOf(waiting);
      if (!verdict) continue;
      this.delete(task);
      decided.push({ task, verdict, ran: follow?.ran });
    }
    return decided;
  }

  /** The task waits for nobody any more; false when it did not. */
  delete(task: Task): boolean {
    const waiting = this.#waiting.get(task);
    if (!waiting) return false;
    this.#waiting.delete(task);
    for (const wish of [waiting.after, waiting.follow])
      for (const id of wish?.dependency.dependencies ?? []) this.#leave(id, waiting);
    return true;
  }

  #leave(id: string, waiting: Waiting): void {
    const others = this.#byId.get(id);
    if (others === waiting) this.#byId.delete(id);
    else if (others instanceof Set && others.delete(waiting) && others.size === 0) this.#byId.delete(id);
  }
}

/** Longer lists of dependencies are looked into by a set. */
const shortList = 8;

function wishOf(dependency: Dependency): Wish {
  const unique = new Set(dependency.dependencies);
  return {
    dependency,
    ids: unique.size > shortList ? unique : undefined,
    open: unique.size,
    good: 0,
    bad: 0,
    ran: new Set(),
  };
}

const names = ({ ids, dependency }: Wish, id: string): boolean =>
  ids?.has(id) ?? dependency.dependencies.includes(id);

/** One of the dependencies has ended. */
function note(wish: Wish, { ok, engine }: Outcome): void {
  wish.open -= 1;
  if (ok ? wish.dependency.success : wish.dependency.failure) wish.good += 1;
  else wish.bad += 1;
  if (engine !== undefined) wish.ran.add(engine);
}

/** What {@link judge} says, from what was counted. */
function judged({ dependency, open, good, bad }: Wish): Judgement {
  if (dependency.all) return bad > 0 ? 'never' : open > 0 ? 'wait' : 'met';
  return good > 0 ? 'met' : open > 0 ? 'wait' : 'never';
}

function verdictOf({ after, follow }: Waiting): Verdict | undefined {
  const verdicts = [after, follow].map((wish) => (wish ? judged(wish) : 'met'));
  if (verdicts.includes('never')) return 'never';
  return verdicts.includes('wait') ? undefined : 'met';
}
