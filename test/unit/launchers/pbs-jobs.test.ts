import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
function spec(line: string, time = 60_000): JobSpec {
  number += 1;
  const jobDir = join(folder, 'jobs', `job-${number}`);
  const batch = { ...plainRequest, resources: { time }, single: true };
  return {
    name: `ipc-aaaaaa-e${number}`,
    argv: ['/bin/sh', '-c', line],
    count: 1,
    env: { IPCLUSTER_MARK: 'm' },
    jobDir,
    batch,
  };
}

const explain = (job: Job) =>
  launcher.explain({ status: job.status, exitCode: null, logTail: [], files: [] });

vi.setConfig({ testTimeout: 30_000 });

describe('a job that PBS holds after too many attempts', () => {
  test('is over, with its comment and advice, and is taken from the queue', async () => {
    fake.behave({ unstartable: true });
    await using job = await launcher.launch(spec('exit 0'));
    expect((await job.ended).state).toEqual({
      state: 'failed',
      reason: 'job held, too many failed attempts to run',
    });
    const verdict = explain(job);
    expect(verdict?.code).toBe('launch-failed');
    expect(verdict?.sentence).toContain('too many failed attempts to run');
    expect(verdict?.suggestions.join(' ')).toContain('--work-dir');
    expect(fake.live().length).toBe(1);
    await job.cancel();
    expect(fake.live()).toEqual([]);
  });
});

describe('without job history, as OpenPBS is by default', () => {
  test('a job that is deleted while it waits was taken from the queue, at the poll after next', async () => {
    fake.behave({ hold: true });
    await using job = await launcher.launch(spec('exit 0'));
    await job.seen;
    const begin = performance.now();
    execFileSync(join(fake.bin, 'qdel'), job.ref.ids);
    expect((await job.ended).state).toMatchObject({
      state: 'cancelled',
      by: expect.stringContaining('taken from the queue'),
    });
    expect(performance.now() - begin).toBeLessThan(9000);
  });

  test('a job whose time is over has reached its limit, by its own deadline', async () => {
    fake.behave({});
    await using job = await launcher.launch(spec('sleep 30', 1000));
    expect((await job.ended).state).toEqual({ state: 'expired' });
  });

  test(
    'a job that was seen running and is gone is not known, and no earlier than it ' + 'should be lost',
    async () => {
      fake.behave({});
      const asked = spec('sleep 30');
      await using job = await launcher.launch(asked);
      await vi.waitFor(() => expect(job.status.state.state).toBe('running'), { timeout: 8000 });
      rmSync(join(fake.folder, 'state/jobs', `${job.ref.ids[0]?.split('.')[0]}.json`));
      await vi.waitFor(() => expect(job.status.state).toMatchObject({ state: 'unknown' }), { timeout: 8000 });
      // A later command goes on counting: it does not begin anew.
      writeFileSync(join(asked.jobDir, 'absent.json'), JSON.stringify({ since: Date.now() - 121_000 }));
      await using other = await pbs.create(pbs.options.parse({})).attach(job.ref);
      expect((await other.ended).state.state).toBe('lost');
    },
  );
});

describe('a server that does not answer', () => {
  const silent = { code: 'SCHEDULER_SILENT', verdict: 'scheduler-silent' };

  test(
    'is away: a job that could not be ended is said to be not known, soon, and can be ' + 'ended later',
    async () => {
      await using job = await launcher.launch(spec('sleep 30'));
      fake.behave({ down: true });
      const begin = performance.now();
      await expect(job.cancel()).rejects.toMatchObject(silent);
      expect(performance.now() - begin).toBeLessThan(8000);
      await expect(launcher.find(join(folder, 'jobs'), 'ipc-')).rejects.toMatchObject(silent);
      fake.behave({});
      await job.cancel();
      expect(fake.live()).toEqual([]);
    },
  );

  test('hangs: the same within the time of a question and a last order', async () => {
    await using job = await launcher.launch(spec('sleep 30'));
    fake.behave({ hang: ['qstat', 'qdel', 'qselect'] });
    const begin = performance.now();
    await expect(job.cancel()).rejects.toMatchObject(silent);
    expect(performance.now() - begin).toBeLessThan(18_000);
    fake.behave({});
    await job.cancel();
    expect(fake.live()).toEqual([]);
  });

  test('has perhaps taken a job: that is not known, and it is looked for by its name and ended', async () => {
    fake.behave({ hold: true });
    const asked = spec('sleep 30');
    await using taken = await launcher.launch(asked);
    // What is written down where no id came back.
    const ref = { launcher: 'pbs', ids: [], jobDir: asked.jobDir, name: asked.name };
    await using job = await launcher.attach(ref);
    await vi.waitFor(() =>
      expect(job.status.state).toMatchObject({
        state: 'unknown',
        cause: expect.stringContaining(asked.name),
      }),
    );
    fake.behave({ hold: true, down: true });
    await expect(job.cancel()).rejects.toMatchObject(silent);
    fake.behave({ hold: true });
    await job.cancel();
    expect(fake.live()).toEqual([]);
    expect(taken.ref.ids).toEqual(job.ref.ids);
  });
});

test('a signal is refused: it would end PBS’s own shell around the script, and the job with it', async () => {
  await using job = await launcher.launch(spec('sleep 30'));
  await expect(job.signal('SIGUSR1')).rejects.toMatchObject({ code: 'RESOURCES' });
  await vi.waitFor(() => expect(job.status.state.state).toBe('running'), { timeout: 8000 });
  execFileSync(join(fake.bin, 'qsig'), ['-s', 'USR1', ...job.ref.ids]);
  await vi.waitFor(() => expect(fake.live()).toEqual([]), { timeout: 8000 });
});
