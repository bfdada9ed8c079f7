/**
 * Values of which the first is always at hand; each is in it once, and can be moved or taken out wherever it
 * is.
 */
export class IndexedHeap<T> {
  readonly #before: (one: T, other: T) => boolean;
  readonly #values: T[] = [];
  readonly #places = new Map<T, number>();

  /**
   * `before` says which of two comes first; whoever changes what it goes by calls {@link put} for that value.
   */
  constructor(before: (one: T, other: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#values.length;
  }

  get first(): T | undefined {
    return this.#values[0];
  }

  /** Takes a value in, or to its right place where it is in already. */
  put(value: T): void {
    const known = this.#places.get(value);
    if (known === undefined) this.#values.push(value);
    const at = known ?? this.#values.length - 1;
    this.#set(at, value);
    this.#sink(this.#rise(at));
  }

  delete(value: T): void {
    const at = this.#places.get(value);
    if (at === undefined) return;
    this.#places.delete(value);
    const last = this.#values.pop() as T;
    if (at === this.#values.length) return;
    this.#set(at, last);
    this.#sink(this.#rise(at));
  }

  #set(at: number, value: T): void {
    this.#values[at] = value;
    this.#places.set(value, at);
  }

  #rise(from: number): number {
    let at = from;
    const value = this.#values[at] as T;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(value, this.#values[parent] as T)) break;
      this.#set(at, this.#values[parent] as T);
      at = parent;
    }
    if (at !== from) this.#set(at, value);
    return at;
  }

  #sink(from: number): void {
    let at = from;
    const value = this.#values[at] as T;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#values.length) break;
      const right = left + 1;
      const least =
        right < this.#values.length && this.#before(this.#values[right] as T, this.#values[left] as T)
          ? right
          : left;
      if (!this.#before(this.#values[least] as T, value)) break;
      this.#set(at, this.#values[least] as T);
      at = least;
    }
    if (at !== from) this.#set(at, value);
  }
}
