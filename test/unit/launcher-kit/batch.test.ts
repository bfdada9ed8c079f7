import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { BatchJobs } from '../../../src/launcher-kit/batch-jobs.js';
import type { JobRef } from '../../../src/launcher-kit/contract.js';
import type { BatchDialect, Report } from '../../../src/launcher-kit/dialect.js';
import { Poller } from '../../../src/launcher-kit/poller.js';
import { aggregate } from '../../../src/launcher-kit/reports.js';
import { describeRequest, layoutOf } from '../../../src/launcher-kit/resources.js';
import { plainRequest } from '../../../src/launcher-kit/script.js';
import { surroundingSlots, surroundingSystem } from '../../../src/launcher-kit/surrounding.js';
import { queryEnvironment, submitEnvironment } from '../../../src/launcher-kit/tool-environment.js';
import { dialect as slurm } from '../../../src/launchers/slurm.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-batch-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => void vi.useRealTimers());

const ref = (id: string): JobRef => ({ launcher: 'slurm', ids: [id], jobDir: join(folder, id) });
const report = (id: string, state: Report['state'], rest: Partial<Report> = {}): Report => ({
  id,
  incarnation: 0,
  state,
  ...rest,
});
const request = (resources: object, shape?: 'gang' | 'array') => ({
  ...plainRequest,
  single: false,
  resources,
  shape,
});

describe('the questions to a scheduler', () => {
  test('are one for all jobs, 2, 4, 8 … 60 s apart, and soon again after news', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const times: number[] = [];
    let state: Report['state'] = { state: 'queued' };
    const poller = new Poller(async (refs) => {
      times.push(Math.round(performance.now() / 1000));
      return refs.map(({ ids }) => report(ids[0] ?? '', state));
    });
    const heard: string[] = [];
    poller.follow(ref('1'), (reports) => heard.push(`1 ${reports?.[0]?.state.state}`));
    const stop = poller.follow(ref('2'), (reports) => heard.push(`2 ${reports?.[0]?.state.state}`));
    await vi.advanceTimersByTimeAsync(0);
    const begin = times[0] ?? 0;
    await vi.advanceTimersByTimeAsync(300_000);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps.slice(0, 8)).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
    expect(times[0]).toBe(begin);
    expect(heard.slice(0, 2)).toEqual(['1 queued', '2 queued']);
    state = { state: 'running' };
    stop();
    while (heard.at(-1) !== '1 running') await vi.advanceTimersByTimeAsync(500);
    const { asked } = poller;
    await vi.advanceTimersByTimeAsync(14_000);
    expect(poller.asked - asked).toBeGreaterThanOrEqual(2);
    expect(heard.at(-1)).toBe('1 running');
  });

  test('a second look within the pause is answered from what was said, and costs no question', async () => {
    const ask = vi.fn(async () => [report('1', { state: 'queued' })]);
    const poller = new Poller(ask);
    await new Promise<void>((done) => poller.follow(ref('1'), () => done()));
    const again = vi.fn();
    poller.follow(ref('1'), again)();
    expect(again).toHaveBeenCalledWith([report('1', { state: 'queued' })]);
    expect(ask).toHaveBeenCalledTimes(1);
  });
});

describe('an array as one job', () => {
  const states = (...words: string[]) =>
    words.map((state, index) => report('1', { state } as Report['state'], { element: String(index) }));

  test.each([
    [['running', 'queued'], 'running'],
    [['queued', 'succeeded'], 'queued'],
    [['succeeded', 'succeeded'], 'succeeded'],
    [['succeeded', 'expired'], 'expired'],
    [['unknown', 'succeeded'], 'unknown'],
    [['held', 'queued'], 'queued'],
  ])('%j is %s', (words, state) => {
    expect(aggregate(states(...words))?.state.state).toBe(state);
  });

  test('of nothing, nothing is said', () => {
    expect(aggregate([])).toBeUndefined();
  });
});

describe('what becomes of a job', () => {
  let number = 0;
  const say = (answers: (Report[] | undefined)[]) => {
    const dialect = { ...slurm, status: () => [{ argv: ['true'], parse: () => [] }] } as BatchDialect;
    // The first answers in turn, then the last again and again.
    return new BatchJobs(dialect, async () => (answers.length > 1 ? answers.shift() : answers[0]) as never);
  };
  const begin = (answers: (Report[] | undefined)[], records: Record<string, object> = {}) => {
    number += 1;
    const own = ref(String(number));
    mkdirSync(own.jobDir, { recursive: true });
    for (const [name, record] of Object.entries(records))
      writeFileSync(join(own.jobDir, name), JSON.stringify(record));
    return say(answers.map((reports) => reports?.map((one) => ({ ...one, id: String(number) })))).observe(
      own,
    );
  };
  const exit = (exitCode: number, rest: object = {}) => ({
    'exit.json': { incarnation: 0, exitCode, told: '', ended: '', ...rest },
  });

  test(
    'its own exit record goes before a scheduler that has forgotten it, or still ' + 'says running',
    async () => {
      expect((await begin([[]], exit(0)).ended).state).toEqual({ state: 'succeeded' });
      expect((await begin([[report('', { state: 'running' })]], exit(3)).ended).state).toMatchObject({
        state: 'failed',
        exitCode: 3,
      });
      expect((await begin([undefined], exit(3)).ended).state).toMatchObject({ state: 'failed' });
    },
  );

  test('no answer is unknown, and so is not being listed: neither is an end', async () => {
    for (const answer of [undefined, []]) {
      const job = begin([answer]);
      await job.seen;
      await new Promise((done) => setTimeout(done, 30));
      expect(job.status.state.state).toBe('unknown');
      await job[Symbol.asyncDispose]();
    }
  });

  test('a script that was told to end knows not why: the scheduler does', async () => {
    const job = begin([[report('', { state: 'expired' })]], exit(143, { told: 'TERM' }));
    expect((await job.ended).state).toEqual({ state: 'expired' });
  });

  test('a record of an earlier run is no end of this one', async () => {
    const job = begin(
      [[report('', { state: 'queued', reason: 'BeginTime' }, { incarnation: 1 })]],
      exit(143, { told: 'TERM' }),
    );
    await job.seen;
    await new Promise((done) => setTimeout(done, 30));
    expect(job.status).toMatchObject({ incarnation: 1, state: { state: 'queued' } });
    await job[Symbol.asyncDispose]();
  });

  test('an array has ended when all of its elements have', async () => {
    const elements = (...words: string[]) =>
      words.map((state, index) => report('', { state } as Report['state'], { element: String(index) }));
    const one = { 'exit-0.json': { incarnation: 0, exitCode: 0, told: '', ended: '' } };
    const job = begin([elements('succeeded', 'running')], one);
    await job.seen;
    expect(job.status.state.state).toBe('running');
    await job[Symbol.asyncDispose]();
    const two = { ...one, 'exit-1.json': { incarnation: 0, exitCode: 4, told: '', ended: '' } };
    expect((await begin([elements('running', 'running')], two).ended).state).toMatchObject({
      state: 'failed',
      exitCode: 4,
    });
  });
});

describe('how engines are spread', () => {
  test.each([
    [64, { nodes: 4 }, 'gang', undefined, { parts: 4, perPart: 16 }],
    [64, { nodes: 3 }, 'gang', undefined, { parts: 3, perPart: 22 }],
    [64, {}, 'gang', undefined, { parts: undefined, perPart: undefined }],
    [64, {}, 'array', 16, { parts: 4, perPart: 16 }],
    [64, { cpusPerTask: 4 }, 'array', 16, { parts: 16, perPart: 4 }],
    [3, {}, 'array', 16, { parts: 1, perPart: 3 }],
    [8, {}, 'array', undefined, { parts: 8, perPart: 1 }],
    [8, { tasksPerNode: 3 }, 'array', undefined, { parts: 3, perPart: 3 }],
  ] as const)('%i with %j as %s', (count, resources, shape, nodeSize, layout) => {
    expect(layoutOf(count, request(resources, shape), 'gang', nodeSize)).toMatchObject(layout);
  });

  test('what it costs is said in one line', () => {
    const resources = { nodes: 4, time: 3_600_000, account: 'proj1', cpusPerTask: 2 };
    expect(describeRequest(64, request(resources), layoutOf(64, request(resources), 'gang'))).toBe(
      '4 nodes × 16 = 64 engines: 128 CPUs × 1h 00m = 128 core-hours, account proj1',
    );
  });
});

describe('environments', () => {
  const env = {
    PATH: '/bin',
    SQUEUE_PARTITION: 'x',
    SACCT_FORMAT: 'x',
    NODE_OPTIONS: '--inspect',
    SLURM_JOB_ID: '1',
    SLURM_CONF: '/c',
    TMPDIR: '/t',
    SSH_AUTH_SOCK: '/s',
    SBATCH_ACCOUNT: 'a',
    SBATCH_EXPORT: 'NONE',
    PMI_RANK: '0',
    PBS_JOBID: '1',
    PBS_SERVER: 's',
    SECRET: 'x',
  };

  test('questions are not bent by what users have set', () => {
    const asked = queryEnvironment(env);
    expect(Object.keys(asked).filter((name) => /^(SQUEUE|SACCT|NODE)_/.test(name))).toEqual([]);
    expect(asked).toMatchObject({ LC_ALL: 'C', SLURM_CONF: '/c' });
  });

  test(
    'a job inherits the login’s own variables and users’ defaults, nothing of a surrounding job or of ' +
      'this machine',
    () => {
      expect(submitEnvironment(env)).toEqual({
        PATH: '/bin',
        SLURM_CONF: '/c',
        SBATCH_ACCOUNT: 'a',
        PBS_SERVER: 's',
      });
    },
  );

  test.each([
    'SCANCEL_STATE SQUEUE_STATES SINFO_SORT SACCT_FORMAT SBATCH_DEBUG SLURM_DEBUG SLURM_TIME_FORMAT ' +
      'SLURM_JOB_ID',
    'SGE_LONG_QNAMES SGE_LONG_JOB_NAMES SGE_DEBUG_LEVEL SGE_SINGLE_LINE',
    'LSB_BJOBS_FORMAT LSB_DISPLAY_YEAR LSB_BHIST_DISPLAY BSUB_QUIET LSF_CMD_LOGDIR LSF_DEBUG_CMD ' +
      'PBSDEBUG PBS_QSTAT_EXECONLY',
  ])('neither questions nor submits hear %s', (names) => {
    const bent = Object.fromEntries(names.split(' ').map((name) => [name, 'x']));
    const whole = { SLURM_CONF: '/c', SGE_ROOT: '/s', LSF_ENVDIR: '/l' };
    expect(submitEnvironment({ ...bent, ...whole })).toEqual(whole);
    expect(queryEnvironment({ ...bent, ...whole, LSB_JOBID: '1' })).toEqual({
      ...whole,
      LSB_JOBID: '1',
      LC_ALL: 'C',
      SLURM_BITSTR_LEN: '0',
    });
  });

  test('a user’s defaults hold where the command line does not say the same in another way', () => {
    const own = {
      SBATCH_TIMELIMIT: '2:00:00',
      SBATCH_RESERVATION: 'course',
      SBATCH_WCKEY: 'k',
      LSB_DEFAULTQUEUE: 'q',
    };
    const ways = { SBATCH_MEM_PER_NODE: '4G', SBATCH_GPUS: '2' };
    const ours = {
      SBATCH_OUTPUT: '/o',
      SBATCH_ARRAY_INX: '1-9',
      SBATCH_EXPORT: 'NONE',
      SBATCH_REQUEUE: '',
      SBATCH_WAIT: '',
    };
    expect(submitEnvironment({ ...own, ...ways, ...ours })).toEqual({ ...own, ...ways });
    expect(submitEnvironment({ ...own, ...ways }, ['sbatch', '--mem-per-cpu=1G', '--gres=gpu:1'])).toEqual(
      own,
    );
  });

  test('the places of a surrounding allocation are counted', () => {
    const nodes = join(folder, 'nodefile');
    writeFileSync(nodes, 'a\na\nb\n');
    expect(surroundingSlots({ SLURM_JOB_ID: '1', SLURM_NTASKS: '64' })).toBe(64);
    expect(surroundingSlots({ SLURM_JOB_ID: '1', SLURM_JOB_CPUS_PER_NODE: '72(x2),36' })).toBe(180);
    expect(surroundingSlots({ PBS_JOBID: '1', PBS_NODEFILE: nodes })).toBe(3);
    expect(surroundingSlots({ JOB_ID: '1', SGE_ROOT: '/x', NSLOTS: '8' })).toBe(8);
    expect(surroundingSlots({ LSB_JOBID: '1', LSB_MCPU_HOSTS: 'a 4 b 8' })).toBe(12);
    expect(surroundingSlots({ SLURM_JOB_ID: '1' })).toBeUndefined();
    expect(surroundingSlots({})).toBeUndefined();
  });

  test('a surrounding allocation is seen by what its system sets', () => {
    expect(surroundingSystem({ SLURM_JOB_ID: '1' })).toBe('slurm');
    expect(surroundingSystem({ PBS_JOBID: '1.h' })).toBe('pbs');
    expect(surroundingSystem({ LSB_JOBID: '1' })).toBe('lsf');
    expect(surroundingSystem({ JOB_ID: '1', SGE_ROOT: '/x' })).toBe('sge');
    expect(surroundingSystem({ JOB_ID: '1' })).toBeUndefined();
    expect(surroundingSystem({ SLURM_JOB_ID: '1', IPCLUSTER_JOB: 'slurm:1' })).toBeUndefined();
  });
});
