import { userName } from '../../base/owner.js';
import { describeCode, signalName } from '../../base/signal-names.js';
import type { BatchRequest, Question, Report } from '../../launcher-kit/contract.js';
import type { Holds } from '../../launcher-kit/holds.js';
import { rowsOf } from '../../launcher-kit/words.js';
import { limitOf } from './directives.js';
import { slurmState } from './states.js';

const split = (id: string): { bare: string; cluster: string[] } => {
  const [bare = '', cluster] = id.split(';');
  return { bare, cluster: cluster ? ['-M', cluster] : [] };
};
export const bareList = (ids: readonly string[]): string => ids.map((id) => split(id).bare).join(',');
const whole = (ids: readonly string[], bare: string): string =>
  ids.find((id) => split(id).bare === bare) ?? bare;

/** The words that lead to the cluster of jobs: none for the usual one. */
export const onCluster = (ids: readonly string[]): string[] => split(ids[0] ?? '').cluster;

/** Ids without their cluster. */
export const bareIds = (ids: readonly string[]): string[] => ids.map((id) => split(id).bare);

/** Suffixes instead of widths keep fields whole (squeue(1), --Format). */
const columns = ['ArrayJobID', 'ArrayTaskID', 'State', 'Reason', 'StartTime', 'RestartCnt', 'NodeList']
  .map((name) => `${name}:|`)
  .join(',');

/** How jobs are. */
export const squeue = (ids: readonly string[]): Question<Report[]> => ({
  argv: ['squeue', '-h', '-r', '-t', 'all', ...onCluster(ids), '-j', bareList(ids), '-O', columns],
  parse({ code, stdout, stderr }) {
    if (code !== 0) return /invalid job id/i.test(stderr) ? [] : undefined;
    return rowsOf(stdout, 7).map(
      ([id = '', element = '', word = '', reason = '', start = '', restarts = '', hosts = '']): Report => ({
        id: whole(ids, id),
        incarnation: Number(restarts) || 0,
        state: slurmState(word, reason, hosts),
        ...(/^\d+$/.test(element) && { element }),
        ...(/^\d{4}-/.test(start) && { start }),
      }),
    );
  },
});

/**
 * Asked only for what squeue has forgotten (MinJobAge); "Slurm accounting storage is disabled" is no answer.
 */
export const sacct = (ids: readonly string[]): Question<Report[]> => ({
  argv: [
    'sacct',
    '-X',
    '-n',
    '-P',
    ...onCluster(ids),
    '-j',
    bareList(ids),
    '-o',
    'JobID,State,ExitCode,NodeList',
  ],
  parse({ code, stdout }) {
    if (code !== 0) return undefined;
    return rowsOf(stdout, 4).flatMap(([id = '', word = '', exit = '', hosts = '']): Report[] => {
      const [, bare = '', element] = /^(\d+)(?:_(\d+))?$/.exec(id) ?? [];
      if (!bare) return [];
      const reason = word === 'FAILED' ? reasonOf(exit) : '';
      return [
        {
          id: whole(ids, bare),
          incarnation: 0,
          state: slurmState(word, reason, hosts),
          ...(element && { element }),
        },
      ];
    });
  },
});

/** Why a job failed, by `ExitCode`: its code, and the signal that ended it (sacct(1), "ExitCode"). */
function reasonOf(exit: string): string {
  const [code, signal] = exit.split(':').map(Number);
  return signal ? `killed by ${signalName(signal)}` : describeCode(code ?? 0);
}

/** Live jobs of this user whose names begin so. */
export const find = (names: string): Question<{ id: string; name: string }[]> => ({
  argv: ['squeue', '-h', '-u', userName(), '-o', '%A|%j'],
  parse({ code, stdout }) {
    if (code !== 0) return undefined;
    const rows = rowsOf(stdout, 2).map(([id = '', name = '']) => ({ id, name }));
    return rows.filter(
      ({ name }, index) => name.startsWith(names) && rows.findIndex((row) => row.name === name) === index,
    );
  },
});

/** Account, partition and limit of a job, as Slurm has them. */
export const holds = (id: string): Question<Holds> => ({
  argv: ['squeue', '-h', '-t', 'all', ...onCluster([id]), '-j', bareList([id]), '-o', '%a|%P|%l'],
  parse({ code, stdout }) {
    const [row] = code === 0 ? rowsOf(stdout, 3) : [];
    if (!row) return undefined;
    const [account = '', queue, limit = ''] = row;
    const seconds = Number.parseInt(limitOf(limit) ?? '', 10);
    return {
      queue,
      account: account === '(null)' ? undefined : account || undefined,
      time: seconds ? seconds * 1000 : undefined,
    };
  },
});

/** The processors of a usual node of the partition that a job is for: there are most of them. */
export const nodeSize = (request: BatchRequest): Question<number> => {
  const partition = partitionOf(request);
  const cluster = clusterOf(request.extra);
  return {
    argv: [
      'sinfo',
      '-h',
      '-N',
      ...(cluster === undefined ? [] : ['-M', cluster]),
      '-o',
      '%c %P',
      ...(partition === undefined ? [] : ['-p', partition]),
    ],
    parse({ code, stdout }) {
      // The default partition has a star.
      const rows = partition === undefined ? /^(\d+) .*\*$/gm : /^(\d+) \S+$/gm;
      const counts = new Map<number, number>();
      for (const [, size] of stdout.matchAll(rows))
        counts.set(Number(size), (counts.get(Number(size)) ?? 0) + 1);
      const [usual] = [...counts].sort(([, a], [, b]) => b - a);
      return code === 0 ? usual?.[0] : undefined;
    },
  };
};

/**
 * The partition that was named, by whatever way: after `--`, in a directive, by its word; the first has the
 * last word.
 */
function partitionOf({ extra, directives, resources }: BatchRequest): string | undefined {
  return valueAfter(extra, 'p', 'partition') ?? (directives['--partition'] || resources.queue);
}

/**
 * The cluster that was named after `--`, where it is one alone: of several, sbatch takes the one where it
 * starts first (sbatch(1), -M).
 */
function clusterOf(extra: readonly string[]): string | undefined {
  const named = valueAfter(extra, 'M', 'clusters?');
  return named !== undefined && /^[\w.-]+$/.test(named) && named !== 'all' ? named : undefined;
}

/** The last value of an option among words for sbatch, in any of its ways. `name`: a pattern. */
function valueAfter(extra: readonly string[], letter: string, name: string): string | undefined {
  const alone = new RegExp(`^(?:-${letter}|--${name})$`);
  const joined = new RegExp(`^(?:-${letter}|--${name}=)(.+)$`);
  const found = extra.flatMap((word, index) =>
    alone.test(word) ? (extra[index + 1] ?? []) : (joined.exec(word)?.[1] ?? []),
  );
  return found.at(-1);
}

/**
 * Most elements of an array: as many as MaxArraySize, and SchedulerParameters may say fewer (slurm.conf(5)).
 */
export const largestArray: Question<number> = {
  argv: ['scontrol', 'show', 'config'],
  parse({ code, stdout }) {
    const sizes = [/^MaxArraySize\s*=\s*(\d+)/m, /\bmax_array_tasks=(\d+)/].map((words) =>
      Number(words.exec(stdout)?.[1] ?? 0),
    );
    const known = sizes.filter((size) => size > 1);
    return code === 0 && known.length > 0 ? Math.min(...known) : undefined;
  },
};
