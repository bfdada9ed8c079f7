import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { poll } from '../../../src/base/wait.js';
import { askShell } from '../../../src/processes/question.js';
import { inspectProcess } from '../../../src/processes/table.js';
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

test('one that hangs is killed, with all that it has started', async () => {
  const outcome = run('sleep 600.7 & echo $!; wait', { timeout: 200 });
  expect(await timed(outcome)).toMatchObject([{ code: null, timedOut: true }, true]);
  const pid = Number((await outcome).stdout);
  await poll(() => (inspectProcess(pid) ? undefined : true), { timeout: 2000 }, 10);
  expect(inspectProcess(pid)).toBeUndefined();
});

test('one that is not there, or cannot be run, has the shell’s code and Node’s words', async () => {
  for (const [program, words] of [
    ['/nowhere/at-all', /ENOENT/],
    ['/etc/passwd', /EACCES/],
  ] as const) {
    const { code, stderr } = await runTool({ argv: [program], env: process.env, timeout: 5000 });
    expect([code, stderr]).toEqual([127, expect.stringMatching(words)]);
  }
});

test('a command has the environment that it is given and no other, and its input', async () => {
  process.env['OF_THIS_PROGRAM'] = 'yes';
  const { stdout } = await run('cat; env', { env: { GIVEN: '1' }, input: 'from here\n' });
  delete process.env['OF_THIS_PROGRAM'];
  expect(stdout).toMatch(/^from here\n/);
  expect(stdout).toContain('GIVEN=1');
  expect(stdout).not.toContain('OF_THIS_PROGRAM');
});

test('a question is answered, or it is not', async () => {
  expect(await askShell('echo 7', 5000)).toBe('7\n');
  expect(await askShell('echo 7; exit 1', 5000)).toBeUndefined();
  expect(await askShell('yes | head -c 100000', 5000)).toBeUndefined();
  expect(await timed(askShell('echo 7; sleep 600.7 & wait', 200))).toEqual([undefined, true]);
  const over = new AbortController();
  setTimeout(() => over.abort(), 200);
  expect(await timed(askShell('sleep 600.7', 60_000, over.signal))).toEqual([undefined, true]);
  expect(await askShell('echo 7', 5000, over.signal)).toBeUndefined();
});

test('a question ends with the program that asked it, other tools do not', async () => {
  const tool = resolve('dist/processes/tool.js');
  const seconds = 600 + process.pid / 1e7;
  const script = `import { runTool } from '${tool}';
    for (const isQuestion of [true, false])
      void runTool({ argv: ['sleep', String(${seconds} + Number(isQuestion))], env: process.env, timeout: 60_000, isQuestion });
    setTimeout(() => process.exit(0), 700);`;
  const asking = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  expect(await once(asking, 'close')).toEqual([0, null]);
  const runs = (word: number): string =>
    spawnSync('pgrep', ['-fx', `sleep ${word}`], { encoding: 'utf8' }).stdout.trim();
  await expect.poll(() => runs(seconds + 1)).toBe('');
  const other = Number(runs(seconds));
  expect(other).toBeGreaterThan(0);
  process.kill(other, 'SIGKILL');
});
