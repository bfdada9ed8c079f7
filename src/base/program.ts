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

/** Ends a program because of that error: its last words are a sentence, and its exit code tells its job's script. */
function endWith(name: string, thrown: unknown): never {
  const error = explained(thrown);
  new LogFile().write(`${name}: ${describeError(error)}`);
  process.exit(isIpclusterError(error) ? error.exitCode : 1);
}

/** An error for people: what happened, what to try, which files to look at. */
export function describeError(error: unknown): string {
  const lines = [messageOf(error)];
  if (isIpclusterError(error)) {
    for (const line of error.suggestions) lines.push(`  try: ${line}`);
    for (const file of error.files) lines.push(`  see: ${file}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Reads `--log-level`; throws USAGE. */
export function readLogLevel(text: string): LogLevel {
  const level = logLevels.find((known) => known === text);
  if (!level) throw new IpclusterError('USAGE', `--log-level is "${text}", but must be one of ${logLevels.join(', ')}.`);
  return level;
}
