import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Job, JobRef, JobSpec } from '../../../src/launcher-kit/contract.js';
import { formatPlan } from '../../../src/launcher-kit/plan.js';
import { processLauncher } from '../../../src/launcher-kit/process-jobs.js';
import { isAlive } from '../../../src/processes/table.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-jobs-'));
const jobs: Job[] = [];
afterEach(async () => {
  for (const job of jobs.splice(0)) {
    await job.cancel();
    await job[Symbol.asyncDispose]();
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A launcher whose jobs are a script of bash, and a job of it with that text. */
const launcher = processLauncher('test', ({ jobDir, argv }) => ({
  files: [{ path: join(jobDir, 'job.sh'), text: `#!/bin/bash\n${argv.join(' ')}\n`, mode: 0o700 }],
  commands: [{ argv: ['/bin/bash', join(jobDir, 'job.sh')] }],
}));
function specOf(script: string): JobSpec {
  const jobDir = mkdtempSync(join(folder, 'job-'));
  return { name: 'test', argv: [script], count: 1, env: { GIVEN: 'yes' }, jobDir };
}
async function launch(script: string): Promise<Job> {
  const job = await launcher.launch(specOf(script));
  jobs.push(job);
  return job;
}
const leaderOf = ({ ids }: JobRef): { pid: number; startTime: number } => {
  const [pid, startTime] = (ids[0] as string).split('@').map(Number) as [number, number];
  return { pid, startTime };
};

describe('a job that a process of this machine leads', () => {
  test('is planned as text before anything is there', () => {
    const spec = specOf('echo hello');
    expect(formatPlan(launcher.plan(spec))).toBe(
      `# ${spec.jobDir}/job.sh\n#!/bin/bash\necho hello\n\n$ /bin/bash ${spec.jobDir}/job.sh`,
    );
  });

  test(
    'runs, is found again by what was written down, and is ended with all that it ' + 'has started',
    async () => {
      const job = await launch('echo "$GIVEN" >out; sleep 600.3 & wait');
      expect(job.status.state).toEqual({ state: 'running' });
      const [found] = await launcher.find(folder, 'test');
      expect(found).toEqual(job.ref);
      const same = await launcher.attach(found as JobRef);
      jobs.push(same);
      await job.cancel();
      expect((await job.ended).state).toEqual({ state: 'cancelled', by: 'ipcluster' });
      expect((await same.ended).state).toEqual({ state: 'cancelled', by: 'ipcluster' });
      expect(isAlive(leaderOf(job.ref))).toBe(false);
      expect(await launcher.find(folder, 'test')).toEqual([]);
    },
  );

  test.each([
    ['0', { state: 'succeeded' }],
    ['3', { state: 'failed', exitCode: 3, reason: expect.stringContaining('exit code 3') }],
    ['137', { state: 'failed', exitCode: 137, reason: expect.stringContaining('SIGKILL') }],
  ])('ends as its own record says: %s', async (code, state) => {
    const job = await launch(`printf '{"exitCode":${code}}' >"$(dirname "$0")/exit.json"`);
    expect((await job.ended).state).toEqual(state);
  });

  test('that is gone without a record is lost, and its last words are told', async () => {
    const job = await launch('echo "the last sentence" >"$(dirname "$0")/stderr"; kill -9 $$');
    const status = await job.ended;
    expect(status.state).toMatchObject({
      state: 'lost',
      reason: expect.stringMatching(/killed from outside/),
    });
    const verdict = launcher.explain({ status, exitCode: null, logTail: await job.logTail(5), files: [] });
    expect(verdict).toMatchObject({
      code: 'lost',
      sentence: expect.stringMatching(/last words: the last sentence\.$/),
    });
  });

  test('hears a signal, with its whole group', async () => {
    const job = await launch(
      `trap 'echo heard >"$(dirname "$0")/heard"; exit' USR1; echo >"$(dirname "$0")/ready"; sleep ` +
        '600.3 & wait',
    );
    const heard = (): string => readFileSync(join(job.ref.jobDir, 'heard'), 'utf8');
    await expect.poll(() => readFileSync(join(job.ref.jobDir, 'ready'), 'utf8')).toBe('\n');
    await job.signal('SIGUSR1');
    await expect.poll(heard).toBe('heard\n');
  });
});

describe('a job of another host', () => {
  const elsewhere = (): JobRef => {
    const { jobDir } = specOf('true');
    return { launcher: 'test', ids: [`${process.pid}@1@not-${hostname()}`], jobDir };
  };

  test('is unknown here, whatever has its number, and is not ended', async () => {
    const ref = elsewhere();
    const job = await launcher.attach(ref);
    await job.seen;
    expect(job.status.state).toMatchObject({
      state: 'unknown',
      cause: expect.stringContaining(`not-${hostname()}`),
    });
    await expect(job.cancel()).rejects.toMatchObject({ code: 'STOP_FAILED' });
    await job[Symbol.asyncDispose]();
  });

  test('is over when its own record says so', async () => {
    const ref = elsewhere();
    writeFileSync(join(ref.jobDir, 'exit.json'), '{"exitCode":0}');
    const job = await launcher.attach(ref);
    expect((await job.ended).state).toEqual({ state: 'succeeded' });
    await job.cancel();
  });
});

test('an id that is none is said', async () => {
  mkdirSync(join(folder, 'strange'));
  const ref = { launcher: 'test', ids: ['pbs:7'], jobDir: join(folder, 'strange') };
  await expect(launcher.attach(ref)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
