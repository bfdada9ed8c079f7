import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Home, until } from '../helpers.js';

const home = new Home();

beforeAll(async () => {
  await home.json('start', '-n', '2', '-d');
});

afterAll(async () => {
  await home.run(['stop']);
  await home.leave();
});

/** Rows of a job log by number: exit codes in order of the runs. */
function runsOf(path: string): Map<number, string[]> {
  const runs = new Map<number, string[]>();
  for (const line of readFileSync(path, 'utf8').trim().split('\n').slice(1)) {
    const fields = line.split('\t');
    const number = Number(fields[0]);
    runs.set(number, [...(runs.get(number) ?? []), fields[6] ?? '']);
  }
  return runs;
}

test('inputs after ::: or from stdin, output as it comes or in order', async () => {
  expect((await home.run(['map', '-k', '--', 'echo', '{#}', '{}', ':::', 'a b', "it's"])).stdout).toBe(
    "1 a b\n2 it's\n",
  );
  const sleepy = await home.run(['map', '-k', '--', 'sleep 0.$((3 - {})); echo {}'], { input: '1\n2\n3\n' });
  expect(sleepy.stdout).toBe('1\n2\n3\n');
  const any = await home.run(['map', '--', 'echo'], { input: 'x\ny\n' });
  expect(any.stdout.split('\n').sort()).toEqual(['', 'x', 'y']);
});

test('the command after -- arrives untouched', async () => {
  const file = join(home.folder, 'f');
  writeFileSync(file, 'one\n-n two\n');
  const { stdout, code } = await home.run(['map', '--', 'grep', '--', '-n', '{}', ':::', file]);
  expect([stdout, code]).toEqual(['-n two\n', 0]);
});

test(
  'failures are counted, retried and shown in the exit code; the folder and named ' + 'variables go along',
  async () => {
    const marker = join(home.folder, 'tries');
    const script = `echo x >> ${marker}; test "$(wc -l < ${marker})" -ge 3`;
    expect((await home.run(['map', '--retries', '2', '--', `${script} {}`, ':::', 'a'])).code).toBe(1);
    const failed = await home.run(['map', '--json', '--', 'sh', '-c', 'exit {}', ':::', '0', '3']);
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      total: 2,
      done: 2,
      failed: 1,
      items: [
        { number: 1, result: { exitCode: 0 } },
        { number: 2, result: { exitCode: 3 } },
      ],
    });
    const env = await home.run(['map', '--env', 'COLOUR', '--', 'echo "$COLOUR"; pwd #', ':::', 'a'], {
      env: { COLOUR: 'red' },
    });
    expect(env.stdout).toBe(`red\n${home.folder}\n`);
    const limited = await home.run(['map', '--time-limit', '200ms', '--', 'sleep', '{}', ':::', '60']);
    expect([limited.code, limited.stderr]).toEqual([1, expect.stringContaining('time limit')]);
  },
);

test('Ctrl-C at about half, then --resume: every input succeeded exactly once in the job log', async () => {
  const log = join(home.folder, 'log');
  const inputs = Array.from({ length: 60 }, (_unused, index) => `i${index + 1}`);
  const args = ['map', '--joblog', log, '--', 'sleep 0.05; echo {}', ':::', ...inputs];
  const child = home.spawn('ipcluster', args);
  const closed = new Promise((resolve) => child.once('close', resolve));
  await until('half is done', () => existsSync(log) && runsOf(log).size >= 30);
  child.kill('SIGINT');
  expect(await closed).toBe(130);
  const half = runsOf(log).size;
  expect(half).toBeLessThan(60);
  await until(
    'nothing of it runs on',
    () =>
      !home
        .processes()
        .some(
          ({ what, command }: { what?: string; command: string }) =>
            what === 'task' || command.startsWith('sleep'),
        ),
  );
  appendFileSync(log, '61\tcut off');
  const resumed = await home.run(['map', '--resume', ...args.slice(1)]);
  expect(resumed.code).toBe(0);
  expect(resumed.stdout.trim().split('\n')).toHaveLength(60 - half);
  const text = readFileSync(log, 'utf8').replace('61\tcut off', '');
  writeFileSync(log, text);
  expect([...runsOf(log).entries()].sort(([a], [b]) => a - b)).toEqual(
    inputs.map((_input, index) => [index + 1, ['0']]),
  );
  const again = await home.run(['map', '--resume', ...args.slice(1)]);
  expect([again.code, again.stdout]).toEqual([0, '']);
});

test('the log of another run is refused', async () => {
  const log = join(home.folder, 'other');
  await home.run(['map', '--joblog', log, '--', 'echo', ':::', 'a']);
  const { code, stderr } = await home.run(['map', '--joblog', log, '--resume', '--', 'rm', ':::', 'a']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('of another run')]);
});
