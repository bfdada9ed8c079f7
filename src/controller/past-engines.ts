import type { LostSupervisor, PastWork } from '../protocol/messages.js';
import type { Engine } from './engine.js';
import type { Supervisor } from './supervisor.js';

/** Of those that were lost, so many are remembered. */
const mostLost = 100;
/** Of those that ended for good, so many are remembered. */
const mostEnded = 1000;

/**
 * What is known of engines that are over: how long they were there and worked, and whose supervisors left
 * without a word.
 */
export class PastEngines {
  readonly #work = new Map<string | null, PastWork>();
  #lost: LostSupervisor[] = [];
  readonly #ends = new Map<number, string>();

  get work(): PastWork[] {
    return [...this.#work.values()];
  }

  /** Engines that ended for good, with the reason. */
  get ends(): { id: number; reason: string }[] {
    return [...this.#ends].map(([id, reason]) => ({ id, reason }));
  }

  /** An engine is over for good. */
  endedForGood(id: number, reason: string): void {
    this.#ends.set(id, reason);
    const [oldest] = this.#ends.keys();
    if (this.#ends.size > mostEnded && oldest !== undefined) this.#ends.delete(oldest);
  }

  get lost(): readonly LostSupervisor[] {
    return this.#lost;
  }

  /** An engine is over. */
  ended({ supervisor, joined, busy }: Engine): void {
    const job = supervisor.allocation?.job ?? null;
    const { held, busy: before } = this.#work.get(job) ?? { held: 0, busy: 0 };
    this.#work.set(job, { job, held: held + Date.now() - joined, busy: before + Math.round(busy) });
  }

  /** A supervisor is gone, with engines that it has not said to have ended. */
  left({ name, host, allocation }: Supervisor, engines: readonly number[]): void {
    if (engines.length === 0) return;
    const { job = null, node = null } = allocation ?? {};
    this.#lost = [
      ...this.#lost,
      { supervisor: name, host, job, node, engines: [...engines], at: new Date().toISOString() },
    ];
    this.#lost = this.#lost.slice(-mostLost);
  }

  /** A supervisor is there, or another run of its part of a job: what was lost of it is no news any more. */
  back({ name, allocation }: Pick<Supervisor, 'name' | 'allocation'>): void {
    this.#lost = this.#lost.filter(
      (lost) =>
        lost.supervisor !== name &&
        (lost.job === null || lost.job !== allocation?.job || lost.node !== allocation.node),
    );
  }
}
