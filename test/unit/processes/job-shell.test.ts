import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findJobShell } from '../../../src/processes/job-shell.js';
import { identify } from '../../../src/processes/table.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-job-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a script below a program of that name: the script's pid, and that of what it has started. */
async function below(name: string, use: (script: number, child: number) => void): Promise<void> {
  symlinkSync('/bin/bash', join(folder, name));
  const starter = spawn(join(folder, name), ['-c', 'bash -c "sleep 60 & echo \\$\\$ \\$!; wait"; :'], {
    detached: true,
  });
  try {
    const [said] = (await once(starter.stdout, 'data')) as [Buffer];
    const [script = 0, child = 0] = String(said).split(' ').map(Number);
    use(script, child);
  } finally {
    process.kill(-(starter.pid as number), 'SIGKILL');
  }
}

test('the script of a job is what a scheduler has started, seen from below', async () => {
  await below('slurmstepd', (script, child) => {
    expect(findJobShell(child)).toEqual(identify(script));
    expect(findJobShell(script)).toBeUndefined();
  });
});

test('outside of a job there is none, whatever variables say', async () => {
  await below('terminal', (_script, child) => expect(findJobShell(child)).toBeUndefined());
});
