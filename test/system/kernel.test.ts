import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { EngineProcess } from '../engine-process.js';
import { cells } from '../fixtures/cells.js';
import {
  chunksOf,
  type Expected,
  inGroups,
  neededByNode,
  type Patch,
  replaced,
  thrown,
} from '../fixtures/patches.js';

/** Runs code in one engine, and after each piece whatever an engine is asked for. */
async function inOneEngine(patches: readonly Patch[]): Promise<void> {
  const engine = await EngineProcess.start();
  try {
    for (const [code, expected] of patches) check(code, expected, await engine.execute(code));
    await probe(engine);
    // Without it Node delivers nothing that a child writes.
    if (patches.some(([code]) => code.startsWith('Function.prototype.apply'))) return;
    const commands = await Promise.all([
      engine.command(['echo', 'here'], {}, false),
      engine.command(['sleep', '5'], { timeLimit: 50 }),
    ]);
    const [first, second] = commands.map(({ content }) => content);
    if (neededByNode.test(patches.map(([code]) => code).join())) return;
    expect(first).toMatchObject({ result: { stdout: 'here\n', exitCode: 0 } });
    expect(second).toMatchObject({ result: { timedOut: true } });
  } finally {
    await engine.close();
  }
}

function check(
  code: string,
  expected: Expected,
  { status, content, value }: Awaited<ReturnType<EngineProcess['execute']>>,
): void {
  expect(JSON.stringify(content).length, code).toBeLessThan(65_536);
  if (typeof expected !== 'object')
    return expect({ status, value }, code).toEqual({ status: 'ok', value: expected });
  expect(content, code).toMatchObject({ status: 'error', ename: expected.error });
  if (expected.says instanceof RegExp) expect(content['evalue'], code).toMatch(expected.says);
  else if (expected.says !== undefined) expect(content['evalue'], code).toBe(expected.says);
}

/** An engine that is whole: each kind of request, and each end. */
async function probe(engine: EngineProcess): Promise<void> {
  const large = new Float64Array(500).fill(7);
  expect(await engine.execute('40 + 2')).toMatchObject({ status: 'ok', value: 42 });
  expect(await engine.apply('(x, y) => ({ x, y })', large, 'y')).toMatchObject({
    status: 'ok',
    value: { x: large, y: 'y' },
  });
  expect(await engine.map('async (x) => x + 1', [1, 2])).toMatchObject({ status: 'ok', value: [2, 3] });
  expect(await engine.execute('throw 7')).toMatchObject({ status: 'error', content: { evalue: '7' } });
  expect(await engine.push({ pushed: [1, { a: 2 }] })).toMatchObject({ status: 'ok' });
  expect(await engine.pull('pushed')).toMatchObject({ status: 'ok', value: [[1, { a: 2 }]] });
}

test('whatever runs can be interrupted, and the engine goes on', async () => {
  const engine = await EngineProcess.start();
  const asked = [
    () => engine.execute('for (;;);'),
    () => engine.execute('await new Promise(() => {})'),
    () => engine.execute('throw { get name() { for (;;); }, __proto__: Error.prototype }'),
    () => engine.execute('await 1; throw { get stack() { for (;;); }, __proto__: Error.prototype }'),
    () => engine.command(['sleep', '60']),
  ];
  for (const ask of asked) {
    const reply = ask();
    await pause(100);
    engine.interrupt();
    expect(await reply).toMatchObject({ status: 'aborted' });
    await probe(engine);
  }
  expect(engine.log).toBe('');
  await engine.close();
});

test('neither thread of an engine keeps silent about what no supervisor says', async () => {
  const engine = await EngineProcess.start();
  try {
    expect(await engine.execute('40 + 2')).toMatchObject({ value: 42 });
    for (const thread of ['engine', 'watcher'] as const)
      expect(await engine.sayUnknown(thread)).toMatchObject({
        status: 'error',
        content: { ename: 'PROTOCOL' },
      });
    expect(await engine.execute('40 + 2')).toMatchObject({ value: 42 });
  } finally {
    await engine.close();
  }
});

test('cells of notebooks have their values in a real engine', async () => {
  const engine = await EngineProcess.start();
  for (const [codes, expected] of cells) {
    let reply = await engine.execute('');
    for (const code of codes) reply = await engine.execute(code);
    const seen = reply.status === 'ok' ? reply.value : { error: reply.content['ename'] };
    expect(seen, codes.join('\n')).toEqual(expected);
    await engine.clear();
  }
  await engine.execute("const crypto = require('node:crypto')");
  expect(await engine.execute('typeof crypto.createHash')).toMatchObject({ value: 'function' });
  expect(engine.log).toBe('');
  await engine.close();
});

describe.concurrent('an engine stays whole', () => {
  test.for(inGroups.map((patches) => ({ first: patches[0]?.[0], patches })))('$first …', ({ patches }) =>
    inOneEngine(patches),
  );
  test.for(replaced)('%s', (patch) => inOneEngine([patch]));
});

describe.concurrent('whatever is thrown is told', () => {
  test.for(chunksOf(6, thrown).map((patches) => ({ first: patches[0]?.[0], patches })))(
    '$first …',
    ({ patches }) => inOneEngine(patches),
  );
});
