import { Queue } from './queue.js';
import { type Deferred, deferred } from './wait.js';

/**
 * How much waits for a follower that does not read; what comes then is dropped, and a notice says so when it
 * reads on.
 */
export interface FeedLimit<T> {
  most: number;
  sizeOf: (value: T) => number;
  /** Made of how many were dropped, and the last of them. */
  notice: (dropped: number, last: T) => T;
}

/**
 * One writer, many followers: each follower is an async iterable that starts at the present and ends with the
 * feed. There is no error event to forget: what goes wrong is a value of `T` or the end.
 */
export class Feed<T> {
  readonly #limit: FeedLimit<T> | undefined;
  readonly #followers = new Set<Follower<T>>();
  #ended = false;

  /** Without a limit everything is kept for whoever follows. */
  constructor(limit?: FeedLimit<T>) {
    this.#limit = limit;
  }

  push(value: T): void {
    for (const follower of this.#followers) follower.push(value);
  }

  end(): void {
    this.#ended = true;
    for (const follower of this.#followers) follower.end();
    this.#followers.clear();
  }

  /** Follows from now on; leaving the loop, or the signal, ends the following. */
  follow(signal?: AbortSignal): AsyncIterableIterator<T> {
    const follower = new Follower<T>(this.#limit, () => this.#followers.delete(follower));
    if (this.#ended || signal?.aborted) follower.end();
    else this.#followers.add(follower);
    signal?.addEventListener('abort', () => void follower.return(), { once: true });
    return follower;
  }
}

class Follower<T> implements AsyncIterableIterator<T> {
  readonly #values = new Queue<T>();
  readonly #limit: FeedLimit<T> | undefined;
  readonly #leave: () => void;
  #size = 0;
  #dropped: { count: number; last: T } | undefined;
  #waiting: Deferred<IteratorResult<T>> | undefined;
  #ended = false;

  constructor(limit: FeedLimit<T> | undefined, leave: () => void) {
    this.#limit = limit;
    this.#leave = leave;
  }

  push(value: T): void {
    if (this.#waiting) {
      this.#waiting.resolve({ value, done: false });
      this.#waiting = undefined;
    } else if (this.#dropped || (this.#limit && this.#size >= this.#limit.most)) {
      this.#dropped = { count: (this.#dropped?.count ?? 0) + 1, last: value };
    } else {
      this.#size += this.#limit?.sizeOf(value) ?? 0;
      this.#values.push(value);
    }
  }

  end(): void {
    this.#ended = true;
    this.#waiting?.resolve({ value: undefined, done: true });
    this.#waiting = undefined;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#values.size > 0) {
      const value = this.#values.shift() as T;
      this.#size -= this.#limit?.sizeOf(value) ?? 0;
      return Promise.resolve({ value, done: false });
    }
    if (this.#limit && this.#dropped) {
      const value = this.#limit.notice(this.#dropped.count, this.#dropped.last);
      this.#dropped = undefined;
      return Promise.resolve({ value, done: false });
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    this.#waiting ??= deferred();
    return this.#waiting.promise;
  }

  return(): Promise<IteratorResult<T>> {
    this.#leave();
    this.#values.clear();
    this.#dropped = undefined;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
