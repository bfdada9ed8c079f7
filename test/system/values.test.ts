import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import { Cluster } from '../../src/cluster/cluster.js';
import { transfer } from '../../src/protocol/memory.js';
import { Home } from '../helpers.js';

const home = new Home();
let cluster: Cluster;
let client: Client;
let remote: Client;

beforeAll(async () => {
  home.enter();
  cluster = await Cluster.start({ n: 2 });
  client = cluster.client;
  const file = join(home.folder, 'by-tls.json');
  writeFileSync(file, JSON.stringify({ ...client.connection, socket: '' }), { mode: 0o600 });
  remote = await Client.connect({ file });
});

afterAll(async () => {
  await remote.close();
  await cluster.stop();
  await home.leave();
});

const spread = (array: Float64Array): number[] => [array[0] ?? -1, array.at(-1) ?? -1];
const numbers = Array.from({ length: 12 }, (_unused, index) => index);
const doubled = numbers.map((index) => [index, index]);

describe('what was sent is what arrives', () => {
  test.each([
    ['100 KB', 12_500],
    ['900 KB', 112_500],
    ['4 MB', 500_000],
  ])('one array of %s that is filled anew for each task', async (_size, length) => {
    const array = new Float64Array(length);
    for (const one of [client, remote]) {
      const send = (view: {
        apply: (f: typeof spread, a: Float64Array) => PromiseLike<unknown>;
      }): PromiseLike<unknown>[] => doubled.map(([index]) => view.apply(spread, array.fill(index ?? -1)));
      expect(await Promise.all(send(one.direct(0)))).toEqual(doubled);
      expect(await Promise.all(send(one.balanced()))).toEqual(doubled);
    }
  });

  test('an array that an engine goes on writing to', async () => {
    const next = (): Float64Array => {
      const global = globalThis as unknown as { state: Float64Array; round: number };
      global.state ??= new Float64Array(125_000);
      global.round = (global.round ?? -1) + 1;
      return global.state.fill(global.round);
    };
    const results = await Promise.all(numbers.map(() => client.direct(0).apply(next)));
    expect(results.map(spread)).toEqual(doubled);
    const late = await client.direct(0).apply(async () => {
      const state = new Float64Array(125_000).fill(1);
      // Runs after this function has returned, and before anything else.
      void Promise.resolve().then(() => Promise.resolve().then(() => queueMicrotask(() => state.fill(2))));
      return state;
    });
    expect([1, 2]).toContain(late[0]);
    expect(late[0]).toBe(late.at(-1));
  });

  test('items of a map whose tasks are sent later', async () => {
    const items = numbers.map((index) => new Float64Array(2000).fill(index));
    const result = client.balanced().map(spread, items);
    for (const item of items) item.fill(-1);
    expect(await result).toEqual(doubled);
  });

  test('memory that was given away arrives, and is empty here', async () => {
    for (const view of [client.direct(0), client.balanced()]) {
      const array = new Float64Array(500_000).fill(3);
      const sum = view.apply((given: Float64Array) => given.reduce((a, b) => a + b), transfer(array));
      expect(array.length).toBe(0);
      expect(await sum).toBe(1_500_000);
    }
  });
});

describe('an array has a buffer of its own', () => {
  const shape = (array: Float64Array): number[] => [
    array.byteOffset,
    array.byteLength,
    array.buffer.byteLength,
  ];

  test.each([10, 200, 1000, 20_000, 200_000])('of %i numbers, on the engine and back', async (length) => {
    const wanted = [0, length * 8, length * 8];
    for (const one of [client, remote]) {
      for (const view of [one.direct(0), one.balanced()]) {
        expect(await view.apply(shape, new Float64Array(length))).toEqual(wanted);
        const back = await view.apply((size: number) => new Float64Array(size), length);
        expect(shape(back)).toEqual(wanted);
      }
      await one.direct(0).push({ kept: new Float64Array(length) });
      expect(
        await one.direct(0).execute('[kept.byteOffset, kept.byteLength, kept.buffer.byteLength]'),
      ).toEqual(wanted);
      expect(shape((await one.direct(0).pull('kept')) as Float64Array)).toEqual(wanted);
    }
  });

  test('code that transfers what it was given harms nobody', async () => {
    const give = (array: Uint8Array): number =>
      structuredClone(array, { transfer: [array.buffer as ArrayBuffer] }).length;
    for (const size of [2000, 100_000, 2_000_000]) {
      expect(await client.direct(0).apply(give, new Uint8Array(size))).toBe(size);
      expect(await client.balanced().apply(give, new Uint8Array(size))).toBe(size);
    }
    await remote.query();
  });

  test('results that are transferred here take none of their neighbours along', async () => {
    const result = client.balanced().map(
      (index: number) => new Float64Array(300).fill(index),
      Array.from({ length: 400 }, (_unused, index) => index),
    );
    let seen = 0;
    for await (const item of result) {
      const array = item.value;
      const moved = structuredClone(array, { transfer: [array.buffer as ArrayBuffer] });
      expect([...new Set(moved)]).toEqual([item.index]);
      seen += 1;
    }
    expect(seen).toBe(400);
  });
});

describe('values that cannot travel', () => {
  test('a result is refused by the error that it is', async () => {
    for (const view of [client.direct(0), client.balanced()]) {
      await expect(view.apply(() => () => 1)).rejects.toMatchObject({ ename: 'NOT_CLONEABLE' });
      await expect(view.apply(() => new Uint8Array(2 ** 32))).rejects.toMatchObject({
        ename: 'TOO_LARGE',
        message: expect.stringMatching(/42949673\d\d bytes .* 4292870144/),
      });
    }
    await expect(client.direct(0).execute('huge = new Uint8Array(2 ** 32); 1')).resolves.toBe(1);
    await expect(client.direct(0).pull('huge')).rejects.toMatchObject({ ename: 'TOO_LARGE' });
    await client.direct(0).execute('huge = undefined');
  });

  test('an argument is refused before it is sent', () => {
    const huge = new Uint8Array(2 ** 32);
    expect(() => client.direct(0).push({ huge })).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  });
});
