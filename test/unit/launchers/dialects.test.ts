import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BatchDialect, Report, ToolOutcome } from '../../../src/launcher-kit/batch.js';
import { dialect as lsf } from '../../../src/launchers/lsf.js';
import { dialectOf as pbsDialect } from '../../../src/launchers/pbs.js';
import { sgeState } from '../../../src/launchers/sge/states.js';
import { dialectOf as sgeDialect } from '../../../src/launchers/sge.js';
import { dialect as slurm } from '../../../src/launchers/slurm.js';

const pbs = pbsDialect('openpbs', false);
const sge = sgeDialect({ gpu: 'gpu', account: 'account' });

const fixture = (name: string): string => readFileSync(join('test/fixtures', name), 'utf8');
const said = (stdout: string, code = 0, stderr = ''): ToolOutcome => ({
  code,
  stdout,
  stderr,
  timedOut: false,
});

/** What a dialect makes of a question's outcome; `which` counts its questions. */
function answer(dialect: BatchDialect, ids: string[], outcome: ToolOutcome, which = 0): Report[] | undefined {
  return dialect.status(ids)[which]?.parse(outcome);
}

describe('ids in what a submit says', () => {
  test.each([
    [slurm, '12\n', '12'],
    [slurm, '12;west\n', '12;west'],
    [slurm, '*** Maintenance on 2026-12-01 ***\n\n12\n', '12'],
    [slurm, 'Submitted batch job 12\n', undefined],
    [slurm, '', undefined],
    [pbs, '123.pbs01\n', '123.pbs01'],
    [pbs, 'Project of today: 20261121\n123[].pbs01.site.org\n', '123[].pbs01.site.org'],
    [pbs, 'qsub: waiting\n', undefined],
    [sge, '31\n', '31'],
    [sge, '31.1-8:1\n', '31'],
    [lsf, 'Job <4711> is submitted to default queue <normal>.\n', '4711'],
    [lsf, 'Project 2026: welcome\nJob <4711> is submitted to queue <short>.\n', '4711'],
    [lsf, 'Request aborted by esub. Job not submitted.\n', undefined],
  ] as const)('%#', (dialect, text, id) => {
    expect(dialect.parseJobId(text)).toBe(id);
  });
});

describe('slurm', () => {
  const row = (...fields: string[]): string => `${fields.join('|')}|\n`;

  test('states, restarts, hosts and estimated starts, an element a row', () => {
    const text =
      row('12', 'N/A', 'RUNNING', 'None', '2026-11-21T08:42:24', '1', 'n[1-2]') +
      row('14', '3', 'PENDING', 'JobArrayTaskLimit', 'N/A', '0', '') +
      row('14', '1', 'FROBNICATED', 'None', 'N/A', '0', '');
    const reports = answer(slurm, ['12', '14'], said(text)) as Report[];
    expect(reports[0]).toEqual({
      id: '12',
      incarnation: 1,
      state: { state: 'running', hosts: ['n[1-2]'] },
      start: '2026-11-21T08:42:24',
    });
    expect(reports[1]).toEqual({
      id: '14',
      element: '3',
      incarnation: 0,
      state: { state: 'queued', reason: 'JobArrayTaskLimit' },
    });
    expect(reports[2]?.state).toMatchObject({
      state: 'unknown',
      cause: expect.stringContaining('FROBNICATED'),
    });
  });

  test('the cluster of a federation goes with the id', () => {
    expect(slurm.status(['12;west'])[0]?.argv).toEqual(expect.arrayContaining(['-M', 'west', '-j', '12']));
    expect(
      answer(slurm, ['12;west'], said(row('12', 'N/A', 'COMPLETED', 'None', '', '0', '')))?.[0]?.id,
    ).toBe('12;west');
  });

  test('an unknown id is an answer, a silent controller is none', () => {
    expect(answer(slurm, ['99'], said('', 1, 'slurm_load_jobs error: Invalid job id specified'))).toEqual([]);
    expect(answer(slurm, ['99'], said('', 1, fixture('slurm/controller-down.txt')))).toBeUndefined();
    expect(answer(slurm, ['99'], said('Slurm accounting storage is disabled', 1), 1)).toBeUndefined();
    expect(slurm.isSilence(said('', 1, fixture('slurm/controller-down.txt')))).toBe(true);
    expect(slurm.isSilence(said('', 1, fixture('slurm/errors.txt')))).toBe(false);
  });

  test('recorded accounts: every state that sacct knows', () => {
    const ids = Array.from({ length: 40 }, (_unused, index) => String(index));
    const rows = fixture('slurm/sacct-X-P.txt')
      .split('\n')
      .map((line) => line.split('|'));
    const text = rows.map((fields) => [fields[0], fields[6], fields[7], fields[14]].join('|')).join('\n');
    const states = new Map(
      answer(slurm, ids, said(text), 1)?.map(({ id, element, state }) => [
        `${id}${element ? `_${element}` : ''}`,
        state,
      ]),
    );
    expect(states.get('2')).toEqual({ state: 'succeeded' });
    expect(states.get('3')).toMatchObject({ state: 'failed', reason: 'exit code 42' });
    expect(states.get('12')).toMatchObject({ state: 'cancelled' });
    expect(states.get('16')).toMatchObject({ state: 'failed', reason: 'NODE_FAIL' });
    expect(states.get('6')).toMatchObject({ state: 'queued' });
    expect([...states.values()].filter(({ state }) => state === 'unknown')).toEqual([]);
  });

  test('refusals in our words', () => {
    const text = fixture('slurm/errors.txt');
    const codes = [...text.matchAll(/\$ (sbatch .*)\n([\s\S]*?)\[rc=(\d+)\]/g)]
      .filter(([, , , code]) => code !== '0')
      .map(([, command = '', words = '']) => [command, slurm.refusal(words)?.code]);
    const of = (part: string): string | undefined => codes.find(([command]) => command?.includes(part))?.[1];
    expect(of('-p nosuch')).toBe('bad-partition');
    expect(of('-p private')).toBe('not-allowed');
    expect(of('-n 100000')).toBe('never-fits');
    expect(of('-c 65')).toBe('never-fits');
    expect(of('-t 99-00:00:00')).toBe('too-long');
    expect(of('-C nofeature')).toBe('never-fits');
    expect(of('--nosuchoption')).toBe('bad-directive');
    expect(
      slurm.refusal('Batch job submission failed: Invalid account or account/partition combination specified')
        ?.code,
    ).toBe('bad-account');
    expect(
      slurm.refusal(
        'error: QOSMaxSubmitJobPerUserLimit\nJob violates accounting/QOS policy (job submit limit, …)',
      )?.code,
    ).toBe('limit');
  });
});

describe('pbs', () => {
  const stateIn = (name: string) =>
    answer(
      pbs,
      [/Job Id: (\S+)/.exec(fixture(`openpbs/${name}`))?.[1]?.replace(/\[\d+\]/, '[]') ?? ''],
      said(fixture(`openpbs/${name}`)),
    )?.[0]?.state;

  test.each([
    ['qstat-x-f-finished_ok.txt', { state: 'succeeded' }],
    ['qstat-x-f-finished_42.txt', { state: 'failed', exitCode: 42 }],
    ['qstat-x-f-finished_segv.txt', { state: 'failed', exitCode: 139 }],
    ['qstat-x-f-walltime.txt', { state: 'expired' }],
    ['qstat-x-f-qdel_running.txt', { state: 'cancelled' }],
    ['qstat-x-f-qdel_queued.txt', { state: 'cancelled' }],
    ['qstat-x-f-badshell.txt', { state: 'failed', exitCode: 254 }],
    ['qstat-x-f-dep_never.txt', { state: 'failed', reason: 'dependency' }],
    ['qstat-x-f-array.txt', { state: 'failed', reason: 'a subjob failed' }],
    ['qstat-f-running.txt', { state: 'running', hosts: ['pbs1', 'pbs2'] }],
    [
      'qstat-f-queued_toobig.txt',
      { state: 'queued', reason: expect.stringMatching(/Insufficient amount of resource: ncpus/) },
    ],
    ['qstat-f-queued_stopped.txt', { state: 'queued', reason: 'Not Running: Queue not started.' }],
    ['qstat-f-held.txt', { state: 'held' }],
    ['qstat-f-waiting.txt', { state: 'held' }],
    ['qstat-f-array-subjob-running.txt', { state: 'running' }],
  ])('%s', (name, state) => {
    expect(stateIn(name)).toMatchObject(state);
  });

  test('a value that is folded in the middle of a word is whole again', () => {
    const text =
      'Job Id: 1.h\n    job_state = Q\n    comment = Not Running: Insufficient amount of ' +
      'reso\n\turce: ncpus\n';
    expect(answer(pbs, ['1.h'], said(text))?.[0]?.state).toEqual({
      state: 'queued',
      reason: 'Not Running: Insufficient amount of resource: ncpus',
    });
  });

  test('some unknown or finished among others: what is said of the others holds', () => {
    const running = 'Job Id: 32.h\n    job_state = R\n    run_count = 2\n';
    expect(answer(pbs, ['32.h', '9.h'], said(running, 153, 'qstat: Unknown Job Id 9.h'))).toMatchObject([
      { id: '32.h', incarnation: 1 },
    ]);
    expect(answer(pbs, ['9.h'], said('', 35, 'qstat: 9.h Job has finished, use -x or -H'))).toEqual([]);
    expect(answer(pbs, ['9.h'], said('', 255, fixture('openpbs/server-down.txt')))).toBeUndefined();
  });

  test('a job that waits to be run again is in its next run already', () => {
    expect(
      answer(pbs, ['1.h'], said('Job Id: 1.h\n    job_state = Q\n    run_count = 1\n'))?.[0]?.incarnation,
    ).toBe(1);
    expect(
      answer(pbs, ['1.h'], said('Job Id: 1.h\n    job_state = R\n    run_count = 1\n'))?.[0]?.incarnation,
    ).toBe(0);
  });

  test('the qsub of Slurm or Grid Engine is not taken for that of PBS', () => {
    expect(pbs.detect.parse(said('', 2, 'Unknown option: version'))).toMatch(/not that of PBS/);
    expect(pbs.detect.parse(said('pbs_version = 23.06.06\n'))).toBe('');
    expect(pbs.detect.parse(said('', 127))).toMatch(/no PBS here/);
    expect(sge.detect.parse(said('', 0, 'pbs_version = 23'))).toMatch(/not that of Grid Engine/);
  });
});

describe('sge', () => {
  test.each([
    ['r', 'running'],
    ['t', 'running'],
    ['Rr', 'running'],
    ['hr', 'running'],
    ['qw', 'queued'],
    ['hqw', 'held'],
    ['hRwq', 'held'],
    ['Eqw', 'held'],
    ['dr', 'ending'],
    ['s', 'suspended'],
    ['tS', 'suspended'],
    ['T', 'suspended'],
    ['?', 'unknown'],
  ])('the letters %s', (letters, state) => {
    expect(sgeState(letters).state).toBe(state);
  });

  test('recorded XML: running, waiting and elements of an array', () => {
    const reports = answer(sge, ['27', '31', '29', '35', '28'], said(fixture('sge/qstat.xml'))) as Report[];
    expect(
      reports
        .filter(({ id }) => id === '31')
        .map(({ element }) => element)
        .sort(),
    ).toContain('3');
    expect(reports.find(({ id }) => id === '27')?.state).toEqual({ state: 'running' });
    expect(reports.find(({ id }) => id === '35')?.state).toEqual({ state: 'held', reason: 'error state' });
    expect(reports.find(({ id }) => id === '28')?.state).toEqual({ state: 'held', reason: 'held' });
    expect(answer(sge, ['27'], said('<?xml'))).toBeUndefined();
  });

  test.each([
    ['qacct-ok.txt', { state: 'succeeded' }],
    ['qacct-bad.txt', { state: 'failed', exitCode: 42 }],
    ['qacct-wt.txt', { state: 'expired' }],
    ['qacct-segv.txt', { state: 'failed', exitCode: 139 }],
    ['qacct-del.txt', { state: 'failed', reason: 'signal 9' }],
  ])('%s', (name, state) => {
    const text = fixture(`sge/${name}`);
    expect(answer(sge, [/jobnumber\s+(\d+)/.exec(text)?.[1] ?? ''], said(text), 1)?.[0]?.state).toMatchObject(
      state,
    );
  });

  test('the accounts of an array: a task each', () => {
    const reports = answer(sge, ['31'], said(fixture('sge/qacct-array.txt')), 1) as Report[];
    expect(reports).toHaveLength(6);
    expect(reports.find(({ element }) => element === '5')?.state).toMatchObject({
      state: 'failed',
      exitCode: 9,
    });
  });
});

describe('lsf', () => {
  test('states with reasons that hold anything', () => {
    const text =
      '7|0|PEND|-|-|Job slot limit reached|odd;\n8|2|EXIT|143|TERM_RUNLIMIT: job ' +
      'killed|-\n8|1|DONE|-|-|-\n9|0|ODD|-|-|-\n';
    const reports = answer(lsf, ['7', '8', '9'], said(text)) as Report[];
    expect(reports[0]?.state).toEqual({ state: 'queued', reason: 'Job slot limit reached|odd;' });
    expect(reports[1]).toEqual({ id: '8', element: '2', incarnation: 0, state: { state: 'expired' } });
    expect(reports[2]?.state).toEqual({ state: 'succeeded' });
    expect(reports[3]?.state.state).toBe('unknown');
    expect(answer(lsf, ['7'], said('', 255, 'Job <7> is not found'))).toEqual([]);
    expect(answer(lsf, ['7'], said('', 255, 'LSF is down. Please wait ...'))).toBeUndefined();
  });
});
