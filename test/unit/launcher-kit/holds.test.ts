import { describe, expect, test } from 'vitest';
import { describeHolds } from '../../../src/launcher-kit/holds.js';
import { plainRequest } from '../../../src/launcher-kit/script.js';
import { dialect as lsf } from '../../../src/launchers/lsf.js';
import { dialectOf as pbs } from '../../../src/launchers/pbs.js';
import { dialectOf as sge } from '../../../src/launchers/sge.js';
import { holds } from '../../../src/launchers/slurm/questions.js';

const heard = (stdout: string) => holds('7').parse({ code: 0, stdout, stderr: '', timedOut: false });
const resources = { queue: 'debug', account: 'proj1', time: 3_600_000 };
const told = (line: string, more = {}) =>
  describeHolds({ ...plainRequest, resources, ...more }, heard(line) ?? {}, () => false);

describe('what a filter has made of a request', () => {
  test('its limit and partition are told as they hold', () => {
    expect(told('proj1|gpu|3:00\n')).toBe(
      'The scheduler has changed what was asked for: queue gpu (asked for: debug), it ends after 3m 00s ' +
        '(asked for: 1h 00m).',
    );
  });

  test('another account is told', () => {
    expect(told('proj2|debug|1:00:00\n')).toMatch(/account proj2 \(asked for: proj1\)\.$/);
  });

  test.each(['proj1|debug|1:00:00\n', '(null)|debug|1:00:00\n', '', 'proj1|debug|UNLIMITED\n'])(
    '%j is no change',
    (line) => {
      expect(told(line)).toBeUndefined();
    },
  );

  test('one of several partitions is no change', () => {
    expect(told('proj1|gpu|1:00:00\n', { resources: { ...resources, queue: 'debug,gpu' } })).toBeUndefined();
  });
});

describe('what really holds after words of the scheduler’s own', () => {
  const extra = ['-p', 'gpu', '-t', '5'];
  const isSaid = (key: string): boolean => key === 'time' || key === 'partition';

  test('is told as it is, and is no change of what those words went before', () => {
    const seen = describeHolds(
      { ...plainRequest, resources, extra, single: false },
      heard('proj1|gpu|5:00\n') ?? {},
      isSaid,
    );
    expect(seen).toBe('As the scheduler has taken it: account proj1, queue gpu, it ends after 5m 00s.');
  });

  test('is told beside a change of what our own words asked for', () => {
    const seen = describeHolds(
      { ...plainRequest, resources, extra, single: false },
      heard('proj2|gpu|5:00\n') ?? {},
      isSaid,
    );
    expect(seen).toMatch(
      /^The scheduler has changed .*account proj2 \(asked for: proj1\)\. As the scheduler has taken it: /,
    );
  });

  test('is not told where the system says nothing, nor a second time for the controller', () => {
    expect(describeHolds({ ...plainRequest, resources, extra }, {}, isSaid)).toBeUndefined();
    expect(
      describeHolds(
        { ...plainRequest, resources, extra, single: true },
        heard('proj1|gpu|5:00\n') ?? {},
        isSaid,
      ),
    ).toBe(undefined);
  });
});

describe('the question for what a job holds', () => {
  const said = (stdout: string) => ({ code: 0, stdout, stderr: '', timedOut: false });
  const block =
    'Job Id: 7.head\n    queue = short\n    Account_Name = proj7\n    project = _pbs_project_default\n' +
    '    Resource_List.walltime = 01:30:00\n';

  test('is qstat -f for PBS, with the account or the project', () => {
    const question = pbs('openpbs', false).holds?.('7.head');
    expect(question?.argv).toEqual(['qstat', '-f', '7.head']);
    expect(question?.parse(said(block))).toEqual({ queue: 'short', account: 'proj7', time: 5_400_000 });
    expect(pbs('openpbs', true).holds?.('7.head').parse(said(block))).toMatchObject({ account: undefined });
    expect(question?.parse({ ...said(''), code: 153 })).toBeUndefined();
  });

  test('is qstat -j for Grid Engine', () => {
    const text =
      'job_number:                 31\naccount:                    sge\nproject:                  ' +
      '  physics\n';
    const more = 'hard resource_list:         h_rt=3600,h_vmem=2g\nhard_queue_list:            all.q\n';
    const question = sge({ gpu: 'gpu', account: 'project' }).holds?.('31');
    expect(question?.argv).toEqual(['qstat', '-j', '31']);
    expect(question?.parse(said(text + more))).toEqual({
      queue: 'all.q',
      account: 'physics',
      time: 3_600_000,
    });
    expect(sge({ gpu: 'gpu', account: 'account' }).holds?.('31').parse(said(text))).toEqual({});
  });

  test.each([
    ['proj7|short|90.0/hostA\n', { account: 'proj7', queue: 'short', time: 5_400_000 }],
    ['default|normal|-\n', { account: undefined, queue: 'normal', time: undefined }],
    ['proj7|short|01:30:00\n', { account: 'proj7', queue: 'short', time: 5_400_000 }],
  ])('is bjobs -o for LSF: %j', (text, expected) => {
    expect(lsf.holds?.('7').parse(said(text))).toEqual(expected);
  });
});
