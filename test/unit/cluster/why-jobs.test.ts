import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { explainRecorded } from '../../../src/cluster/why-jobs.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-why-'));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

test('jobs that Slurm holds after a failed start are let go in one command', async () => {
  const rows = ['67', '68', '69'].map((id) => `${id}|0|PENDING|launch failed requeued held||1||`);
  writeFileSync(join(folder, 'squeue'), `#!/bin/bash\ncat <<END\n${rows.join('\n')}\nEND\n`, { mode: 0o700 });
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
  const recorded = {
    launcher: 'slurm',
    ids: ['67', '68', '69'],
    jobDir: folder,
    role: 'engines',
    count: 3,
  } as const;
  const [finding] = await explainRecorded({ ...recorded, ids: [...recorded.ids], options: [] }, true);
  expect(finding).toMatchObject({ code: 'held', sentence: expect.stringMatching(/often its prolog/) });
  expect(finding?.suggestions?.[0]).toBe('Let it go: `scontrol release 67,68,69`.');
});
