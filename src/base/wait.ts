import { setTimeout as delay } from 'node:timers/promises';
import { longestDelay } from './timer.js';

/** Waits, however long; a signal ends it early with the signal's reason. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    for (let left = milliseconds; ; left -= longestDelay) {
      await delay(Math.min(left, longestDelay), undefined, signal ? { signal } : {});
      if (left <= longestDelay) return;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/**
 * What a promise settles with, or undefined where that takes longer; the timer ends with the wait, so no
 * program lives on for it.
 */
export async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  const over = new AbortController();
  try {
    return await Promise.race([promise, sleep(milliseconds, over.signal).then(() => undefined)]);
  } finally {
    over.abort();
  }
}

/** How a wait is bounded: by a deadline in milliseconds from now, a signal, or both. */
export interface Bound {
  timeout: number;
  signal?: AbortSignal | undefined;
}

/**
 * Asks `probe` again and again until it answers something, first often and then every `interval` ms.
 * Answers undefined when the time is over; rejects with the signal's reason when that fires.
 */
export async function poll<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  { timeout, signal }: Bound,
  interval = 100,
): Promise<T | undefined> {
  const end = performance.now() + timeout;
  for (let pause = 5; ; pause = Math.min(interval, pause * 1.5)) {
    signal?.throwIfAborted();
    const answer = await probe();
    if (answer !== undefined) return answer;
    const left = end - performance.now();
    if (left <= 0) return undefined;
    await sleep(Math.min(pause, left), signal);
  }
}

/** A promise with its handles, for code that is told of an end by somebody else. */
export interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
}

/** Makes a {@link Deferred} (`Promise.withResolvers` came after Node 20). */
export function deferred<T>(): Deferred<T> {
  let resolve!: Deferred<T>['resolve'];
  let reject!: Deferred<T>['reject'];
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
