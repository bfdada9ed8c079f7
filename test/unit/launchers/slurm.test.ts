import { describe, expect, test } from 'vitest';
import type { Report, ToolOutcome } from '../../../src/launcher-kit/batch.js';
import { plainRequest } from '../../../src/launcher-kit/script.js';
import { dialect } from '../../../src/launchers/slurm.js';

const said = (stdout: string, code = 0, stderr = ''): ToolOutcome => ({
  code,
  stdout,
  stderr,
  timedOut: false,
});
const code = (reason: string): string | undefined => dialect.explainReason(reason)?.code;
const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

/** What Slurm counts, in the spelling of its words for an association and for a QOS. */
const assocThings = words('Mem Node Energy GRES License BB Billing Unknown');
const qosThings = words('Memory Node Energy GRES License BB Billing Unknown');
const times = (owner: string, things: string[], make: (thing: string) => string): string[] =>
  things.map((thing) => owner + make(thing));

/** All words of Slurm 25's job_state_reason.c, by what they mean for the one who waits. */
const reasons: Record<string, string[]> = {
  // Wait.
  'pending-resources': words(
    'Resources Licenses Reservation BurstBufferResources BurstBufferStageIn PowerNotAvail PowerReserved',
  ),
  'pending-priority': ['Priority'],
  'pending-dependency': ['Dependency'],
  'pending-begin': ['BeginTime'],
  pending: words('None Prolog Cleaning SchedDefer FedJobLock'),
  'partition-down': words('PartitionDown PartitionInactive'),
  'nodes-down': [
    'Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions',
    ...words('ReqNodeNotAvail NodeDown FrontEndDown'),
    'ReqNodeNotAvail, UnavailableNodes:n[1-2]',
  ],
  maintenance: ['ReqNodeNotAvail, Reserved for maintenance'],
  limit: [
    ...words(
      'AssociationJobLimit AssociationResourceLimit QOSJobLimit QOSResourceLimit AccountingPolicy ' +
        'JobArrayTaskLimit',
    ),
    ...words(
      'QOSGrpCpuLimit QOSGrpJobsLimit QOSGrpMemLimit QOSGrpNodeLimit QOSGrpSubmitJobsLimit ' +
        'QOSGrpCPURunMinutesLimit',
    ),
    ...words(
      'QOSMaxCpuPerUserLimit QOSMaxJobsPerUserLimit QOSMaxNodePerUserLimit QOSMaxSubmitJobPerUserLimit',
    ),
    ...words('AssocGrpCpuLimit AssocGrpJobsLimit AssocGrpMemLimit AssocGrpNodeLimit AssocGrpSubmitJobsLimit'),
    ...words('AssocGrpCPURunMinutesLimit AssocMaxJobsLimit AssocMaxSubmitJobLimit'),
    ...words('MaxJobsPerAccount MaxSubmitJobsPerAccount MaxCpuPerAccount'),
    ...times('', qosThings, (thing) => `Max${thing}PerAccount`),
    ...times('Assoc', assocThings, (thing) => `Grp${thing}`),
    ...times('Assoc', assocThings, (thing) => `Grp${thing}RunMinutes`),
    ...times('QOS', qosThings, (thing) => `Grp${thing}`),
    ...times('QOS', qosThings, (thing) => `Grp${thing}RunMinutes`),
    ...times('QOS', qosThings, (thing) => `Max${thing}PerUser`),
  ],
  // No budget.
  'no-budget': [
    ...words('AssociationTimeLimit QOSTimeLimit QOSUsageThreshold'),
    ...words('QOSGrpCPUMinutesLimit AssocGrpCPUMinutesLimit QOSGrpWallLimit AssocGrpWallLimit'),
    ...times('Assoc', assocThings, (thing) => `Grp${thing}Minutes`),
    ...times('QOS', qosThings, (thing) => `Grp${thing}Minutes`),
  ],
  // Ask for less.
  'over-limit': [
    ...words(
      'QOSMaxCpuPerJobLimit QOSMaxCpuMinutesPerJobLimit QOSMaxNodePerJobLimit QOSMaxCpuPerNode ' +
        'MaxMemPerLimit',
    ),
    ...words(
      'AssocMaxCpuPerJobLimit AssocMaxCpuMinutesPerJobLimit AssocMaxNodePerJobLimit AssocMaxCpuPerNode',
    ),
    ...times('Assoc', assocThings, (thing) => `Max${thing}PerJob`),
    ...times('Assoc', assocThings, (thing) => `Max${thing}PerNode`),
    ...times('Assoc', assocThings, (thing) => `Max${thing}MinutesPerJob`),
    ...times('QOS', qosThings, (thing) => `Max${thing}PerJob`),
    ...times('QOS', qosThings, (thing) => `Max${thing}PerNode`),
    ...times('QOS', qosThings, (thing) => `Max${thing}MinutesPerJob`),
  ],
  'too-long': words('PartitionTimeLimit QOSMaxWallDurationPerJobLimit AssocMaxWallDurationPerJobLimit'),
  // Never as asked.
  'under-minimum': ['QOSMinCpuNotSatisfied', ...times('QOS', qosThings, (thing) => `Min${thing}`)],
  'never-fits': words('PartitionNodeLimit PartitionConfig BadConstraints Constraints'),
  'never-starts': words('DependencyNeverSatisfied ReservationDeleted ReservationInvalid'),
  'bad-account': words('InvalidAccount AccountNotAllowed'),
  'bad-qos': words('InvalidQOS QOSNotAllowed'),
  held: [
    ...words('JobHeldUser JobHeldAdmin JobHoldMaxRequeue'),
    'launch failed requeued held',
    'job requeued in held state',
  ],
  // Ends.
  'launch-failed': words('JobLaunchFailure BurstBufferOperation'),
  'node-failed': words('NODE_FAIL BOOT_FAIL SystemFailure'),
  'out-of-memory': words('OUT_OF_MEMORY OutOfMemory'),
};

describe('reasons of squeue', () => {
  const rows = Object.entries(reasons).flatMap(([expected, all]) =>
    all.map((reason) => [reason, expected] as const),
  );

  test.each(rows)('%s is %s', (reason, expected) => {
    expect(code(reason)).toBe(expected);
  });

  test.each(words('NonZeroExitCode RaisedSignal TimeLimit InactiveLimit DeadLine'))(
    '%s says no more than the state',
    (reason) => {
      expect(code(reason)).toBeUndefined();
    },
  );

  test.each([
    ['AssocGrpCPUMinutesLimit', /no budget.*your account/, /--account/],
    ['AssocGrpCPURunMinutesLimit', /waits until running jobs get on/, /Wait/],
    ['AssocMaxCpuMinutesPerJobLimit', /more CPUs × time .*never starts as asked/, /--time.*-n/],
    ['QOSMaxWallDurationPerJobLimit', /more time than your QOS .*never starts as asked/, /--time/],
    ['AssocMaxCpuPerJobLimit', /more CPUs than your account .*never starts as asked/, /-n/],
    ['QOSMinCpuNotSatisfied', /less than the minimum of your QOS .*never starts as asked/, /Ask for more/],
    [
      'QOSMaxCpuPerUserLimit',
      /^Your jobs together .*CPUs.*waits.*If it alone asks for more, it never starts/,
      /-n/,
    ],
    ['AssocGrpGRES', /GPUs.*a limit of your account/, /--gpus/],
    ['QOSMaxMemoryPerNode', /more memory than your QOS allows one job on a node/, /--mem/],
    [
      'MaxNodePerAccount',
      /^The jobs of your account together may have no more nodes \(a limit of your QOS\)/,
      /--nodes/,
    ],
    ['ReqNodeNotAvail, Reserved for maintenance', /before maintenance begins/, /--time/],
    ['launch failed requeued held', /prolog.*holds it/, /scontrol release IDS/],
  ])('%s is told in a sentence', (reason, sentence, advice) => {
    const verdict = dialect.explainReason(reason);
    expect(verdict?.sentence).toMatch(sentence);
    expect(verdict?.suggestions.join(' ')).toMatch(advice);
  });
});

describe('states', () => {
  const state = (word: string, reason: string): Report['state'] | undefined => {
    const reports = dialect.status(['7'])[0]?.parse(said(`7|N/A|${word}|${reason}||1||\n`));
    return reports?.[0]?.state;
  };

  test.each([
    ['PENDING', 'launch failed requeued held'],
    ['PENDING', 'job requeued in held state'],
    ['PENDING', 'JobHoldMaxRequeue'],
    ['PENDING', 'JobHeldUser'],
  ])('%s because of "%s" is held', (word, reason) => {
    expect(state(word, reason)).toEqual({ state: 'held', reason });
  });

  test('held by its state, whatever the reason', () => {
    const held = state('REQUEUE_HOLD', 'None');
    expect(held).toEqual({ state: 'held', reason: 'held (REQUEUE_HOLD)' });
    expect(code('held (REQUEUE_HOLD)')).toBe('held');
    expect(state('PENDING', 'Resources')).toEqual({ state: 'queued', reason: 'Resources' });
  });
});

describe('limits that sbatch names when it refuses', () => {
  // The sentence after the word is the same for all of them.
  const tail =
    'sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, ' +
    "user's size and/or time limits)";

  test.each([
    ['QOSMaxSubmitJobPerUserLimit', 'limit', /as many jobs in the queue as your QOS allows/],
    ['QOSGrpBillingMinutes', 'no-budget', /more than the whole budget of your QOS/],
    ['QOSMaxCpuPerUserLimit', 'over-limit', /It alone asks for more CPUs/],
    ['QOSMaxWallDurationPerJobLimit', 'too-long', /more time than your QOS allows one job\.$/],
    ['AssocGrpCPURunMinutesLimit', 'over-limit', /CPUs × time/],
    ['QOSMinGRES', 'under-minimum', /minimum/],
  ])('%s is %s', (word, expected, sentence) => {
    const verdict = dialect.refusal(`sbatch: error: ${word}\n${tail}`);
    expect(verdict?.code).toBe(expected);
    expect(verdict?.sentence).toMatch(sentence);
  });

  test('one that is not named is not taken for the time of a partition', () => {
    expect(dialect.refusal(tail)?.code).toBe('limit');
    expect(dialect.refusal('Requested time limit is invalid (missing or exceeds some limit)')?.code).toBe(
      'too-long',
    );
    expect(dialect.refusal('Batch job submission failed: Invalid job array specification')?.code).toBe(
      'never-fits',
    );
  });
});

describe('one order of precedence', () => {
  test('what is named stands on the command line, before what the user adds', () => {
    const argv = dialect.submit(
      'job.sh',
      ['-p', 'gpu'],
      [
        ['--job-name', 'ipc-1'],
        ['--output', '/x'],
        ['--ntasks', '4'],
        ['--mem-per-cpu', '10M'],
        ['--time', '01:00:00'],
        ['--partition', 'debug'],
        ['--exclusive', ''],
      ],
    ).argv;
    expect(argv).toEqual([
      ...['sbatch', '--parsable', '--mem-per-cpu=10M', '--time=01:00:00', '--partition=debug', '--exclusive'],
      ...['-p', 'gpu', 'job.sh'],
    ]);
  });

  test('of memory, the user’s own option stands alone', () => {
    expect(dialect.submit('job.sh', ['--mem=4G'], [['--mem-per-cpu', '10M']]).argv).toEqual([
      ...['sbatch', '--parsable', '--mem=4G', 'job.sh'],
    ]);
  });

  test.each([
    ['30', '1800s'],
    ['1:30', '90s'],
    ['02:00:00', '7200s'],
    ['1-0', '86400s'],
    ['1-2:30', '95400s'],
    ['UNLIMITED', undefined],
    ['0', undefined],
    ['soon', undefined],
  ])('SBATCH_TIMELIMIT=%s is a default of %s', (text, time) => {
    expect(dialect.userDefaults?.({ SBATCH_TIMELIMIT: text })['time']).toBe(time);
  });

  test('other defaults of the user', () => {
    const env = {
      SBATCH_PARTITION: 'gpu',
      SBATCH_ACCOUNT: 'proj2',
      SBATCH_QOS: '',
      SBATCH_CONSTRAINT: 'avx',
    };
    expect(dialect.userDefaults?.(env)).toEqual({ partition: 'gpu', account: 'proj2', constraint: 'avx' });
  });
});

describe('sizes', () => {
  const request = (change: object) => ({ ...plainRequest, ...change });
  const argv = (change: object): string => dialect.nodeSize?.(request(change)).argv.join(' ') ?? '';

  test('a node is that of the partition that was named', () => {
    expect(argv({})).not.toContain('-p');
    expect(argv({ resources: { queue: 'small' } })).toMatch(/ -p small$/);
    expect(argv({ resources: { queue: 'small' }, directives: { '--partition': 'big' } })).toMatch(/ -p big$/);
    expect(argv({ resources: { queue: 'small' }, extra: ['--partition=a', '-p', 'b'] })).toMatch(/ -p b$/);
    expect(
      dialect.nodeSize?.(request({ resources: { queue: 'small' } })).parse(said('2 small\n2 small\n')),
    ).toBe(2);
    expect(dialect.nodeSize?.(request({})).parse(said('2 small\n64 debug*\n'))).toBe(64);
    expect(dialect.nodeSize?.(request({})).parse(said('', 1))).toBeUndefined();
  });

  test('the largest array is asked for; no answer is none', () => {
    // Recorded from Slurm 22.05.
    const config =
      'MaxArraySize            = 10001\nMaxDBDMsgs = 80024\nSchedulerParameters     = ' +
      'bf_interval=1,bf_continue\n';
    expect(dialect.askLargestArray?.parse(said(config))).toBe(10_001);
    const fewer = config.replace(
      /^SchedulerParameters.*$/m,
      'SchedulerParameters = bf_continue,max_array_tasks=300',
    );
    expect(dialect.askLargestArray?.parse(said(fewer))).toBe(300);
    expect(dialect.askLargestArray?.parse(said('slurm_load_ctl_conf error', 1))).toBeUndefined();
    expect(dialect.askLargestArray?.parse(said('MaxArraySize = 0\n'))).toBeUndefined();
  });
});
