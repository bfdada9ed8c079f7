import { describe, expect, test } from 'vitest';
import { IpclusterError } from '../../../src/base/errors.js';
import { AsyncResult } from '../../../src/client/async-result.js';
import { joinParts, splitEvenly } from '../../../src/client/partition.js';
import { CompositeError, RemoteError } from '../../../src/client/remote-error.js';

const make = (total: number): AsyncResult<unknown[], unknown> =>
  new AsyncResult(
    total,
    (values) => values,
    async () => ({}),
  );

describe('a result', () => {
  test('is a promise of all parts in order, and an iterable of each as it comes', async () => {
    const result = make(3);
    result.settle(2, { value: 'c' }, 2, 5);
    const came: number[] = [];
    const iterating = (async () => {
      for await (const { index } of result) came.push(index);
    })();
    result.settle(0, { value: 'a' }, 0, 6);
    expect(result.progress).toEqual({ done: 2, failed: 0, total: 3 });
    result.settle(1, { value: 'b' }, 1);
    await iterating;
    expect(came).toEqual([2, 0, 1]);
    expect(await result).toEqual(['a', 'b', 'c']);
    expect(result.timing.serial).toBe(11);
    expect(result.engineIds).toEqual([0, 1, 2]);
  });

  test('has all that a promise has', async () => {
    const [good, bad] = [make(1), make(1)];
    const promises: Promise<unknown>[] = [good, bad];
    good.settle(0, { value: 'a' }, 0);
    bad.settle(0, { error: new IpclusterError('CLOSED', 'gone') }, 0);
    const ends: string[] = [];
    expect(await good.catch(() => 'not called').finally(() => ends.push('good'))).toEqual(['a']);
    expect(await bad.finally(() => ends.push('bad')).catch((error: Error) => error.message)).toBe('gone');
    expect(ends).toEqual(['good', 'bad']);
    expect((await Promise.allSettled(promises)).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
    ]);
  });

  test('comes in order to who wants that', async () => {
    const result = make(2);
    result.settle(1, { value: 'b' }, 1);
    setTimeout(() => result.settle(0, { value: 'a' }, 0), 5);
    const values: unknown[] = [];
    for await (const { value } of result.inOrder()) values.push(value);
    expect(values).toEqual(['a', 'b']);
  });

  test('one failure is thrown as it is, several together; the good ones are there all the same', async () => {
    const error = new RemoteError(
      { status: 'error', ename: 'TypeError', evalue: 'x', traceback: ['TypeError: x', '    at f'] },
      1,
    );
    const one = make(2);
    one.settle(0, { value: 1 }, 0);
    one.settle(1, { error }, 1);
    await expect(one).rejects.toBe(error);
    expect(await one.settled()).toEqual([
      { status: 'fulfilled', value: 1 },
      { status: 'rejected', reason: error },
    ]);
    const two = make(2);
    two.settle(0, { error }, 0);
    two.settle(1, { error: new IpclusterError('CLOSED', 'gone') }, 1);
    await expect(two).rejects.toBeInstanceOf(CompositeError);
    await expect(two).rejects.toThrow(/2 failed:\n {2}engine 1: TypeError: x\n {2}gone/);
  });

  test('a loop over a map that ends early cancels what is left, unless all of it is awaited', async () => {
    const cancelled: boolean[] = [];
    const map = (): AsyncResult<unknown[], unknown> =>
      new AsyncResult(
        3,
        (values) => values,
        async () => {
          cancelled.push(true);
          return {};
        },
        true,
      );
    const left = map();
    left.settle(0, { value: 1 }, 0);
    for await (const _item of left) break;
    expect(cancelled.length).toBe(1);
    const thrown = map();
    thrown.settle(0, { error: new IpclusterError('CLOSED', 'gone') }, 0);
    await expect(thrown.inOrder().next()).rejects.toThrow('gone');
    expect(cancelled.length).toBe(2);
    const awaited = map();
    void awaited.settled();
    awaited.settle(0, { value: 1 }, 0);
    for await (const _item of awaited) break;
    const whole = map();
    for (const index of [0, 1, 2]) whole.settle(index, { value: 1 }, 0);
    for await (const _item of whole);
    expect(cancelled.length).toBe(2);
  });

  test('an error of a map says which item it is about', () => {
    const error = new RemoteError({ status: 'error', ename: 'E', evalue: 'odd', traceback: [] }, 1).about(
      7,
      'x'.repeat(200),
    );
    expect(error.index).toBe(7);
    expect(error.item?.length).toBeLessThan(70);
    expect(error.message).toMatch(/^engine 1: E: odd \(item 7: 'x+/);
    const advised = new RemoteError(
      { status: 'error', ename: 'E', evalue: 'b', traceback: [], suggestions: ['so'] },
      1,
    );
    expect(new CompositeError([error, advised, advised]).suggestions).toEqual(['so']);
  });

  test('a part that is settled stays so', async () => {
    const result = make(1);
    result.settle(0, { value: 'first' }, 0);
    result.settle(0, { value: 'second' }, 0);
    expect(await result).toEqual(['first']);
  });

  test('of nothing is there at once', async () => {
    expect(await make(0)).toEqual([]);
  });

  test('keeps output and hands it on', async () => {
    const result = make(1);
    const following = result.outputs().next();
    result.write({ name: 'stdout', text: 'hello', engineId: 0, id: 'x' });
    expect((await following).value).toMatchObject({ text: 'hello' });
    expect(result.output).toBe('hello');
  });
});

describe('partition', () => {
  test('sizes differ by one at most, and joining is the opposite', () => {
    expect(splitEvenly([1, 2, 3, 4, 5], 3)).toEqual([[1, 2], [3, 4], [5]]);
    expect(splitEvenly([1], 3)).toEqual([[1], [], []]);
    const view = Float64Array.from({ length: 10 }, (_unused, index) => index);
    const parts = splitEvenly(view, 3);
    expect(parts[0]?.buffer).toBe(view.buffer);
    expect(joinParts(parts)).toEqual(view);
    expect(joinParts([[1], [2, 3]])).toEqual([1, 2, 3]);
  });
});
