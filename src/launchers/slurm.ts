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
import { clockOf, lastWords, megabytesOf, rowsOf } from '../launcher-kit/words.js';
import { explainReason } from './slurm/reasons.js';
import { explainRefusal } from './slurm/refusals.js';
import { slurmState } from './slurm/states.js';

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
  refusal: explainRefusal,
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
  explainReason,
};

/** Jobs of Slurm. */
export default defineBatchLauncher({
  name: 'slurm',
  summary: 'jobs of Slurm (sbatch)',
  options: z.object({}),
  dialect: () => dialect,
});
