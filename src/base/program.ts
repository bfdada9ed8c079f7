import { explained, IpclusterError, isIpclusterError, messageOf } from './errors.js';
import { type LogLevel, logLevels } from './log.js';
import { LogFile } from './log-file.js';
import { guardProcess } from './signals.js';

/** Runs a program of ours to its end: errors become sentences and exit codes, never stacks. */
export function runProgram(name: string, main: () => Promise<void>): void {
  guardProcess();
  const fail = (thrown: unknown): never => endWith(name, thrown);
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  main().then(() => process.exit(0), fail);
}

/**
 * Ends a program because of that error: its last words are a sentence, and its exit code tells its job's
 * script.
 */
function endWith(name: string, thrown: unknown): never {
  const error = explained(thrown);
  new LogFile().write(`${name}: ${describeError(error, `${name} --help`)}`);
  process.exit(isIpclusterError(error) ? error.exitCode : 1);
}

/**
 * An error for people: what happened, what to try, which files to look at. `help` is the line that shows the
 * program's help.
 */
export function describeError(error: unknown, help = generalHelp): string {
  const lines = [messageOf(error)];
  if (isIpclusterError(error)) {
    for (const line of suggestionsOf(error, help)) lines.push(`  try: ${line}`);
    for (const file of error.files) lines.push(`  see: ${file}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The help that the catalogue names, which does not know in which program it is read. */
const generalHelp = 'ipcluster --help';

/** What to try, where advice to read the help names that of the program or command that was typed. */
export function suggestionsOf({ suggestions }: IpclusterError, help: string): string[] {
  return suggestions.map((line) => line.replace(`\`${generalHelp}\``, `\`${help}\``));
}

/** Reads `--log-level`; throws USAGE. */
export function readLogLevel(text: string): LogLevel {
  const level = logLevels.find((known) => known === text);
  if (!level)
    throw new IpclusterError(
      'USAGE',
      `--log-level is "${text}", but must be one of ${logLevels.join(', ')}.`,
    );
  return level;
}
