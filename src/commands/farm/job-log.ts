import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { IpclusterError, messageOf } from '../../base/errors.js';
import { fromBytes, toBytes } from '../../base/shell.js';
import { splitBytes } from '../pipes.js';

/** One ended run, in GNU parallel's columns. */
export interface JobLogLine {
  number: number;
  host: string;
  /** Seconds since the epoch. */
  start: number;
  /** Seconds. */
  runTime: number;
  sent: number;
  received: number;
  exitCode: number;
  signal: number;
  command: string;
}

const heading = 'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n';

/**
 * The log of a task farm: a line for each run that has ended, in GNU parallel's format, so that its tools can
 * read it.
 */
export class JobLog {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Opens the log. With `resume` it goes on with an earlier one and answers the numbers that succeeded;
   * otherwise an earlier one is replaced. Throws JOB_LOG when it cannot be used, or when it is of other
   * commands.
   */
  static open(
    path: string,
    resume: boolean,
    commandOf: (number: number) => string | undefined,
  ): { log: JobLog; succeeded: Set<number> } {
    try {
      const earlier = resume && existsSync(path) ? readFileSync(path) : undefined;
      const whole = earlier?.subarray(0, earlier.lastIndexOf(10) + 1);
      // A last line without its end was being written when the writer died: it does not count, and the next
      // must not follow it.
      if (!whole?.length) writeFileSync(path, heading);
      else if (whole.length < (earlier?.length ?? 0)) truncateSync(path, whole.length);
      return { log: new JobLog(path), succeeded: whole ? readSucceeded(whole, path, commandOf) : new Set() };
    } catch (error) {
      if (error instanceof IpclusterError) throw error;
      throw new IpclusterError('JOB_LOG', `The job log cannot be used: ${messageOf(error)}`, {
        files: [path],
        cause: error,
      });
    }
  }

  add({ number, host, start, runTime, sent, received, exitCode, signal, command }: JobLogLine): void {
    const fields = [
      number,
      host,
      start.toFixed(3),
      runTime.toFixed(3),
      sent,
      received,
      exitCode,
      signal,
      oneLine(command),
    ];
    appendFileSync(this.#path, toBytes(`${fields.join('\t')}\n`));
  }
}

const oneLine = (command: string): string => command.replaceAll('\n', ' ');

/**
 * The numbers that have succeeded. A line counts for the input that makes its command, whatever its number is
 * by now: files may have come and gone since. Throws JOB_LOG where no line is of these inputs.
 */
function readSucceeded(
  log: Buffer,
  path: string,
  commandOf: (number: number) => string | undefined,
): Set<number> {
  const succeeded = new Set<number>();
  const lines = splitBytes(log, 10)
    .slice(1)
    .map(fromBytes)
    .map(readLine)
    .filter((line) => line !== undefined);
  const numbers = lines.some(({ number, command }) => textOf(commandOf(number)) !== command)
    ? byCommand(commandOf)
    : undefined;
  let matched = 0;
  for (const { number, good, command } of lines) {
    const all = textOf(commandOf(number)) === command ? [number] : (numbers?.get(command) ?? []);
    matched += all.length;
    // The same input may stand there twice: each line is for one of them.
    const free = all.find((candidate) => !succeeded.has(candidate));
    if (good && free !== undefined) succeeded.add(free);
  }
  const [first] = lines;
  if (first && matched === 0 && commandOf(1) !== undefined)
    throw new IpclusterError(
      'JOB_LOG',
      `The job log is of another run: it has "${first.command}", but no input makes that.`,
      {
        files: [path],
      },
    );
  return succeeded;
}

const textOf = (command: string | undefined): string | undefined => command && oneLine(command);

function readLine(line: string): { number: number; good: boolean; command: string } | undefined {
  const [number, , , , , , exitCode, signal, ...command] = line.split('\t');
  if (number === undefined || exitCode === undefined) return undefined;
  return { number: Number(number), good: exitCode === '0' && signal === '0', command: command.join('\t') };
}

/** Which inputs make a command. */
function byCommand(commandOf: (number: number) => string | undefined): Map<string, number[]> {
  const numbers = new Map<string, number[]>();
  for (let number = 1; ; number++) {
    const command = textOf(commandOf(number));
    if (command === undefined) return numbers;
    const known = numbers.get(command);
    if (known) known.push(number);
    else numbers.set(command, [number]);
  }
}
