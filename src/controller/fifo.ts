/** A queue of values by priority, first in first out within one; putting back goes to the front. */
export class PriorityFifo<T> {
  readonly #lanes = new Map<number, { values: T[]; head: number }>();
  #order: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(value: T, priority: number): void {
    this.#lane(priority).values.push(value);
    this.#size += 1;
  }

  pushFront(value: T, priority: number): void {
    const lane = this.#lane(priority);
    if (lane.head > 0) lane.values[--lane.head] = value;
    else lane.values.unshift(value);
    this.#size += 1;
  }

  /** Takes the first value of the highest priority. */
  shift(): T | undefined {
    for (const priority of this.#order) {
      const lane = this.#lane(priority);
      if (lane.head === lane.values.length) continue;
      const value = lane.values[lane.head];
      lane.values[lane.head] = undefined as T;
      lane.head += 1;
      this.#size -= 1;
      if (lane.head > 1024 && lane.head * 2 > lane.values.length) {
        lane.values = lane.values.slice(lane.head);
        lane.head = 0;
      }
      return value;
    }
    return undefined;
  }

  /** The first value of the highest priority. */
  peek(): T | undefined {
    for (const priority of this.#order) {
      const lane = this.#lane(priority);
      if (lane.head < lane.values.length) return lane.values[lane.head];
    }
    return undefined;
  }

  /** The first `count` values of the highest priorities, in order, without taking them. */
  first(count: number): T[] {
    const values: T[] = [];
    for (const priority of this.#order) {
      const lane = this.#lane(priority);
      for (let at = lane.head; at < lane.values.length && values.length < count; at++) values.push(lane.values[at] as T);
    }
    return values;
  }

  /** Removes the first value that `accepts` takes. */
  remove(accepts: (value: T) => boolean): boolean {
    for (const lane of this.#lanes.values()) {
      const index = lane.values.findIndex((value, at) => at >= lane.head && accepts(value));
      if (index < 0) continue;
      lane.values.splice(index, 1);
      this.#size -= 1;
      return true;
    }
    return false;
  }

  #lane(priority: number): { values: T[]; head: number } {
    let lane = this.#lanes.get(priority);
    if (!lane) {
      lane = { values: [], head: 0 };
      this.#lanes.set(priority, lane);
      this.#order = [...this.#lanes.keys()].sort((a, b) => b - a);
    }
    return lane;
  }
}
