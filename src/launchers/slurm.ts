import { userName } from '../base/owner.js';
import {
  type BatchDialect,
  type BatchView,
  type Directive,
  defineBatchLauncher,
  type Question,
  type Report,
} from '../launcher-kit/batch.js';
import { z } from '../launcher-kit/options.js';
import type { State } from '../launcher-kit/states.js';
import { clockOf, explainWords, lastWords, megabytesOf, type Phrase, rowsOf } from '../launcher-kit/words.js';

/** Why a submit is refused: sbatch's words (recorded from Slurm 22.05). */
const refusals: readonly Phrase[] = [
  {
    words: /invalid partition/i,
    code: 'bad-partition',
    sentence: 'There is no partition of that name.',
    suggestions: ['See `sinfo -s`.', 'Name one: `--partition`.'],
  },
  {
    words: /group not permitted|not permitted to use this partition/i,
    code: 'not-allowed',
    sentence: 'You may not use that partition.',
    suggestions: ['See `sinfo -s`.'],
  },
  {
    words: /invalid account|account\/partition combination|account or/i,
    code: 'bad-account',
    sentence: 'That account is not yours, or not for that partition.',
    suggestions: ['See `sacctmgr show associations user=$USER`.', 'Name one: `--account`.'],
  },
  {
    words: /invalid qos/i,
    code: 'bad-qos',
    sentence: 'There is no such QOS for you.',
    suggestions: ['See `sacctmgr show qos`.'],
  },
  {
    words: /time limit/i,
    code: 'too-long',
    sentence: 'More time is asked for than that partition allows.',
    suggestions: ['Ask for less: `--time`.', 'See `sinfo -o "%P %l"`.'],
  },
  {
    words: /submit job limit|SubmitJobLimit|MaxSubmitJob|violates accounting/i,
    code: 'limit',
    sentence: 'You have as many jobs as your account or QOS allows.',
    suggestions: ['Wait for others to end.'],
  },
  {
    words:
      /more processors requested|CPU count per node|node count specification|memory specification can not|configuration is not available|invalid feature|generic resource/i,
    code: 'never-fits',
    sentence: 'No node of that partition could ever give what is asked for.',
    suggestions: [
      'See `sinfo -o "%P %D %c %m %G %f"`.',
      'Ask for less: `-n`, `--cpus-per-task`, `--mem`, `--gpus`, `--constraint`.',
    ],
  },
  {
    words: /unrecognized option|invalid .* specification|invalid numeric/i,
    code: 'bad-directive',
    sentence: 'A directive is not one that this Slurm knows.',
  },
];

/** Why a job waits or has ended: squeue's reasons (squeue(1), "JOB REASON CODES"). */
const reasons: readonly Phrase[] = [
  { words: /^Resources$/, code: 'pending-resources', sentence: 'It is next in line and waits for nodes to become free.' },
  { words: /^Priority$/, code: 'pending-priority', sentence: 'Jobs of higher priority are before it.' },
  {
    words: /^Partition(Down|Inactive)$/,
    code: 'partition-down',
    sentence: 'The partition is closed: nothing starts in it until it is opened again.',
    suggestions: ['Another one: `--partition`; see `sinfo -s`.'],
  },
  {
    words: /^PartitionTimeLimit$/,
    code: 'too-long',
    sentence: 'It asks for more time than its partition allows, and will never start.',
    suggestions: ['Ask for less: `--time`.'],
  },
  {
    words: /^Partition(Node|Config)/,
    code: 'never-fits',
    sentence: 'Its partition cannot give what it asks for.',
    suggestions: ['Ask for less, or another `--partition`.'],
  },
  { words: /^(JobHeldUser)$/, code: 'held', sentence: 'You hold it.', suggestions: ['Let it go: `scontrol release ID`.'] },
  {
    words: /^(JobHeldAdmin)$/,
    code: 'held',
    sentence: 'An administrator holds it.',
    suggestions: ['Ask who looks after the cluster.'],
  },
  {
    words: /^BeginTime$/,
    code: 'pending-begin',
    sentence: 'Its time to begin has not come; a requeued job waits about two minutes.',
  },
  {
    words: /^DependencyNeverSatisfied$/,
    code: 'never-starts',
    sentence: 'It waits for a job that ended another way: it will never start.',
    suggestions: ['`ipcluster stop`, and start without that dependency.'],
  },
  { words: /^Dependency$/, code: 'pending-dependency', sentence: 'It waits for another job.' },
  {
    words: /^(ReqNodeNotAvail|Nodes_required_for_job|NodeDown.*|.*UnavailableNodes)/i,
    code: 'nodes-down',
    sentence: 'Nodes that it needs are down, drained or reserved.',
    suggestions: ['See `sinfo -R`.'],
  },
  {
    words: /^BadConstraints$/,
    code: 'never-fits',
    sentence: 'No node has what it asks for.',
    suggestions: ['See `sinfo -o "%P %D %c %m %G %f"`.'],
  },
  {
    words: /^(QOS|Assoc).*(CpuMinutes|GrpCPUMins|BillingMinutes|RunMinutes)/,
    code: 'no-budget',
    sentence: 'The account has no time left.',
    suggestions: ['Another one: `--account`.'],
  },
  {
    words: /^(QOS|Assoc)/,
    code: 'limit',
    sentence: 'A limit of your account or QOS holds it back until other jobs end.',
    suggestions: ['Ask for less, or wait.'],
  },
  { words: /^(Licenses|Reservation)/, code: 'pending-resources', sentence: 'It waits for a licence or a reservation.' },
  {
    words: /^JobLaunchFailure$/,
    code: 'launch-failed',
    sentence: 'The node could not start its script: its folder or output file cannot be used there, or the script was killed.',
    suggestions: ['Does the compute node see the work folder? `--work-dir`.'],
  },
  {
    words: /^(NODE_FAIL|BOOT_FAIL|NodeDown)$/,
    code: 'node-failed',
    sentence: 'A node failed.',
    suggestions: ['Start again; a lost node is not your fault.'],
  },
  {
    words: /^(OUT_OF_MEMORY)$/,
    code: 'out-of-memory',
    sentence: 'It used more memory than it asked for.',
    suggestions: ['Ask for more: `--mem`.'],
  },
];

const finals: Record<string, (reason: string) => State> = {
  COMPLETED: () => ({ state: 'succeeded' }),
  FAILED: (reason) => ({ state: 'failed', reason }),
  TIMEOUT: () => ({ state: 'expired' }),
  DEADLINE: () => ({ state: 'expired' }),
  CANCELLED: () => ({ state: 'cancelled', by: 'somebody (scancel)' }),
  PREEMPTED: () => ({ state: 'preempted' }),
  OUT_OF_MEMORY: () => ({ state: 'failed', reason: 'OUT_OF_MEMORY' }),
  NODE_FAIL: () => ({ state: 'failed', reason: 'NODE_FAIL' }),
  BOOT_FAIL: () => ({ state: 'failed', reason: 'BOOT_FAIL' }),
  REVOKED: () => ({ state: 'cancelled', by: 'another cluster of the federation' }),
};
const running = new Set(['RUNNING', 'SIGNALING', 'RESIZING', 'EXPEDITING']);
const waiting = new Set(['PENDING', 'CONFIGURING', 'REQUEUED', 'REQUEUE_FED', 'POWER_UP_NODE']);
const held = new Set(['REQUEUE_HOLD', 'SPECIAL_EXIT', 'RESV_DEL_HOLD']);

/** A word of `squeue -o %T` or `sacct -o State` (job_state_codes.html); `sacct` may say "CANCELLED by 1001". */
function slurmState(text: string, reason: string, hosts: string): State {
  const word = text.split(' ')[0] ?? '';
  const final = finals[word];
  if (final) return final(reason && reason !== 'None' ? reason : word);
  if (running.has(word)) return { state: 'running', ...(hosts && { hosts: [hosts] }) };
  if (held.has(word) || /^JobHeld/.test(reason)) return { state: 'held', reason: reason || word };
  if (waiting.has(word)) return { state: 'queued', ...(reason && reason !== 'None' && { reason }) };
  if (word === 'COMPLETING' || word === 'STAGE_OUT') return { state: 'ending' };
  if (word === 'SUSPENDED' || word === 'STOPPED') return { state: 'suspended' };
  return { state: 'unknown', since: new Date().toISOString(), cause: `Slurm says "${text}"` };
}

const split = (id: string): { bare: string; cluster: string[] } => {
  const [bare = '', cluster] = id.split(';');
  return { bare, cluster: cluster ? ['-M', cluster] : [] };
};
const onCluster = (ids: readonly string[]): string[] => split(ids[0] ?? '').cluster;
const bareList = (ids: readonly string[]): string => ids.map((id) => split(id).bare).join(',');
const whole = (ids: readonly string[], bare: string): string => ids.find((id) => split(id).bare === bare) ?? bare;

/** Suffixes instead of widths keep fields whole (squeue(1), --Format). */
const columns = ['ArrayJobID', 'ArrayTaskID', 'State', 'Reason', 'StartTime', 'RestartCnt', 'NodeList']
  .map((name) => `${name}:|`)
  .join(',');

const squeue = (ids: readonly string[]): Question<Report[]> => ({
  argv: ['squeue', '-h', '-r', '-t', 'all', ...onCluster(ids), '-j', bareList(ids), '-O', columns],
  parse({ code, stdout, stderr }) {
    if (code !== 0) return /invalid job id/i.test(stderr) ? [] : undefined;
    return rowsOf(stdout, 7).map(
      ([id = '', element = '', word = '', reason = '', start = '', restarts = '', hosts = '']): Report => ({
        ...{ id: whole(ids, id), incarnation: Number(restarts) || 0, state: slurmState(word, reason, hosts) },
        ...(/^\d+$/.test(element) && { element }),
        ...(/^\d{4}-/.test(start) && { start }),
      }),
    );
  },
});

/** Asked only for what squeue has forgotten (MinJobAge); "Slurm accounting storage is disabled" is no answer. */
const sacct = (ids: readonly string[]): Question<Report[]> => ({
  argv: ['sacct', '-X', '-n', '-P', ...onCluster(ids), '-j', bareList(ids), '-o', 'JobID,State,ExitCode,NodeList'],
  parse({ code, stdout }) {
    if (code !== 0) return undefined;
    return rowsOf(stdout, 4).flatMap(([id = '', word = '', exit = '', hosts = '']): Report[] => {
      const [, bare = '', element] = /^(\d+)(?:_(\d+))?$/.exec(id) ?? [];
      if (!bare) return [];
      const reason = word === 'FAILED' ? `exit code ${exit.split(':')[0]}` : '';
      return [{ id: whole(ids, bare), incarnation: 0, state: slurmState(word, reason, hosts), ...(element && { element }) }];
    });
  },
});

function directives({ name, comment, count, request, layout, range, stdout, stderr }: BatchView): Directive[] {
  const { nodes, cpusPerTask, memory, gpus, time, queue, account, qos, constraint } = request.resources;
  const { perPart } = layout;
  const lines: (Directive | undefined)[] = [
    ['--job-name', name],
    ['--comment', comment],
    ['--output', stdout.replaceAll('%', '%%')],
    ['--error', stderr.replaceAll('%', '%%')],
    ['--open-mode', 'append'],
    ['--no-requeue', ''],
    // Else one lost node ends the whole job (sbatch(1), --no-kill).
    request.single || range ? undefined : ['--no-kill', ''],
    range && ['--array', `${range.first}-${range.last}`],
    ['--ntasks', String(range ? (perPart ?? 1) : request.single ? 1 : count)],
    range ? ['--nodes', '1'] : nodes !== undefined ? ['--nodes', String(nodes)] : undefined,
    perPart && !request.single ? ['--ntasks-per-node', String(perPart)] : undefined,
    cpusPerTask ? ['--cpus-per-task', String(cpusPerTask)] : undefined,
    memory ? ['--mem-per-cpu', `${megabytesOf(memory / (cpusPerTask ?? 1))}M`] : undefined,
    gpus ? (perPart ? ['--gres', `gpu:${gpus * perPart}`] : ['--gpus', String(gpus * count)]) : undefined,
    time ? ['--time', clockOf(time)] : undefined,
    queue ? ['--partition', queue] : undefined,
    account ? ['--account', account] : undefined,
    qos ? ['--qos', qos] : undefined,
    constraint ? ['--constraint', constraint] : undefined,
  ];
  return lines.filter((line) => line !== undefined);
}

/** The dialect itself, as questions and answers. */
export const dialect: BatchDialect = {
  prefix: '#SBATCH',
  shape: 'gang',
  firstIndex: 0,
  // MaxArraySize is 1001 unless the site says otherwise, and the largest index is one less (job_array.html).
  largestArray: 1000,
  refuses: {},
  detect: {
    argv: ['sbatch', '--version'],
    parse: ({ code, stdout }) =>
      code === 127 ? 'There is no Slurm here: `sbatch` is not on your PATH.' : /slurm/i.test(stdout) ? '' : undefined,
  },
  nodeSize: {
    argv: ['sinfo', '-h', '-N', '-o', '%c %P'],
    parse({ code, stdout }) {
      const counts = new Map<number, number>();
      for (const [, size] of stdout.matchAll(/^(\d+) .*\*$/gm)) counts.set(Number(size), (counts.get(Number(size)) ?? 0) + 1);
      // The usual node of the default partition: there are most of them.
      const [usual] = [...counts].sort(([, a], [, b]) => b - a);
      return code === 0 ? usual?.[0] : undefined;
    },
  },
  directives,
  formatDirective: ([option, value]) =>
    value === '' ? option : `${option}=${/[\s"'\\]/.test(value) ? `"${value.replaceAll(/["\\]/g, '\\$&')}"` : value}`,
  submit: (script, extra) => ({ argv: ['sbatch', '--parsable', ...extra, script] }),
  parseJobId: (stdout) => /^\d+(;[\w.-]+)?$/.exec(lastWords(stdout))?.[0],
  refusal: (said) => explainWords(refusals, said),
  isSilence: ({ stderr }) => /unable to contact|socket timed out|connection refused|zero bytes were transmitted/i.test(stderr),
  find: (names) => ({
    argv: ['squeue', '-h', '-u', userName(), '-o', '%A|%j'],
    parse({ code, stdout }) {
      if (code !== 0) return undefined;
      const rows = rowsOf(stdout, 2).map(([id = '', name = '']) => ({ id, name }));
      return rows.filter(({ name }, index) => name.startsWith(names) && rows.findIndex((row) => row.name === name) === index);
    },
  }),
  status: (ids) => [squeue(ids), sacct(ids)],
  cancel: (ids) => ['scancel', ...onCluster(ids), ...ids.map((id) => split(id).bare)],
  // -f: the script, what it has started, and the steps (scancel(1)).
  signal: (ids, name) => ['scancel', '-f', '-s', name.replace('SIG', ''), ...onCluster(ids), ...ids.map((id) => split(id).bare)],
  explainReason: (reason) => explainWords(reasons, reason),
};

/** Jobs of Slurm. */
export default defineBatchLauncher({
  name: 'slurm',
  summary: 'jobs of Slurm (sbatch)',
  options: z.object({}),
  dialect: () => dialect,
});
