import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { boundedSignal, longestDelay, Timer } from '../../../src/base/timer.js';
import { sleep } from '../../../src/base/wait.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test.each([1, longestDelay, longestDelay + 1, 30 * 86_400_000, 2 ** 40])(
  'a timer of %d ms calls then, and once',
  (delay) => {
    const called = vi.fn();
    const timer = new Timer(delay, called);
    vi.advanceTimersByTime(delay - 1);
    expect(called).not.toHaveBeenCalled();
    vi.advanceTimersByTime(2);
    expect(called).toHaveBeenCalledTimes(1);
    timer.end();
    expect(vi.getTimerCount()).toBe(0);
  },
);

test('one without end never calls, and can be ended in any of its steps', () => {
  const called = vi.fn();
  const timer = new Timer(Number.POSITIVE_INFINITY, called).unref();
  vi.advanceTimersByTime(10 * longestDelay);
  timer.end();
  expect(called).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

test('a signal of 30 days fires after 30 days, or with the other one', () => {
  const other = new AbortController();
  const month = 30 * 86_400_000;
  const [late, early] = [boundedSignal(month), boundedSignal(month, other.signal)];
  vi.advanceTimersByTime(month - 1);
  expect(late.aborted).toBe(false);
  other.abort(new Error('enough'));
  expect(early.reason).toEqual(new Error('enough'));
  vi.advanceTimersByTime(2);
  expect(late.aborted).toBe(true);
  expect((late.reason as Error).name).toBe('TimeoutError');
});

test('a bound holds although memory is collected meanwhile', async () => {
  vi.useRealTimers();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const other = new AbortController();
  const reasons = [boundedSignal(60), boundedSignal(60, AbortSignal.any([other.signal]))].map(
    (signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve((signal.reason as Error).name), { once: true });
      }),
  );
  for (let round = 0; round < 4; round++) {
    await sleep(5);
    collect();
  }
  expect(await Promise.race([Promise.all(reasons), sleep(2000)])).toEqual(['TimeoutError', 'TimeoutError']);
});
