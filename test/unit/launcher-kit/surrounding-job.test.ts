import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { completeSlurm } from '../../../src/launcher-kit/surrounding-job.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ipcluster-job-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const tool = (name: string, lines: string): void =>
  writeFileSync(join(folder, name), `#!/bin/sh\n${lines}\n`, { mode: 0o700 });
const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: folder,
  SLURM_JOB_ID: '7',
  ...more,
});

test('what the variables of a shell do not say of its job is asked for', async () => {
  tool('squeue', 'echo "RUNNING|2|n[1-2]"');
  tool('srun', '');
  const all = { SLURM_JOB_NUM_NODES: '2', SLURM_JOB_NODELIST: 'n[1-2]', SLURM_TASKS_PER_NODE: '1(x2)' };
  expect(await completeSlurm(env())).toEqual(all);
  expect((await completeSlurm(env({ SLURM_TASKS_PER_NODE: '4(x2)' })))['SLURM_TASKS_PER_NODE']).toBe('4(x2)');
});

test('an allocation that says it itself is not asked for', async () => {
  tool('squeue', 'exit 1');
  expect(await completeSlurm(env({ SLURM_JOB_NUM_NODES: '1' }))).toEqual({});
});

test.each([
  ['is over', 'echo "COMPLETED|1|n1"', /it is COMPLETED/],
  [
    'is forgotten',
    'echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1',
    /does not know it any more/,
  ],
  [
    'cannot be asked for',
    'echo "Unable to contact slurm controller" >&2; exit 1',
    /squeue says: Unable to contact/,
  ],
])('a job that %s is named before anything starts', async (_name, lines, words) => {
  tool('squeue', lines);
  await expect(completeSlurm(env())).rejects.toMatchObject({
    code: 'RESOURCES',
    message: expect.stringMatching(words),
  });
});

test('one node needs no srun, several do', async () => {
  expect(await completeSlurm(env({ SLURM_JOB_NUM_NODES: '1' }))).toEqual({});
  await expect(completeSlurm(env({ SLURM_JOB_NUM_NODES: '2' }))).rejects.toThrow(/no `srun` on the PATH/);
});
