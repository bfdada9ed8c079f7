/**
 * How many requests somebody may hold who works on one at a time: several where they are short, so that none
 * waits for a round trip.
 */
export class Pace {
  readonly #short: number;
  readonly #most: number;
  #average = Number.POSITIVE_INFINITY;
  #lastAnswer = 0;

  /** Requests that take less than `short` ms on average are given `most` at a time, others singly. */
  constructor({ short, most }: { short: number; most: number }) {
    this.#short = short;
    this.#most = most;
  }

  get window(): number {
    return this.#average < this.#short ? this.#most : 1;
  }

  /** An answer has come to what was handed over then (monotonic milliseconds). */
  answered(handedAt: number): void {
    const now = performance.now();
    const took = now - Math.max(handedAt, this.#lastAnswer);
    this.#lastAnswer = now;
    const isLong = took > 10 * this.#short || !Number.isFinite(this.#average);
    this.#average = isLong ? took : 0.9 * this.#average + 0.1 * took;
  }
}
