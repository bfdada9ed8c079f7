import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import local from '../../../src/launchers/local.js';
import { inspectProcess } from '../../../src/processes/table.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-elsewhere-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const launcher = local.create(local.options.parse({}));
let number = 0;

/** A job whose leader has this process's number, on that host. */
async function jobOn(host: string) {
  number += 1;
  const jobDir = join(folder, `job-${number}`);
  mkdirSync(jobDir, { mode: 0o700 });
  const id = `${process.pid}@${inspectProcess(process.pid)?.startTime}@${host}`;
  const job = await launcher.attach({ launcher: 'local', ids: [id], jobDir });
  return { job, jobDir };
}

test(
  'nothing is claimed of processes of another host: neither that they run, nor that they are gone, nor ' +
    'that they were ended',
  async () => {
    const { job, jobDir } = await jobOn('other-host');
    await job.seen;
    expect(job.status.state).toMatchObject({
      state: 'unknown',
      cause: expect.stringContaining('other-host'),
    });
    await expect(job.cancel()).rejects.toMatchObject({
      code: 'STOP_FAILED',
      message: expect.stringContaining('other-host'),
    });
    writeFileSync(join(jobDir, 'exit.json'), JSON.stringify({ incarnation: 0, exitCode: 0, ended: '' }));
    expect((await job.ended).state.state).toBe('succeeded');
    await job.cancel();
    await job[Symbol.asyncDispose]();
  },
);

test('a process of this host is looked at', async () => {
  const { job } = await jobOn(hostname());
  await job.seen;
  expect(job.status.state.state).toBe('running');
  await job[Symbol.asyncDispose]();
});
