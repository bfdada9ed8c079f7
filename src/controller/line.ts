import { PriorityFifo } from './fifo.js';

/** What stands in a line, and where. */
interface Standing<T extends Standing<T>> {
  priority: number;
  /** Counts arrivals: among equals the smallest goes first. */
  order: number;
  line: Line<T> | undefined;
  /** Its place in that line. */
  place: number;
}

/** What all tasks of one line wish for: whatever may take one of them may take them all. */
export interface Wishes {
  language: string | undefined;
  /** Engines that it must be one of. */
  wanted: ReadonlySet<number> | undefined;
  /** True where the wanted ones were named, so that no other will do later. */
  bound: boolean;
  /** Engines on which it failed before. */
  excluded: ReadonlySet<number> | undefined;
  /** True where it waits for an engine on which it has not failed. */
  patient: boolean;
  /** Engines that lack what it needs. */
  unmet: ReadonlySet<number> | undefined;
  /** True for tasks that take longer than engines have time. */
  late: boolean;
}

/** Tasks with the same wishes about their engine, by priority and arrival. */
export class Line<T extends Standing<T>> {
  readonly wishes: Wishes;
  /** True where it is about more than the language: such a task goes before those that anybody may take. */
  readonly choosy: boolean;
  /** The engines that may take them. */
  engines: ReadonlySet<number> = new Set();
  /** The version of the engines' table for which that is true. */
  seen = -1;
  readonly #tasks = new PriorityFifo<T>();

  constructor(wishes: Wishes) {
    this.wishes = wishes;
    this.choosy =
      wishes.wanted !== undefined ||
      wishes.excluded !== undefined ||
      wishes.unmet !== undefined ||
      wishes.late;
  }

  get size(): number {
    return this.#tasks.size;
  }

  get head(): T | undefined {
    return this.#tasks.peek();
  }

  push(task: T, front: boolean): void {
    task.line = this;
    task.place = front ? this.#tasks.pushFront(task, task.priority) : this.#tasks.push(task, task.priority);
  }

  shift(): T | undefined {
    const task = this.#tasks.shift();
    if (task) task.line = undefined;
    return task;
  }

  delete(task: T): void {
    if (task.line !== this) return;
    this.#tasks.delete(task.priority, task.place);
    task.line = undefined;
  }

  /** The first tasks, which are about to be given out. */
  first(count: number): T[] {
    return this.#tasks.first(count);
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#tasks[Symbol.iterator]();
  }

  /** True when its first task goes before the other line's. Both have one. */
  isBefore(other: Line<T>): boolean {
    const [one, two] = [this.head, other.head];
    if (!one || !two) return one !== undefined;
    if (one.priority !== two.priority) return one.priority > two.priority;
    return this.choosy === other.choosy ? one.order < two.order : this.choosy;
  }
}
