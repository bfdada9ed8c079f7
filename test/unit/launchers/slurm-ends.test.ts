import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { explainRecorded, explainSuspension } from '../../../src/cluster/why-jobs.js';
import type { RecordedJob } from '../../../src/profile/cluster-file.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ipcluster-ends-'));
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const tool = (name: string, lines: string): void =>
  writeFileSync(join(folder, name), `#!/bin/bash\n${lines}\n`, { mode: 0o700 });
/** squeue as it answers how jobs are, and on which nodes. */
const squeue = (...rows: string[]): void =>
  tool(
    'squeue',
    `[[ $* == *%N* ]] && echo "n[1-4]" || printf '%s\\n' ${rows.map((row) => `'${row}'`).join(' ')}`,
  );
const recorded = (id: string): RecordedJob => ({
  launcher: 'slurm',
  ids: [id],
  jobDir: folder,
  role: 'engines',
  count: 4,
  options: [],
});

test('Slurm is asked which node failed under a job that it has cancelled itself', async () => {
  squeue('31|N/A|CANCELLED|None||0|n[1-4]|');
  tool('sinfo', 'echo "n3|Prolog error"');
  const [finding] = await explainRecorded(recorded('31'), true);
  expect(finding).toMatchObject({
    code: 'node-prolog',
    sentence: expect.stringMatching(/^On n3: .*Prolog\) failed/),
  });
});

test('a job that somebody has cancelled is no fault of a node that is down for another reason', async () => {
  squeue('32|N/A|CANCELLED|None||0|n[1-4]|');
  tool('sinfo', 'echo "n3|Not responding"');
  const [finding] = await explainRecorded(recorded('32'), true);
  expect(finding).toMatchObject({ code: 'cancelled' });
});

test('a job that stands still is told with what resumes it, one that runs says nothing', async () => {
  squeue('33|N/A|SUSPENDED|None||0|n1|');
  const [finding] = await explainSuspension(recorded('33'));
  expect(finding).toMatchObject({
    code: 'suspended',
    suggestions: [expect.stringContaining('`scontrol resume 33`'), expect.anything()],
  });
  squeue('34|N/A|RUNNING|None||0|n1|');
  expect(await explainSuspension(recorded('34'))).toEqual([]);
});

test('parts of an array that stand still are named, those that only wait are not', async () => {
  squeue('35|0|RUNNING|None||0|n1|', '35|1|SUSPENDED|None||0|n2|', '35|2|PENDING|Resources||0||');
  const findings = await explainSuspension(recorded('35'));
  expect(findings.map(({ sentence }) => sentence)).toEqual([
    expect.stringMatching(/^1 of 3 parts of the job \(1\): .*suspended it/),
  ]);
});
