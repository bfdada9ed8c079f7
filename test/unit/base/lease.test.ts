import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Lease } from '../../../src/base/lease.js';
import { Queue } from '../../../src/base/queue.js';

describe('a lease', () => {
  let now = 0;
  beforeEach(() => {
    now = 0;
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    vi.spyOn(performance, 'now').mockImplementation(() => now);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
  /** Time goes on, and the process is awake in it. */
  const pass = (milliseconds: number): void => {
    for (let done = 0; done < milliseconds; done += 100) {
      now += 100;
      vi.advanceTimersByTime(100);
    }
  };
  const lapsing = (): { lease: Lease; lapsed: ReturnType<typeof vi.fn> } => {
    const lapsed = vi.fn();
    return { lease: new Lease(1000, lapsed), lapsed };
  };

  test('lapses once, after that much silence', () => {
    const { lapsed } = lapsing();
    pass(900);
    expect(lapsed).not.toHaveBeenCalled();
    pass(2000);
    expect(lapsed).toHaveBeenCalledTimes(1);
  });

  test('is renewed by any sign of life, and ended for good', () => {
    const { lease, lapsed } = lapsing();
    for (let round = 0; round < 5; round++) {
      pass(900);
      lease.renew();
    }
    lease.end();
    pass(5000);
    expect(lapsed).not.toHaveBeenCalled();
  });

  test('time asleep does not count', () => {
    const { lapsed } = lapsing();
    pass(500);
    now += 3_600_000;
    pass(200);
    expect(lapsed).not.toHaveBeenCalled();
    pass(300);
    expect(lapsed).toHaveBeenCalledTimes(1);
  });

  test('silence of our own making does not count', () => {
    const { lease, lapsed } = lapsing();
    lease.hold(true);
    pass(5000);
    lease.hold(false);
    pass(900);
    expect(lapsed).not.toHaveBeenCalled();
    pass(200);
    expect(lapsed).toHaveBeenCalledTimes(1);
  });
});

test('a queue keeps its order however long it grows', () => {
  const queue = new Queue<number>();
  const taken: (number | undefined)[] = [];
  for (let value = 0; value < 10_000; value++) {
    queue.push(value);
    if (value % 3 === 0) taken.push(queue.shift());
  }
  expect([...queue][0]).toBe(taken.length);
  while (queue.size > 0) taken.push(queue.shift());
  expect(taken).toEqual(Array.from({ length: 10_000 }, (_unused, index) => index));
  expect(queue.shift()).toBeUndefined();
  queue.push(1);
  queue.clear();
  expect(queue.size).toBe(0);
});
