import { expect, test } from 'vitest';
import { runTool } from '../../../src/processes/tool.js';

const run = (script: string, more: Partial<Parameters<typeof runTool>[0]> = {}) =>
  runTool({ argv: ['/bin/sh', '-c', script], env: process.env, timeout: 10_000, ...more });
const timed = async <T>(work: Promise<T>): Promise<[T, boolean]> => {
  const begin = performance.now();
  return [await work, performance.now() - begin < 4000];
};

test('what a command leaves in the background does not hold it up', async () => {
  expect(await timed(run('(sleep 6 &) ; echo said; exit 3'))).toEqual([
    { code: 3, stdout: 'said\n', stderr: '', timedOut: false },
    true,
  ]);
});

test('all of a long output is there, although its reader is busy when the command ends', async () => {
  const work = run('head -c 3000000 /dev/zero | tr "\\0" x; (sleep 6 &)');
  await new Promise((done) => setTimeout(done, 50));
  for (const end = performance.now() + 1500; performance.now() < end; );
  const [{ stdout }, soon] = await timed(work);
  expect([stdout.length, soon]).toEqual([3_000_000, true]);
});

test('output that is whole ends the wait, whatever else runs', async () => {
  const isWhole = (text: string): boolean => text.includes('over\n');
  expect(await timed(run('echo over; sleep 6', { isWhole }))).toMatchObject([
    { code: 0, stdout: 'over\n', timedOut: false },
    true,
  ]);
});

test('one that hangs is killed', async () => {
  expect(await timed(run('sleep 6', { timeout: 200 }))).toMatchObject([{ code: null, timedOut: true }, true]);
});
