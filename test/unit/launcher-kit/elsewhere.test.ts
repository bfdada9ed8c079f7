import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import local from '../../../src/launchers/local.js';
import { allocationShell } from '../../../src/processes/allocation-shell.js';
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

test('nothing is claimed of processes of another host: neither that they run, nor that they are gone, nor that they were ended', async () => {
  const { job, jobDir } = await jobOn('other-host');
  await job.seen;
  expect(job.status.state).toMatchObject({ state: 'unknown', cause: expect.stringContaining('other-host') });
  await expect(job.cancel()).rejects.toMatchObject({ code: 'STOP_FAILED', message: expect.stringContaining('other-host') });
  writeFileSync(join(jobDir, 'exit.json'), JSON.stringify({ incarnation: 0, exitCode: 0, ended: '' }));
  expect((await job.ended).state.state).toBe('succeeded');
  await job.cancel();
  await job[Symbol.asyncDispose]();
});

test('a process of this host is looked at', async () => {
  const { job } = await jobOn(hostname());
  await job.seen;
  expect(job.status.state.state).toBe('running');
  await job[Symbol.asyncDispose]();
});

/** Runs a shell under a shell of that name, with the variable or not; answers the inner one's pid and stops both at the end. */
async function nested(name: string, inner: string) {
  const starter = join(folder, name);
  writeFileSync(starter, `#!/bin/bash\n${inner} & wait\n`, { mode: 0o700 });
  const child = spawn(starter, { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  const pid = await new Promise<number>((resolve) => child.stdout.once('data', (text) => resolve(Number(text))));
  return { pid, end: () => process.kill(-(child.pid ?? 0), 'SIGKILL') };
}

test('the script of an allocation is known by its variable and by what has started it', async () => {
  const line = `PBS_JOBID=7.h bash -c 'bash -c "echo \\$\\$; read -t 30 <> <(:)"; :'`;
  const { pid, end } = await nested('pbs_mom', line);
  const shell = allocationShell('PBS_JOBID', '7.h', pid);
  const parent = inspectProcess(pid)?.parent;
  end();
  expect(shell).toBe(parent);
});

test('a shell of the user, who has set that variable himself, is no allocation', async () => {
  const line = `PBS_JOBID=7.h bash -c 'bash -c "echo \\$\\$; read -t 30 <> <(:)"; :'`;
  const { pid, end } = await nested('myscript', line);
  const shell = allocationShell('PBS_JOBID', '7.h', pid);
  end();
  expect(shell).toBeUndefined();
});
