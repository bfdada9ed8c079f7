import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StartRequest } from '../../../src/cluster/prepare.js';
import { runClock, watchArrays } from '../../../src/cluster/registration-clock.js';
import { explainRecorded } from '../../../src/cluster/why-jobs.js';
import type { Job } from '../../../src/launcher-kit/contract.js';
import { countArray } from '../../../src/launcher-kit/elements.js';
import { JobView } from '../../../src/launcher-kit/job-view.js';
import { aggregate, type Report } from '../../../src/launcher-kit/reports.js';
import { advance, describeStatus, type State } from '../../../src/launcher-kit/states.js';
import { findPlace } from '../../../src/profile/paths.js';

let jobDir = '';
beforeEach(() => {
  jobDir = mkdtempSync(join(tmpdir(), 'ipcluster-array-'));
  mkdirSync(join(jobDir, 'bin'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(jobDir, { recursive: true, force: true });
});

const write = (name: string, text: string): void => writeFileSync(join(jobDir, name), text, { mode: 0o700 });
const running: State = { state: 'running' };
const queued: State = { state: 'queued', reason: 'Resources' };
const gone: State = { state: 'cancelled', by: 'somebody' };
const reports = (...states: State[]): Report[] =>
  states.map((state, index) => ({ id: '74', element: String(index), incarnation: 0, state }));
const statusOf = (...states: State[]) =>
  aggregate(reports(...states)) as NonNullable<ReturnType<typeof aggregate>>;
const jobOf = (...states: State[]): Job =>
  ({ ref: { jobDir, ids: ['74'], launcher: 'slurm' }, status: statusOf(...states) }) as unknown as Job;
const record = '{"incarnation":0,"exitCode":0,"told":"","ended":""}';

describe('an array of which some elements run', () => {
  beforeEach(() => write('allocation-0-0.sh', 'export IPCLUSTER_LAYOUT=2\\(x4\\)\n'));

  test('says what each of them does', () => {
    expect(describeStatus(statusOf(running, running, queued, queued))).toBe(
      '2 running, 2 queued (Resources)',
    );
    expect(describeStatus(statusOf(running, running))).toBe('running');
    const both = aggregate([...reports(running), { ...reports(queued)[0], id: '75' } as Report]);
    expect(Object.keys(both?.members ?? {})).toEqual(['74_0', '75_0']);
    const rest = aggregate([...reports(running), { id: '74', incarnation: 0, state: gone }]);
    expect(Object.keys(rest?.members ?? {})).toEqual(['0', 'others']);
  });

  test('knows how many engines wait, and how many do not come any more', async () => {
    expect(await countArray(jobOf(running, running, queued, queued), 8)).toEqual({
      waiting: 4,
      ended: 0,
      names: [],
    });
    expect(await countArray(jobOf(running, running, queued, gone), 8)).toEqual({
      waiting: 2,
      ended: 2,
      names: ['3'],
    });
    // A system without history lists what is left.
    expect(await countArray(jobOf(running, queued), 8)).toEqual({ waiting: 2, ended: 4, names: [] });
  });

  test('goes on waiting when those that ran are over', () => {
    const before = statusOf(running, queued);
    const after = statusOf({ state: 'succeeded' }, queued);
    expect(advance(before, after).state).toEqual(queued);
  });

  test('has not ended as long as elements wait, whatever the others wrote', async () => {
    const view = new JobView({ launcher: 'sge', ids: ['74'], jobDir });
    write('exit-0.json', record);
    write('exit-1.json', record);
    view.told(reports(queued, queued));
    expect((await view.status()).state).toEqual(queued);
  });

  test('has its waiting elements named, with the reason', async () => {
    const states = ['RUNNING|None', 'RUNNING|None', 'PENDING|Resources', 'PENDING|Resources'];
    const rows = states.map((words, index) => `74|${index}|${words}||0||`);
    write('bin/squeue', `#!/bin/bash\ncat <<END\n${rows.join('\n')}\nEND\n`);
    vi.stubEnv('PATH', `${join(jobDir, 'bin')}:${process.env['PATH']}`);
    const recorded = {
      launcher: 'slurm',
      ids: ['74'],
      jobDir,
      role: 'engines' as const,
      count: 4,
      options: [],
    };
    const findings = await explainRecorded(recorded, true);
    expect(findings).toMatchObject([{ code: 'pending-resources', lines: ['queued (Resources)'] }]);
    expect(findings[0]?.sentence).toMatch(
      /^2 of 4 parts of the job \(2, 3\) have not begun\. It is next in line/,
    );
  });
});

describe('the clock of a start', () => {
  const place = findPlace({ workFolder: '/nowhere' }, { IPYTHONDIR: '/nowhere' });
  const request = { place, count: 4, timeout: 500, queueTimeout: 1500 } as StartRequest;
  const late = async (job: Job, have: number, away: number): Promise<string> => {
    const over = new AbortController();
    const stop = runClock(request, [job], { have, away, reason: undefined }, over);
    await new Promise((done) => over.signal.addEventListener('abort', done));
    stop();
    return (over.signal.reason as Error).message;
  };

  test('does not run for elements that wait: that is the time of the queue', async () => {
    expect(await late(jobOf(running, running, queued, queued), 2, 2)).toMatch(
      /waited in the queue .*2 running, 2 queued/,
    );
  });

  test('runs for elements that run and do not come', async () => {
    expect(await late(jobOf(running, running, queued, queued), 1, 2)).toMatch(
      /1 of 4 engines registered within/,
    );
  });

  test('ends at once when those that are left cannot bring enough', async () => {
    write('allocation-0-0.sh', 'export IPCLUSTER_LAYOUT=1\\(x4\\)\n');
    const over = new AbortController();
    const watch = { have: 2, away: 0, reason: undefined };
    const jobs = [jobOf(running, running, gone, queued)];
    void watchArrays({ ...request, minEngines: 3 }, jobs, watch, over, AbortSignal.timeout(1400)).catch(
      () => {},
    );
    await new Promise((done) => setTimeout(done, 1200));
    expect([over.signal.aborted, watch.away]).toEqual([false, 2]);
    await watchArrays(request, jobs, watch, over, AbortSignal.timeout(1400)).catch(() => {});
    expect(String(over.signal.reason)).toMatch(/Only 3 of 4 engines can still come: elements ended \(2\)/);
  });
});
