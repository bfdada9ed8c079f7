import { IpclusterError } from '../base/errors.js';
import { type Deferred, deferred } from '../base/wait.js';

/** Somebody who waits until these tasks are accepted. */
interface Waiter {
  left: Set<string>;
  done: Deferred<void>;
}

/** Which balanced tasks would survive the end of the controller, and who waits for that. */
export class Acceptance {
  /** Tasks that were sent and are not in the store's file, with the reason where they are in its memory. */
  readonly #open = new Map<string, string | undefined>();
  #waiters: Waiter[] = [];
  #over: IpclusterError | undefined;

  sent(id: string): void {
    this.#open.set(id, undefined);
  }

  /** It is in the file, or answered. */
  settled(id: string): void {
    if (!this.#open.delete(id)) return;
    this.#waiters = this.#waiters.filter(({ left, done }) => {
      left.delete(id);
      if (left.size === 0) done.resolve();
      return left.size > 0;
    });
  }

  /** The controller knows it, but has it only in memory: whoever waits for it is told. */
  doubted(id: string, reason: string): void {
    if (!this.#open.has(id)) return;
    this.#open.set(id, reason);
    this.#waiters = this.#waiters.filter(({ left, done }) => {
      if (!left.has(id)) return true;
      done.reject(notKept(reason));
      return false;
    });
  }

  /** Settles when all that were sent so far are in the file; rejects when one of them is not to be. */
  async all(): Promise<void> {
    if (this.#open.size === 0) return;
    if (this.#over) throw this.#over;
    const left = new Set(this.#open.keys());
    for (const reason of this.#open.values()) if (reason !== undefined) throw notKept(reason);
    const done = deferred<void>();
    this.#waiters.push({ left, done });
    await done.promise;
  }

  /** The connection is over: nobody will say any more what became of the rest. */
  end(error: IpclusterError): void {
    this.#over = error;
    for (const { done } of this.#waiters) done.reject(error);
    this.#waiters = [];
  }
}

const notKept = (reason: string): IpclusterError => {
  const detail = reason.replace(/^(memory|none) /, '');
  return new IpclusterError(
    'NOT_KEPT',
    `The store is not on disk ${detail}: tasks run, but the end of the controller loses them.`,
    {
      suggestions: [
        'Make room on the disk of the store and ask again: this client keeps the tasks until they are on it.',
      ],
    },
  );
};
