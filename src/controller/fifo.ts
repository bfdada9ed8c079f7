import { IndexedHeap } from './indexed-heap.js';

/** Values of one priority. A place is a number that stays with a value as long as it waits. */
interface Lane<T> {
  priority: number;
  /** Taken and removed values leave undefined. */
  values: (T | undefined)[];
  head: number;
  /** The place of `values[0]`. */
  first: number;
  size: number;
}

/**
 * A queue of values by priority, first in first out within one; putting back goes to the front. No operation
 * walks it.
 */
export class PriorityFifo<T> {
  readonly #lanes = new Map<number, Lane<T>>();
  readonly #order = new IndexedHeap<Lane<T>>((one, other) => one.priority > other.priority);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Answers the place of the value, by which it can be deleted. */
  push(value: T, priority: number): number {
    const lane = this.#grown(priority);
    return lane.first + lane.values.push(value) - 1;
  }

  /** Puts it before all others of its priority; answers its place. */
  pushFront(value: T, priority: number): number {
    const lane = this.#grown(priority);
    if (lane.head === 0) makeRoom(lane);
    lane.values[--lane.head] = value;
    return lane.first + lane.head;
  }

  /** Takes the first value of the highest priority. */
  shift(): T | undefined {
    const lane = this.#order.first;
    if (!lane) return undefined;
    const value = lane.values[lane.head];
    lane.values[lane.head] = undefined;
    this.#shrunk(lane);
    return value;
  }

  /** The first value of the highest priority. */
  peek(): T | undefined {
    const lane = this.#order.first;
    return lane?.values[lane.head];
  }

  /** The first `count` values of the highest priority, in order, without taking them. */
  first(count: number): T[] {
    const values: T[] = [];
    const lane = this.#order.first;
    for (let at = lane?.head ?? 0; lane && at < lane.values.length && values.length < count; at++) {
      const value = lane.values[at];
      if (value !== undefined) values.push(value);
    }
    return values;
  }

  /** Removes what waits at that place. */
  delete(priority: number, place: number): boolean {
    const lane = this.#lanes.get(priority);
    const at = place - (lane?.first ?? 0);
    if (!lane || at < lane.head || lane.values[at] === undefined) return false;
    lane.values[at] = undefined;
    this.#shrunk(lane);
    return true;
  }

  /** Removes the first value that `accepts` takes. */
  remove(accepts: (value: T) => boolean): boolean {
    for (const lane of this.#lanes.values()) {
      const at = lane.values.findIndex((value) => value !== undefined && accepts(value));
      if (at >= 0) return this.delete(lane.priority, lane.first + at);
    }
    return false;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const { values } of this.#lanes.values())
      for (const value of values) if (value !== undefined) yield value;
  }

  #grown(priority: number): Lane<T> {
    let lane = this.#lanes.get(priority);
    if (!lane) {
      lane = { priority, values: [], head: 0, first: 0, size: 0 };
      this.#lanes.set(priority, lane);
      this.#order.put(lane);
    }
    lane.size += 1;
    this.#size += 1;
    return lane;
  }

  /** One value is gone: the head moves on to the next, and an empty lane is forgotten. */
  #shrunk(lane: Lane<T>): void {
    lane.size -= 1;
    this.#size -= 1;
    if (lane.size === 0) {
      this.#lanes.delete(lane.priority);
      this.#order.delete(lane);
      return;
    }
    while (lane.values[lane.head] === undefined) lane.head += 1;
    if (lane.head <= 1024 || lane.head * 2 <= lane.values.length) return;
    lane.values = lane.values.slice(lane.head);
    lane.first += lane.head;
    lane.head = 0;
  }
}

/** Room before the first value, so much that putting back many values costs each the same. */
function makeRoom<T>(lane: Lane<T>): void {
  const room = Math.max(16, lane.values.length);
  lane.values = [...new Array<undefined>(room).fill(undefined), ...lane.values];
  lane.head = room;
  lane.first -= room;
}
