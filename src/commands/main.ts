import './without-user.js';

import { run } from '@oclif/core';
import { explained, IpclusterError, isIpclusterError, messageOf } from '../base/errors.js';
import { packageRoot, packageVersion } from '../base/package.js';
import { describeError } from '../base/program.js';
import { guardProcess } from '../base/signals.js';
import { fromIpython } from '../config/ipython-flags.js';
import { COMMANDS } from './commands.js';
import { exactWords, isReaderGone, leave, watchReader } from './pipes.js';
import { Interrupted, setRest } from './shared.js';

export { COMMANDS } from './commands.js';

/** Runs the command line and ends the program: 0 done, 1 failed, 2 wrong use, 3 timed out, 4 nothing there, 130 interrupted. */
export async function main(given: readonly string[]): Promise<void> {
  guardProcess();
  // oclif asks the list of users for it otherwise, and ends where this user is in none, as in some containers.
  process.env['SHELL'] ||= '/bin/sh';
  watchReader();
  const argv = exactWords(given);
  const cut = argv.indexOf('--');
  const words = cut < 0 ? [...argv] : argv.slice(0, cut);
  setRest(cut < 0 ? undefined : argv.slice(cut + 1));
  try {
    if (words[0] === '--version' || words[0] === '-V') {
      process.stdout.write(`ipcluster ${packageVersion()} (TypeScript, ${packageRoot()}), node ${process.version}\n`);
    } else {
      await run(ownWords(await checkCommand(words, cut >= 0)), { root: packageRoot() });
    }
  } catch (error) {
    process.exitCode = report(explained(error), words.includes('--json'));
  }
  await leave();
}

/** Commands that pass on what stands after `--`. */
const takingRest = new Set(['map', 'start', 'script', 'engines:add']);

/** Words that stand before a command's own. */
const topics = new Set(Object.keys(COMMANDS).flatMap((id) => (id.includes(':') ? [id.split(':')[0] as string] : [])));

/** Commands that IPython's ipcluster has too. */
const ofIpython = new Set(['start', 'stop', 'list', 'clean']);

/** The words of a command, where they may be IPython's. Throws USAGE for what is not done here. */
function ownWords(words: readonly string[]): string[] {
  if (!ofIpython.has(words[0] ?? '')) return [...words];
  const { argv, ignored, variables } = fromIpython(words, 'ipcluster');
  Object.assign(process.env, variables);
  for (const flag of ignored) process.stderr.write(`ipcluster: ${flag} means nothing here and is ignored\n`);
  return argv;
}

/** `ipcluster -n 4` means `ipcluster start -n 4`. Throws USAGE for a command that there is not, or that takes no `--`. */
async function checkCommand(words: readonly string[], hasRest: boolean): Promise<string[]> {
  const [first, second] = words;
  const help = first === undefined || first === '--help' || first === '-h' || first === 'help';
  if (help) return first === undefined || first === '-h' ? ['--help'] : [...words];
  if (first.startsWith('-')) return ['start', ...words];
  if (first === 'engines' && (second === undefined || /^-(?!h$|-help$)/.test(second)))
    throw new IpclusterError('USAGE', 'What is to be done with engines? IPython starts some by this command.', {
      suggestions: [
        'Here: `ipcluster engines add -n N`.',
        'One for each task of srun or mpirun: `srun ipengine`.',
        'See `ipcluster engines --help`.',
      ],
    });
  const isTopic = topics.has(first);
  if (isTopic && (second === undefined || second.startsWith('-'))) return [...words];
  const id = isTopic ? `${first}:${second}` : first;
  if (!(id in COMMANDS)) {
    throw new IpclusterError('USAGE', `There is no command "${id.replace(':', ' ')}".`, {
      suggestions: ['See `ipcluster --help`.'],
    });
  }
  if (hasRest && !takingRest.has(id)) {
    throw new IpclusterError('USAGE', `\`ipcluster ${id.replace(':', ' ')}\` takes nothing after --.`);
  }
  return [...words];
}

/** Prints why it did not work, as a sentence or as JSON, and answers the exit code. */
function report(error: unknown, json: boolean): number {
  if (error instanceof Interrupted) {
    if (error.message && !isReaderGone()) process.stderr.write(`ipcluster: ${error.message}\n`);
    return 130;
  }
  const exit = (error as { oclif?: { exit?: number } }).oclif?.exit;
  // oclif ends --help by throwing an exit of 0.
  if (exit === 0) return 0;
  if (json) {
    const unknown = { code: exit === undefined ? 'INTERNAL' : 'USAGE', suggestions: [], files: [] };
    const { code, suggestions, files } = isIpclusterError(error) ? error : unknown;
    const verdict = isIpclusterError(error) ? error.verdict : undefined;
    process.stdout.write(`${JSON.stringify({ error: { code, message: messageOf(error), verdict, suggestions, files } })}\n`);
  } else {
    process.stderr.write(`ipcluster: ${describeError(error)}`);
  }
  return isIpclusterError(error) ? error.exitCode : (exit ?? 1);
}
