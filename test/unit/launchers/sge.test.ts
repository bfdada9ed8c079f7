import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import type { BatchView, Directive, ToolOutcome } from '../../../src/launcher-kit/batch.js';
import { commandWords, formatDirective, waitsForEnd } from '../../../src/launchers/sge/directives.js';
import { defaultsOf, requestWords } from '../../../src/launchers/sge/request-files.js';
import { dialectOf } from '../../../src/launchers/sge.js';

const sge = dialectOf({ gpu: 'gpu', account: 'account' });
const said = (stdout: string, code = 0, stderr = ''): ToolOutcome => ({
  code,
  stdout,
  stderr,
  timedOut: false,
});

const view = (change: Partial<BatchView> = {}, resources = {}): BatchView => ({
  name: 'ipc-1',
  comment: '',
  count: 2,
  range: { first: 1, last: 2 },
  stdout: '/work/stdout',
  stderr: '/work/stderr',
  layout: { shape: 'array', parts: 2, perPart: 1 },
  request: {
    resources,
    extra: [],
    directives: {},
    single: false,
    surroundings: { modules: [], environment: {}, prologue: [], epilogue: [] },
  },
  ...change,
});

describe('paths and names in the syntax of qsub', () => {
  const output = (folder: string): { line: string | undefined; words: string[] } => {
    const directives = sge.directives(view({ stdout: `${folder}/stdout` }));
    const own = directives.find(([option]) => option === '-o') as Directive;
    return { line: formatDirective(own), words: commandWords(directives, []).slice(4) };
  };

  test.each(['/work/one', '/work/ü', '/work/d$x', '/work/a@b+c=d%e~f'])(
    '%s stands in a line of the script',
    (folder) => {
      expect(output(folder)).toEqual({ line: `-o ${folder}/scheduler`, words: [] });
    },
  );

  test.each(['/a b', "/it's", '/q"q', '/b\\s', '/c:d', '/h#h', '/s*?[x]'])(
    '%s goes as a word of its own, without a host',
    (folder) => {
      expect(output(folder)).toEqual({ line: undefined, words: ['-o', `:${folder}/scheduler`] });
    },
  );

  test('commas part paths, so there the folder is the working one', () => {
    expect(output('/k,l')).toEqual({ line: undefined, words: ['-wd', '/k,l', '-o', 'scheduler'] });
  });

  test.each(['HOME', 'USER', 'JOB_ID', 'JOB_NAME', 'HOSTNAME', 'TASK_ID'])(
    '$%s would be replaced, so it is refused',
    (name) => {
      expect(() => output(`/work/x$${name}y`)).toThrow(`$${name}`);
    },
  );

  test.each([
    [{ queue: 'a b' }, '--partition'],
    [{ queue: '-now' }, '--partition'],
    [{ account: 'a#b' }, '--account'],
    [{ account: "it's" }, '--account'],
  ])('%j would become other words, so it is refused', (resources, flag) => {
    expect(() => sge.directives(view({}, resources))).toThrow(flag);
  });
});

describe('files of defaults for qsub', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ipcluster-requests-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(() => vi.restoreAllMocks());

  function words(text: string): ReturnType<typeof requestWords> {
    writeFileSync(join(folder, '.sge_request'), text);
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    return requestWords({}).filter(({ file }) => file.startsWith(folder));
  }

  test('quotes hold together, # begins a comment anywhere, -clear takes back, -@ names another file', () => {
    writeFileSync(join(folder, 'more'), '-P other\n');
    const found = words(`-A gone\n-clear -q 'my q' # -A no\n-N "a#b"\n-@ ${join(folder, 'more')}\n`);
    expect(found.map(({ word }) => word)).toEqual(['-q', 'my q', '-N', 'a', '-P', 'other']);
  });

  test('are settings of ours where nobody says otherwise', () => {
    const all = words('-q short.q -A one -l gpu=1,h_rt=1:30:00 -P two\n-A three\n');
    expect(defaultsOf(all, '-A')).toEqual({ partition: 'short.q', account: 'three', time: '5400s' });
    expect(defaultsOf(all, '-P')).toMatchObject({ account: 'two' });
    expect(defaultsOf(words('-l h_rt=INFINITY'), '-A')).toEqual({});
    expect(defaultsOf(words('-l h_rt=90'), '-A')).toEqual({ time: '90s' });
  });

  test('what they say of how qsub works is taken back, or refused', () => {
    expect(commandWords([], words('-q short.q -w e'))).toEqual(['-b', 'n', '-now', 'n']);
    expect(commandWords([], words('-w v'))).toEqual(['-b', 'n', '-now', 'n', '-w', 'n']);
    expect(commandWords([], words('-t 1-4'))).toEqual(['-b', 'n', '-now', 'n', '-t', '1']);
    expect(commandWords([['-t', '1-8']], words('-t 1-4'))).toEqual(['-b', 'n', '-now', 'n']);
    expect(() => commandWords([], words('-verify'))).toThrow('`-verify`');
    expect(waitsForEnd(words('-sync y'), [])).toBe(true);
    expect(waitsForEnd(words('-sync n'), [])).toBe(false);
    expect(waitsForEnd(words(''), ['-sync', 'yes'])).toBe(true);
  });
});

describe('a job that was taken although qsub failed', () => {
  test.each([
    [
      'Unable to run job: warning: hpc\'s job is not allowed to run in any queue\nYour job 155 ("x") ' +
        'has been submitted\nExiting.\n',
      '155',
    ],
    ['Unable to run job: warning: …\nYour job-array 8.1-4:1 ("x") has been submitted\nExiting.\n', '8'],
    ['Unable to run job: job rejected: the requested project "nope" does not exist\nExiting.\n', undefined],
  ])('%j', (text, id) => {
    expect(sge.takenAllTheSame?.(text)).toBe(id);
  });
});

describe('why a job waits', () => {
  const became = (reason: string, block: string): string | undefined =>
    sge.askReasons?.([{ id: '7', reason }]).parse(said(`== 7 ${reason.split(' ')[0]}\n${block}`))?.[0]
      ?.became;
  const verdict = (reason: string, block: string) => sge.explainReason(became(reason, block) ?? reason);

  test.each([
    [
      'waiting',
      'free Job 7 cannot run because it exceeds limit "/////" in rule "z1/1"\nfree verification: no ' +
        'suitable queues\nnow \n',
      'over-limit',
    ],
    [
      'waiting',
      'free verification: found suitable queue(s)\nnow Job 7 cannot run because it exceeds limit ' +
        '"hpc/////" in rule "u1/1"\nnow verification: no suitable queues\n',
      'limit',
    ],
    [
      'waiting',
      'free verification: found suitable queue(s)\nnow verification: found suitable queue(s)\nscheduler ' +
        'maxujobs   3\nrunning 3\n',
      'limit',
    ],
    [
      'waiting',
      'free verification: found suitable queue(s)\nnow verification: found suitable queue(s)\nscheduler ' +
        'maxujobs   3\nrunning 2\n',
      'pending-resources',
    ],
    [
      'waiting',
      'execution_time:   Tue Jan  1 00:00:00 2130\nfree verification: found suitable queue(s)\n',
      'pending-begin',
    ],
    [
      'waiting',
      'free verification: found suitable queue(s)\nnow Job 7 queue instance "a@h" dropped because it is ' +
        'temporarily not available\nnow verification: no suitable queues\nqueue a@h E\n',
      'partition-down',
    ],
    [
      'waiting',
      'free verification: found suitable queue(s)\nnow Job 7 queue instance "a@h" dropped because it is ' +
        'temporarily not available\nnow verification: no suitable queues\nqueue a@h au\n',
      'nodes-down',
    ],
    [
      'waiting',
      'free Job 7 has no permission for cluster queue "a"\nfree verification: no suitable queues\n',
      'not-allowed',
    ],
    ['held', 'hold hu\n', 'held'],
    ['held', 'hold hj\njid_predecessor_list:       117\n', 'pending-dependency'],
    [
      'error state',
      "error reason          1:      11/26/2026 15:23:31 [1002:886]: error: can't chdir to /x: No such " +
        'file or directory\n',
      'launch-failed',
    ],
    ['waiting', '', 'pending-resources'],
  ])('%s, %j', (reason, block, code) => {
    expect(verdict(reason, block)?.code).toBe(code);
  });

  test('of all that is asked for, what no host has is named with what one offers', () => {
    const block =
      'free Job 7 (-l h_rt=3600,h_vmem=999G) cannot run at host "sge1" because it offers only ' +
      'hc:h_vmem=256.000G\nfree verification: no suitable queues\n';
    expect(verdict('waiting', block)).toMatchObject({
      sentence:
        'No queue has what it asks for (-l h_vmem=999G): sge1 offers h_vmem=256.000G. It never ' +
        'starts as asked.',
      suggestions: [expect.stringContaining('`--mem`'), expect.anything()],
    });
  });

  test('queues that were not asked for are no reason', () => {
    const block =
      'free Job 7 cannot run in queue "b" because it is not contained in its hard queue list (-q)\nfree ' +
      'Job 7 (-l x=1) cannot run in queue "a" because it offers only qc:x=0\nfree verification: no ' +
      'suitable queues\n';
    expect(became('waiting', block)).toMatch(/queue "a"/);
  });

  test('the cause of an error is quoted, with the words that release the job', () => {
    const block =
      "error reason          1:      11/26/2026 15:23:31 [1002:886]: error: can't chdir to /x: No such " +
      'file or directory\n';
    expect(verdict('error state', block)).toMatchObject({
      sentence: expect.stringContaining("can't chdir to /x: No such file or directory"),
      suggestions: expect.arrayContaining([expect.stringContaining('`qmod -cj ID`')]),
    });
  });
});

test('sizes of arrays are what one may have and what may run of one, with 0 for no limit', () => {
  const sizes = (instances: number, tasks: number): number | undefined =>
    sge.askLargestArray?.parse(
      said(
        `max_aj_instances             ${instances}\nmax_aj_tasks                 ${tasks}\nmax_u_jobs   ` +
          '                0\n',
      ),
    );
  expect([sizes(2000, 75_000), sizes(2000, 3), sizes(0, 75_000), sizes(0, 0)]).toEqual([
    2000,
    3,
    75_000,
    undefined,
  ]);
  expect(sge.askLargestArray?.parse(said('', 1))).toBeUndefined();
});

test.each([
  [
    'Unable to run job: job rejected: you tried to submit a job with more than 3 tasks\n',
    'over-limit',
    '3 elements',
  ],
  [
    'Unable to run job: job rejected: only 5 jobs are allowed per user (current job count: 5)\n',
    'limit',
    '5 jobs',
  ],
  ['Unable to run job: job rejected: only 9 jobs are allowed per cluster\n', 'limit', '9 jobs'],
  ['Unable to run job: job rejected: hpc@head is not allowed to submit jobs\n', 'not-allowed', ''],
])('a refusal: %j', (words, code, number) => {
  expect(sge.refusal(words)).toMatchObject({ code, sentence: expect.stringContaining(number) });
});
