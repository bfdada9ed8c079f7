import { type Deferred, deferred } from './wait.js';

/**
 * One writer, many followers: each follower is an async iterable that starts at the present and ends with the feed.
 * There is no error event to forget: what goes wrong is a value of `T` or the end.
 */
export class Feed<T> {
  readonly #followers = new Set<Follower<T>>();
  #ended = false;

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
    const follower = new Follower<T>(() => this.#followers.delete(follower));
    if (this.#ended || signal?.aborted) follower.end();
    else this.#followers.add(follower);
    signal?.addEventListener('abort', () => void follower.return(), { once: true });
    return follower;
  }
}

class Follower<T> implements AsyncIterableIterator<T> {
  readonly #values: T[] = [];
  readonly #leave: () => void;
  #waiting: Deferred<IteratorResult<T>> | undefined;
  #ended = false;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  push(value: T): void {
    if (this.#waiting) {
      this.#waiting.resolve({ value, done: false });
      this.#waiting = undefined;
    } else {
      this.#values.push(value);
    }
  }

  end(): void {
    this.#ended = true;
    this.#waiting?.resolve({ value: undefined, done: true });
    this.#waiting = undefined;
  }

  next(): Promise<IteratorResult<T>> {
    const value = this.#values.shift();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    this.#waiting ??= deferred();
    return this.#waiting.promise;
  }

  return(): Promise<IteratorResult<T>> {
    this.#leave();
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
