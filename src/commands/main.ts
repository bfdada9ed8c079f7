import './without-user.js';

import { run } from '@oclif/core';
import { explained, IpclusterError, isIpclusterError, messageOf } from '../base/errors.js';
import { packageRoot, packageVersion } from '../base/package.js';
import { describeError, suggestionsOf } from '../base/program.js';
import { guardProcess } from '../base/signals.js';
import { fromIpython } from '../config/ipython-flags.js';
import { type CommandLine, readCommandLine } from './command-words.js';
import { COMMANDS, flagsOf } from './commands.js';
import { exactWords, isReaderGone, leave, watchReader } from './pipes.js';
import { Interrupted, setRest } from './shared.js';
import { inPlace, rememberPlace } from './tips.js';
import { exitOf, explainUse, helpOf } from './wrong-use.js';

export { COMMANDS } from './commands.js';

/**
 * Runs the command line and ends the program: 0 done, 1 failed, 2 wrong use, 3 timed out, 4 nothing there,
 * 130 interrupted.
 */
export async function main(given: readonly string[]): Promise<void> {
  guardProcess();
  // oclif asks the list of users for it otherwise, and ends where this user is in none, as in some
  // containers.
  process.env['SHELL'] ||= '/bin/sh';
  watchReader();
  const argv = exactWords(given);
  const cut = argv.indexOf('--');
  const words = cut < 0 ? [...argv] : argv.slice(0, cut);
  setRest(cut < 0 ? undefined : argv.slice(cut + 1));
  rememberPlace(words, flagNames);
  let id: string | undefined;
  try {
    if (words[0] === '--version' || words[0] === '-V') {
      process.stdout.write(
        `ipcluster ${packageVersion()} (TypeScript, ${packageRoot()}), node ${process.version}\n`,
      );
    } else {
      const line = readCommandLine(words);
      id = line.id;
      await runCommand(line, cut >= 0);
    }
  } catch (error) {
    process.exitCode = report(explained(explainUse(error, id)), words.includes('--json'), helpOf(id));
  }
  await leave();
}

const flagNames = (id: string): string[] | undefined =>
  id in COMMANDS ? Object.keys(flagsOf(COMMANDS[id])) : undefined;

/** Commands that pass on what stands after `--`. */
const takingRest = new Set(['map', 'start', 'script', 'engines:add']);

/** Commands that IPython's ipcluster has too. */
const ofIpython = new Set(['start', 'stop', 'list', 'clean']);

/** The words of a command, where they may be IPython's. Throws USAGE for what is not done here. */
function ownWords(id: string, words: readonly string[]): string[] {
  if (!ofIpython.has(id)) return [...words];
  const { argv, ignored, variables } = fromIpython(words, 'ipcluster');
  Object.assign(process.env, variables);
  for (const flag of ignored) process.stderr.write(`ipcluster: ${flag} means nothing here and is ignored\n`);
  return argv;
}

/** Runs a command, or prints its help. Throws USAGE where it takes no `--`. */
async function runCommand({ id, rest }: CommandLine, hasRest: boolean): Promise<void> {
  const command = id === undefined ? undefined : COMMANDS[id];
  if (!command || rest.includes('--help'))
    return void (await run([...(id?.split(':') ?? []), '--help'], { root: packageRoot() }));
  if (hasRest && !takingRest.has(id as string))
    throw new IpclusterError('USAGE', `\`ipcluster ${id?.replace(':', ' ')}\` takes nothing after --.`);
  command.id = id as string;
  const words = ownWords(id as string, rest);
  rememberPlace(words, flagNames);
  await command.run(words, { root: packageRoot() });
}

/**
 * Prints why it did not work, as a sentence or as JSON, and answers the exit code. `help` is the line that
 * shows the command's help.
 */
function report(error: unknown, json: boolean, help: string): number {
  if (error instanceof Interrupted) {
    if (error.message && !isReaderGone()) process.stderr.write(`ipcluster: ${error.message}\n`);
    return 130;
  }
  const exit = exitOf(error);
  if (exit === 0) return 0;
  if (json) {
    const unknown = { code: exit === undefined ? 'INTERNAL' : 'USAGE', suggestions: [], files: [] };
    const { code, files } = isIpclusterError(error) ? error : unknown;
    const suggestions = isIpclusterError(error) ? suggestionsOf(error, help).map(inPlace) : [];
    const verdict = isIpclusterError(error) ? error.verdict : undefined;
    process.stdout.write(
      `${JSON.stringify({ error: { code, message: messageOf(error), verdict, suggestions, files } })}\n`,
    );
  } else {
    process.stderr.write(`ipcluster: ${inPlace(describeError(error, help))}`);
  }
  return isIpclusterError(error) ? error.exitCode : (exit ?? 1);
}
