import { Timer } from '../base/timer.js';
import type { JobRef } from './contract.js';
import type { Report } from './reports.js';

/**
 * The first pause between two questions, and the longest (milliseconds): schedulers ask not to be asked
 * often.
 */
const firstPause = 2000;
const longestPause = 60_000;

/** Asks the system about those jobs; undefined means that it gave no answer. */
export type AskSystem = (refs: readonly JobRef[]) => Promise<readonly Report[] | undefined>;

/**
 * One question for all jobs that are followed, with pauses that grow: 2, 4, 8 … 60 s, and short ones again
 * after news.
 */
export class Poller {
  readonly #ask: AskSystem;
  readonly #followers = new Map<JobRef, (reports: readonly Report[] | undefined) => void>();
  #timer: Timer | undefined;
  #pause = firstPause;
  #last = '';
  #askedAt = Number.NEGATIVE_INFINITY;
  #known: readonly Report[] | undefined;
  /** How often the system was asked. */
  asked = 0;

  constructor(ask: AskSystem) {
    this.#ask = ask;
  }

  /**
   * Follows a job; `told` hears of its reports, or of undefined when the system does not answer. Answers how
   * to stop.
   */
  follow(ref: JobRef, told: (reports: readonly Report[] | undefined) => void): () => void {
    this.#followers.set(ref, told);
    const known = this.#known?.filter(({ id }) => ref.ids.includes(id)) ?? [];
    // What was said a moment ago holds until it is time to ask again.
    const left = known.length > 0 ? Math.max(0, this.#askedAt + this.#pause - performance.now()) : 0;
    if (left > 0) told(known);
    this.#schedule(left);
    return () => {
      this.#followers.delete(ref);
      if (this.#followers.size === 0) this.#timer?.end();
    };
  }

  /** Asks now, whatever the pause: somebody has done something to a job. */
  async now(ref: JobRef): Promise<readonly Report[] | undefined> {
    this.asked += 1;
    const reports = await this.#ask([ref]);
    this.#pause = firstPause;
    return reports?.filter(({ id }) => ref.ids.includes(id));
  }

  #schedule(pause: number): void {
    this.#timer?.end();
    this.#timer = new Timer(pause, () => void this.#round()).unref();
  }

  async #round(): Promise<void> {
    const refs = [...this.#followers.keys()];
    if (refs.length === 0) return;
    this.asked += 1;
    const reports = await this.#ask(refs);
    this.#askedAt = performance.now();
    this.#known = reports;
    for (const [ref, told] of this.#followers) told(reports?.filter(({ id }) => ref.ids.includes(id)));
    const text = JSON.stringify(reports?.map(({ id, element, state }) => [id, element, state.state]));
    this.#pause = text === this.#last ? Math.min(this.#pause * 2, longestPause) : firstPause;
    this.#last = text;
    if (this.#followers.size > 0) this.#schedule(this.#pause);
  }
}
