import { describe, expect, test } from 'vitest';
import { plainRequest } from '../../../src/launcher-kit/script.js';
import { limitAlone } from '../../../src/launchers/slurm/alone.js';
import { downNodes, drainedNodes } from '../../../src/launchers/slurm/nodes.js';
import { nodeSize } from '../../../src/launchers/slurm/questions.js';

/*
 * Words of `scontrol -o show job` and `show assoc_mgr`, recorded from Slurm 22.05 with accounting and
 * shortened.
 */

const job = (tres = 'cpu=4,mem=400M,node=1,billing=4'): string =>
  'job JobId=2 JobName=wrap UserId=hpc(1002) Account=proj1 QOS=limited JobState=PENDING ' +
  `Reason=QOSGrpMemLimit TimeLimit=00:10:00 TimeMin=N/A NumCPUs=4 TRES=${tres} MinMemoryCPU=100M`;
const none = 'cpu=N(0),mem=N(0),energy=N(0),node=N(0),billing=N(0)';
const account = (limits: string): string =>
  `ClusterName=bed Account=proj1 UserName= Partition= GrpJobs=N(0) GrpWall=N(0.00) ${limits} MaxJobs= ` +
  'MaxWallPJ= MaxTRESPJ=';
const own =
  `ClusterName=bed Account=proj1 UserName=hpc(1002) GrpTRES=${none} ` + `GrpTRESRunMins=${none} MaxJobs=`;
const qos = (limits: string, perUser = none): string =>
  `QOS=limited(3) UsageRaw=0.000000 GrpJobs=N(0) ${limits} MaxWallPJ= User Limits= 1002={MaxJobsPU=N(0) ` +
  `MaxTRESPU=${perUser}}`;

function verdictOf(reason: string, records: readonly string[], asked = job()): string | undefined {
  const stdout = [asked, 'Current Association Manager state', '', ...records].join('\n');
  return limitAlone(['2'], reason).parse({ code: 0, stdout, stderr: '', timedOut: false })?.sentence;
}

describe('a limit that many share', () => {
  test.each([
    ['AssocGrpCpuLimit', [account(`GrpTRES=cpu=2(0),mem=N(0)`), own], '4 CPUs, and your account may have 2'],
    [
      'AssocGrpMemLimit',
      [account('GrpTRES=cpu=N(0),mem=300(0)'), own],
      '400 MB of memory, and your account may have 300',
    ],
    [
      'AssocGrpCPURunMinutesLimit',
      [account('GrpTRESRunMins=cpu=10(0)'), own],
      '40 CPUs × minutes, and your account may have 10',
    ],
    ['QOSGrpMemLimit', [qos('GrpTRES=cpu=N(0),mem=300(0)')], '400 MB of memory, and your QOS may have 300'],
    [
      'QOSMaxCpuPerUserLimit',
      [qos(`GrpTRES=${none}`, 'cpu=2(0),mem=N(0)')],
      '4 CPUs, and your QOS may have 2',
    ],
  ])('%s: a job that alone asks for more never starts', (reason, records, words) => {
    expect(verdictOf(reason, records)).toBe(`It alone asks for ${words} in all: it never starts as asked.`);
  });

  test('memory is compared in one unit', () => {
    const records = [account('GrpTRES=mem=300(0)'), own];
    expect(verdictOf('AssocGrpMemLimit', records, job('cpu=4,mem=2G,node=1'))).toContain('2048 MB');
    expect(verdictOf('AssocGrpMemLimit', records, job('cpu=4,mem=200M,node=1'))).toBeUndefined();
  });

  test.each([
    ['a job that others stand in the way of', 'AssocGrpCpuLimit', [account('GrpTRES=cpu=6(4)'), own]],
    ['a limit of the other kind', 'QOSGrpCpuLimit', [account('GrpTRES=cpu=2(0)'), qos(`GrpTRES=${none}`)]],
    ['a site that hides its numbers', 'AssocGrpCpuLimit', ['No associations found']],
    ['a word that is not of such a limit', 'Priority', [account('GrpTRES=cpu=2(0)')]],
  ])('nothing is claimed of %s', (_name, reason, records) => {
    expect(verdictOf(reason, records)).toBeUndefined();
  });

  test('a time that has no end is no number of minutes', () => {
    const endless = job().replace('TimeLimit=00:10:00', 'TimeLimit=UNLIMITED');
    expect(
      verdictOf('AssocGrpCPURunMinutesLimit', [account('GrpTRESRunMins=cpu=10(0)')], endless),
    ).toBeUndefined();
  });
});

test('questions go to the cluster that a job is on', () => {
  expect(limitAlone(['2;far'], 'QOSGrpMemLimit').argv.slice(-3)).toEqual(['2', '-M', 'far']);
  expect(drainedNodes(['2;far']).argv.slice(-3)).toEqual(['2', '-M', 'far']);
  expect(downNodes(['n1'], ['2;far']).argv).toContain('far');
  const asked = (extra: string[]): string[] => [...nodeSize({ ...plainRequest, extra }).argv];
  for (const extra of [['-M', 'far'], ['-Mfar'], ['--clusters=far'], ['--cluster', 'far']])
    expect(asked(extra).join(' ')).toContain('-M far');
  expect(asked(['-M', 'far,near'])).not.toContain('-M');
});

test('nodes that Slurm does not hear of are told, in its words', () => {
  const stdout =
    'CLUSTER: far\nn1|mixed|none\nn2|mixed*|none\nn3|down*|Not responding\nn4|drained|Kill task failed\n';
  const found = downNodes(['n1'], []).parse({ code: 0, stdout, stderr: '', timedOut: false });
  expect([...(found ?? [])]).toEqual([
    ['n2', 'mixed*'],
    ['n3', 'down*: Not responding'],
  ]);
});
