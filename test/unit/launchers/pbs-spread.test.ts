import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { poll } from '../../../src/base/wait.js';
import { plainRequest } from '../../../src/launcher-kit/script.js';
import pbs from '../../../src/launchers/pbs.js';
import { FakeScheduler } from '../../fakes/install.js';

const fake = new FakeScheduler('openpbs');
const folder = mkdtempSync(join(tmpdir(), 'ipcluster-pbs-'));
afterAll(() => {
  fake.remove();
  rmSync(folder, { recursive: true, force: true });
});
let number = 0;

/** Runs the script of a job of two hosts, as PBS would; answers its folder and how it ends. */
function run(
  node: string,
  path = fake.path,
): { jobDir: string; started: ReturnType<typeof spawn>; ended: Promise<number | null> } {
  number += 1;
  const jobDir = join(folder, String(number));
  mkdirSync(jobDir);
  const batch = { ...plainRequest, resources: { nodes: 2, tasksPerNode: 1 }, single: false };
  const launcher = pbs.create(pbs.options.parse({}));
  const { files } = launcher.plan({
    name: 'ipc-1-e1',
    argv: [node, 'x'],
    count: 2,
    env: { IPCLUSTER_MARK: 'm' },
    jobDir,
    batch,
  });
  for (const { path: file, text } of files) writeFileSync(file, text);
  // What a host runs is told by the test.
  writeFileSync(join(jobDir, 'node.sh'), node);
  writeFileSync(join(jobDir, 'hosts'), 'host1\nhost2\n');
  const env = { PATH: path, HOME: folder, PBS_JOBID: '7.head', PBS_NODEFILE: join(jobDir, 'hosts') };
  const started = spawn('/bin/bash', [join(jobDir, 'job.sh')], { env, stdio: 'ignore' });
  return { jobDir, started, ended: new Promise((done) => void started.once('close', done)) };
}

const record = (jobDir: string) => JSON.parse(readFileSync(join(jobDir, 'exit.json'), 'utf8'));

test.each([
  ['exit 0', 0],
  ['[ "$2" = 1 ] || exit 0; exit 127', 127],
  ['exit 7', 7],
])('what a host ends with is what the job ends with, though pbsdsh says 0: %s', async (node, code) => {
  const { jobDir, ended } = run(node);
  expect(await ended).toBe(code);
  expect(record(jobDir)).toMatchObject({ exitCode: code, told: '' });
});

test('where there is no pbsdsh nothing has run, and that is no success', async () => {
  const { jobDir, ended } = run('exit 0', '/usr/bin:/bin');
  expect(await ended).toBe(127);
  expect(record(jobDir).exitCode).toBe(127);
});

test('a signal reaches every host', async () => {
  const node = 'trap "exit 9" TERM; touch "$(dirname "$0")/up-$2"; while :; do sleep 0.1; done';
  const { jobDir, started, ended } = run(node);
  await poll(
    () => (existsSync(join(jobDir, 'up-0')) && existsSync(join(jobDir, 'up-1')) ? true : undefined),
    { timeout: 8000 },
  );
  started.kill('SIGTERM');
  expect(await ended).toBe(9);
  expect(record(jobDir)).toMatchObject({ exitCode: 9, told: 'TERM' });
});
