import { expect, test } from 'vitest';
import { Feed } from '../../../src/base/feed.js';
import { poll, sleep } from '../../../src/base/wait.js';

test('each follower hears everything from its own beginning, and the end', async () => {
  const feed = new Feed<number>();
  feed.push(0);
  const first = feed.follow();
  feed.push(1);
  const second = feed.follow();
  feed.push(2);
  feed.end();
  const collect = async (follower: AsyncIterable<number>): Promise<number[]> => {
    const values: number[] = [];
    for await (const value of follower) values.push(value);
    return values;
  };
  expect(await collect(first)).toEqual([1, 2]);
  expect(await collect(second)).toEqual([2]);
  expect(await collect(feed.follow())).toEqual([]);
});

test('a signal ends the following', async () => {
  const feed = new Feed<number>();
  const stop = new AbortController();
  const waiting = feed.follow(stop.signal).next();
  stop.abort();
  expect((await waiting).done).toBe(true);
});

test('a poll ends with an answer, with its time, or with its signal', async () => {
  let asked = 0;
  expect(await poll(() => (++asked > 2 ? 'there' : undefined), { timeout: 1000 })).toBe('there');
  expect(await poll(() => undefined, { timeout: 20 })).toBeUndefined();
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  await expect(poll(() => undefined, { timeout: 1000, signal: stop.signal })).rejects.toThrow('enough');
  await expect(sleep(1000, stop.signal)).rejects.toThrow('enough');
});

test('one that does not read costs no more than the limit, and is told what it missed', async () => {
  const feed = new Feed<string>({
    most: 3,
    sizeOf: () => 1,
    notice: (dropped, last) => `${dropped} missed, ${last} the last`,
  });
  const slow = feed.follow();
  for (const value of ['a', 'b', 'c', 'd', 'e']) feed.push(value);
  const next = async (): Promise<unknown> => (await slow.next()).value;
  expect([await next(), await next(), await next(), await next()]).toEqual([
    'a',
    'b',
    'c',
    '2 missed, e the last',
  ]);
  feed.push('f');
  expect(await next()).toBe('f');
});
