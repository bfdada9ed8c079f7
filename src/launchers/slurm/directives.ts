import { dirname } from 'node:path';
import { IpclusterError } from '../../base/errors.js';
import type { BatchView, Directive } from '../../launcher-kit/contract.js';
import { clockOf, megabytesOf } from '../../launcher-kit/words.js';

/** What a job is asked for with. */
export function directives({
  name,
  comment,
  count,
  request,
  layout,
  range,
  stdout,
  stderr,
}: BatchView): Directive[] {
  const { nodes, cpusPerTask, memory, gpus, time, queue, account, qos, constraint } = request.resources;
  const { perPart } = layout;
  const lines: (Directive | undefined)[] = [
    ['--job-name', name],
    ['--comment', comment],
    ['--output', pattern(stdout)],
    ['--error', pattern(stderr)],
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

/**
 * A path as a pattern of sbatch's that means just that. Throws USAGE for a backslash, which such a pattern
 * cannot say (sbatch(1)).
 */
function pattern(path: string): string {
  if (!path.includes('\\')) return path.replaceAll('%', '%%');
  throw new IpclusterError(
    'USAGE',
    `Slurm writes no output into a folder with a backslash in its name: ${dirname(path)}.`,
    {
      suggestions: ['Another folder: `--work-dir`.'],
    },
  );
}

/** A directive as a line of the script, after its prefix. */
export const formatDirective = ([option, value]: Directive): string =>
  value === ''
    ? option
    : `${option}=${/[\s"'\\]/.test(value) ? `"${value.replaceAll(/["\\]/g, '\\$&')}"` : value}`;

/**
 * What only the script says: no variable of the user's reaches sbatch that says otherwise (see
 * tool-environment).
 */
const scriptOnly =
  /^--(job-name|comment|output|error|open-mode|no-requeue|no-kill|array|ntasks|nodes|ntasks-per-node|cpus-per-task)$/;

/**
 * The directives as options of sbatch, where a variable of the user's could say otherwise: options go before
 * SBATCH_ variables, and these before lines of the script (sbatch(1), "INPUT ENVIRONMENT VARIABLES"). `extra`
 * are options of the user's that come after them and win; of memory there may be one option only, or sbatch
 * takes none.
 */
export function commandOptions(said: readonly Directive[], extra: readonly string[]): string[] {
  const ownMemory = extra.some((word) => word.startsWith('--mem'));
  return said
    .filter(
      ([option]) =>
        option.startsWith('--') && !scriptOnly.test(option) && !(ownMemory && option.startsWith('--mem')),
    )
    .map(([option, value]) => (value === '' ? option : `${option}=${value}`));
}

/**
 * The user's own defaults for sbatch, as settings of ours by their keys: they hold where nobody says
 * otherwise, and are told with what is asked for.
 */
export function userDefaults(env: NodeJS.ProcessEnv): Record<string, string> {
  const named = { partition: 'PARTITION', account: 'ACCOUNT', qos: 'QOS', constraint: 'CONSTRAINT' };
  const found = Object.entries(named).map(([key, variable]) => [key, env[`SBATCH_${variable}`]] as const);
  const time = limitOf(env['SBATCH_TIMELIMIT'] ?? '');
  const all = [...found, ['time', time] as const];
  return Object.fromEntries(all.filter((entry): entry is [string, string] => Boolean(entry[1])));
}

/**
 * A limit as sbatch reads it (M, M:S, H:M:S, D-H, D-H:M, D-H:M:S) in seconds, with the unit; undefined where
 * it is none, or without end: what may cost without end has to be asked for.
 */
export function limitOf(text: string): string | undefined {
  const match = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/.exec(text.trim());
  if (!match) return undefined;
  const [, days, ...parts] = match;
  const [first = 0, second = 0, third = 0] = parts.filter((part) => part !== undefined).map(Number);
  const ofHours = days !== undefined || parts[2] !== undefined;
  const seconds = ofHours
    ? Number(days ?? 0) * 86_400 + first * 3600 + second * 60 + third
    : first * 60 + second;
  return seconds > 0 ? `${seconds}s` : undefined;
}
