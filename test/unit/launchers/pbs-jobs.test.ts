import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Job, JobSpec, Launcher } from '../../../src/launcher-kit/contract.js';
import { plainRequest } from '../../../src/launcher-kit/script.js';
import pbs from '../../../src/launchers/pbs.js';
import { FakeScheduler } from '../../fakes/install.js';

const fake = new FakeScheduler('openpbs');
const folder = mkdtempSync(join(tmpdir(), 'ipcluster-pbs-'));
let launcher: Launcher;
let number = 0;

beforeAll(() => vi.stubEnv('PATH', fake.path));
beforeEach(() => {
  fake.behave({});
  launcher = pbs.create(pbs.options.parse({}));
});
afterEach(() => fake.behave({}));
afterAll(() => {
  vi.unstubAllEnvs();
  fake.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** A job of one engine that runs that line of shell. */
function spec(line: string): JobSpec {
  number += 1;
  const jobDir = join(folder, 'jobs', `job-${number}`);
  const batch = { ...plainRequest, resources: { time: 60_000 }, single: true };
  return { name: `ipc-aaaaaa-e${number}`, argv: ['/bin/sh', '-c', line], count: 1, env: { IPCLUSTER_MARK: 'm' }, jobDir, batch };
}

const explain = (job: Job) => launcher.explain({ status: job.status, exitCode: null, logTail: [], files: [] });

describe('a job that PBS holds after too many attempts', () => {
  test('is over, with its comment and advice, and is taken from the queue', async () => {
    fake.behave({ unstartable: true });
    await using job = await launcher.launch(spec('exit 0'));
    expect((await job.ended).state).toEqual({ state: 'failed', reason: 'job held, too many failed attempts to run' });
    const verdict = explain(job);
    expect(verdict?.code).toBe('launch-failed');
    expect(verdict?.sentence).toContain('too many failed attempts to run');
    expect(verdict?.suggestions.join(' ')).toContain('--work-dir');
    expect(fake.live().length).toBe(1);
    await job.cancel();
    expect(fake.live()).toEqual([]);
  });
});
