/**
 * A bound on silence that counts only time awake: a machine that slept, or a process that was stopped, finds
 * its leases as it left them. Any sign of life renews it.
 */
export class Lease {
  readonly #duration: number;
  readonly #step: number;
  readonly #onLapse: () => void;
  readonly #timer: NodeJS.Timeout;
  #last = performance.now();
  #silent = 0;
  #held = false;

  /** `duration` in milliseconds; `onLapse` is called once, after that much silence. */
  constructor(duration: number, onLapse: () => void) {
    this.#duration = duration;
    const step = Math.min(1000, Math.max(20, duration / 10));
    this.#step = step;
    this.#onLapse = onLapse;
    this.#timer = setInterval(() => this.#count(performance.now()), step);
  }

  /** Milliseconds awake since something was heard. */
  get silent(): number {
    return this.#silent;
  }

  /** Something was heard. */
  renew(): void {
    this.#silent = 0;
  }

  /** Stops counting while it is our own doing that nothing is heard. */
  hold(on: boolean): void {
    this.#held = on;
    this.#silent = 0;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** A step that took much longer than it should was spent asleep: it counts as two. */
  #count(now: number): void {
    const passed = Math.min(now - this.#last, 2 * this.#step);
    this.#last = now;
    if (this.#held) return;
    this.#silent += passed;
    if (this.#silent < this.#duration) return;
    this.end();
    this.#onLapse();
  }
}
