import { dirname } from 'node:path';
import { IpclusterError } from '../../base/errors.js';
import type { BatchView, Directive } from '../../launcher-kit/contract.js';
import { isPlainPath, oneWord } from '../../launcher-kit/one-word.js';
import { clockOf, megabytesOf } from '../../launcher-kit/words.js';
import { type RequestWord, valuesOf } from './request-files.js';

/** Options of the launcher. */
export interface Options {
  pe?: string | undefined;
  gpu: string;
  account: 'account' | 'project';
}

/** Slots beyond one need a parallel environment, and its name is the site's (qconf -spl). */
function slots({ count, request, layout }: BatchView, pe: string | undefined): Directive[] {
  const { cpusPerTask = 1 } = request.resources;
  const engines = request.single ? 1 : layout.shape === 'array' ? (layout.perPart ?? 1) : count;
  const wanted = engines * (request.single ? 1 : cpusPerTask);
  if (wanted === 1) return [];
  if (pe) return [['-pe', `${oneWord('-o pe', pe)} ${wanted}`]];
  throw new IpclusterError(
    'RESOURCES',
    `${wanted} slots for one job need a parallel environment, and this Grid Engine's names are its own.`,
    {
      suggestions: [
        'See them: `qconf -spl`; name one: `-o pe=NAME`.',
        'Ask for single slots: `--shape array` without --cpus-per-task and --ntasks-per-node.',
      ],
    },
  );
}

/** Where Grid Engine writes what it has to say itself. */
const outputOf = (stdout: string): string => stdout.replace(/stdout$/, 'scheduler');

/**
 * What a job is asked for with. Throws RESOURCES where it cannot be had, USAGE for what qsub would take for
 * something else.
 */
export function directives(view: BatchView, { pe, gpu, account }: Options): Directive[] {
  const { name, request, range, stdout } = view;
  const { time, queue, memory, gpus, cpusPerTask = 1, account: payer } = request.resources;
  refuseVariables(stdout);
  return [
    ['-N', name],
    ['-S', '/bin/bash'],
    ['-j', 'y'],
    ['-o', outputOf(stdout)],
    ['-r', 'n'],
    ...slots(view, pe),
    ...(time ? [['-l h_rt', clockOf(time)] as const] : []),
    ...(memory ? [['-l h_vmem', `${megabytesOf(memory / cpusPerTask)}M`] as const] : []),
    ...(gpus ? [[`-l ${gpu}`, String(gpus)] as const] : []),
    ...(queue ? [['-q', oneWord('--partition', queue)] as const] : []),
    ...(payer ? [[account === 'project' ? '-P' : '-A', oneWord('--account', payer)] as const] : []),
    ...(range ? [['-t', `${range.first}-${range.last}`] as const] : []),
  ];
}

/**
 * Words that Grid Engine replaces in paths, in the middle of a name as well, and that nothing protects
 * (qsub(1), -o and -wd).
 */
const variable = /\$(HOME|USER|JOB_ID|JOB_NAME|HOSTNAME|TASK_ID)/;

function refuseVariables(path: string): void {
  const word = variable.exec(path)?.[0];
  if (word === undefined) return;
  throw new IpclusterError('USAGE', `Grid Engine puts a value in the place of ${word} in ${dirname(path)}.`, {
    suggestions: ['Another folder: `--work-dir`.'],
  });
}

/** A path that a line can say: `$` and `%` have no meaning there, `:` and commas have. */
const fitsLine = (path: string): boolean => isPlainPath(path.replaceAll(/[$%]/g, ''));
const isOurOutput = ([option, value]: Directive): boolean => option === '-o' && value.endsWith('/scheduler');

/** A directive as a line of the script; undefined for one that only the command line can say. */
export function formatDirective(directive: Directive): string | undefined {
  const [option, value] = directive;
  if (isOurOutput(directive) && !fitsLine(value)) return undefined;
  return value === '' ? option : option.startsWith('-l ') ? `${option}=${value}` : `${option} ${value}`;
}

/**
 * The output's path as words of a command: a host may stand before a colon, and commas part several paths.
 */
function outputWords(said: readonly Directive[]): string[] {
  const path = said.find((directive) => isOurOutput(directive) && !fitsLine(directive[1]))?.[1];
  if (path === undefined) return [];
  return path.includes(',') ? ['-wd', dirname(path), '-o', 'scheduler'] : ['-o', `:${path}`];
}

/**
 * Words for qsub that take back what request files say of how it works, not of what is asked for: the script
 * is a script, and qsub does not wait for a slot. Throws CONFIG for a word that nothing takes back.
 */
export function commandWords(said: readonly Directive[], words: readonly RequestWord[]): string[] {
  const verify = words.find(({ word }) => word === '-verify');
  if (verify)
    throw new IpclusterError(
      'CONFIG',
      'qsub takes no job while `-verify` is among its defaults, and no option takes that back.',
      {
        files: [verify.file],
        suggestions: [`Remove it from ${verify.file}.`],
      },
    );
  const onlyLooks = /^[vp]$/.test(valuesOf(words, '-w').at(-1)?.value ?? '');
  const makesArray = words.some(({ word }) => word === '-t') && !said.some(([option]) => option === '-t');
  return [
    '-b',
    'n',
    '-now',
    'n',
    ...(onlyLooks ? ['-w', 'n'] : []),
    ...(makesArray ? ['-t', '1'] : []),
    ...outputWords(said),
  ];
}

/**
 * True where qsub would wait for the end of the job: neither `-sync n` nor `-clear` takes that back (Grid
 * Engine 8.1.9).
 */
export function waitsForEnd(words: readonly RequestWord[], extra: readonly string[]): boolean {
  const own = extra.map((word) => ({ word, file: '' }));
  return [...valuesOf(words, '-sync'), ...valuesOf(own, '-sync')].some(({ value }) => /^y/i.test(value));
}
