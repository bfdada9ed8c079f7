import { setMaxListeners } from 'node:events';

/**
 * The longest delay that the platform's timers take (milliseconds, 24.8 days): with a longer one they fire at
 * once.
 */
export const longestDelay = 2 ** 31 - 1;

/**
 * Calls once after any number of milliseconds, also after more than the platform's timers take; `Infinity` is
 * never.
 */
export class Timer {
  readonly #act: () => void;
  #left: number;
  #handle: NodeJS.Timeout | undefined;
  #holds = true;

  constructor(milliseconds: number, act: () => void) {
    this.#left = milliseconds;
    this.#act = act;
    this.#next();
  }

  /** It will not call any more. */
  end(): void {
    clearTimeout(this.#handle);
  }

  /** It does not keep the program alive. */
  unref(): this {
    this.#holds = false;
    this.#handle?.unref();
    return this;
  }

  #next(): void {
    const step = Math.min(this.#left, longestDelay);
    this.#left -= step;
    this.#handle = setTimeout(() => (this.#left > 0 ? this.#next() : this.#act()), step);
    if (!this.#holds) this.#handle.unref();
  }
}

/**
 * A signal that fires after so many milliseconds, however many they are, or when the other one does. The
 * timer holds it: one made of `AbortSignal.timeout` by `AbortSignal.any` never fires where memory is
 * collected meanwhile (Node 20.20: sources are held weakly).
 */
export function boundedSignal(milliseconds: number, signal?: AbortSignal): AbortSignal {
  const bound = new AbortController();
  if (signal?.aborted) return signal;
  const late = new DOMException('The operation was aborted due to timeout', 'TimeoutError');
  const timer = new Timer(Math.max(0, Math.ceil(milliseconds)), () => bound.abort(late)).unref();
  const end = (): void => {
    timer.end();
    bound.abort(signal?.reason);
  };
  // Many waits may be bounded by one signal, each until its own time at most.
  if (signal) setMaxListeners(0, signal);
  signal?.addEventListener('abort', end, { once: true, signal: bound.signal });
  return bound.signal;
}
