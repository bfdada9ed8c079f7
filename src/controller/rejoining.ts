import { Lease } from '../base/lease.js';
import type { Log } from '../base/log.js';
import { deferred } from '../base/wait.js';

/**
 * What a controller that was started again waits for: the supervisors that the one before it knew, for at
 * most a lease. Until then nothing that they may have is given to others.
 */
export class Rejoining {
  /** Settles when everybody is back, or nobody more is waited for. */
  readonly settled: Promise<void>;
  readonly #settle = deferred<void>();
  readonly #expected: Set<string>;
  readonly #lease: Lease | undefined;
  #over = false;

  /** `expected` are the names of the supervisors; none means that there is nothing to wait for. */
  constructor(expected: readonly string[], lease: number, log: Log) {
    this.#expected = new Set(expected);
    this.settled = this.#settle.promise;
    if (expected.length === 0) {
      this.#end();
      return;
    }
    log.info(`waiting for ${expected.length} supervisors of the controller before: ${expected.join(' ')}`);
    this.#lease = new Lease(lease, () => {
      log.warn(`not back after ${lease / 1000} s: ${[...this.#expected].join(' ')}`);
      this.#end();
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** A supervisor is back, and has told all that it kept. */
  joined(name: string): void {
    this.#expected.delete(name);
    if (this.#expected.size === 0 && !this.#over) this.#end();
  }

  close(): void {
    this.#lease?.end();
  }

  #end(): void {
    this.#over = true;
    this.#lease?.end();
    this.#settle.resolve();
  }
}
