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

/** The log of a task farm: a line for each run that has ended, in GNU parallel's format, so that its tools can read it. */
export class JobLog {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Opens the log. With `resume` it goes on with an earlier one and answers the numbers that succeeded; otherwise an earlier one
   * is replaced. Throws JOB_LOG when it cannot be used, or when it is of other commands.
   */
  static open(
    path: string,
    resume: boolean,
    commandOf: (number: number) => string | undefined,
  ): { log: JobLog; succeeded: Set<number> } {
    try {
      const earlier = resume && existsSync(path) ? readFileSync(path) : undefined;
      const whole = earlier?.subarray(0, earlier.lastIndexOf(10) + 1);
      // A last line without its end was being written when the writer died: it does not count, and the next must not follow it.
      if (!whole?.length) writeFileSync(path, heading);
      else if (whole.length < (earlier?.length ?? 0)) truncateSync(path, whole.length);
      return { log: new JobLog(path), succeeded: whole ? readSucceeded(whole, path, commandOf) : new Set() };
    } catch (error) {
      if (error instanceof IpclusterError) throw error;
      throw new IpclusterError('JOB_LOG', `The job log cannot be used: ${messageOf(error)}`, { files: [path], cause: error });
    }
  }

  add({ number, host, start, runTime, sent, received, exitCode, signal, command }: JobLogLine): void {
    const fields = [number, host, start.toFixed(3), runTime.toFixed(3), sent, received, exitCode, signal, oneLine(command)];
    appendFileSync(this.#path, toBytes(`${fields.join('\t')}\n`));
  }
}

const oneLine = (command: string): string => command.replaceAll('\n', ' ');

function readSucceeded(log: Buffer, path: string, commandOf: (number: number) => string | undefined): Set<number> {
  const succeeded = new Set<number>();
  for (const line of splitBytes(log, 10).slice(1).map(fromBytes)) {
    const [number, , , , , , exitCode, signal, ...command] = line.split('\t');
    if (number === undefined || exitCode === undefined) continue;
    const expected = commandOf(Number(number));
    if (expected !== undefined && oneLine(expected) !== command.join('\t')) {
      throw new IpclusterError('JOB_LOG', `Line ${number} of the job log is of another run: it has "${command.join(' ')}".`, {
        files: [path],
      });
    }
    if (exitCode === '0' && signal === '0') succeeded.add(Number(number));
  }
  return succeeded;
}
