import { constants } from 'node:os';
import { IpclusterError } from '../../base/errors.js';
import { quoteCommand, toBytes } from '../../base/shell.js';
import { deferred } from '../../base/wait.js';
import type { AsyncResult } from '../../client/async-result.js';
import type { BalancedView } from '../../client/balanced-view.js';
import type { CommandResult } from '../../protocol/messages.js';
import type { JobLog, JobLogLine } from './job-log.js';
import { type CommandTemplate, fillTemplate } from './template.js';

/** One input and what became of it. */
export interface FarmItem {
  number: number;
  input: string;
  result?: CommandResult;
  /** Why there is no result. */
  error?: string;
}

export interface FarmOptions {
  view: BalancedView;
  template: CommandTemplate;
  inputs: readonly string[];
  /** Numbers, from 1, that need not run again. */
  skip: ReadonlySet<number>;
  retries: number;
  timeLimit: number | undefined;
  env: Record<string, string>;
  cwd: string;
  /**
   * Tasks that are under way at once: enough to keep every engine busy, few enough for any number of inputs.
   */
  width: number;
  log: JobLog | undefined;
  signal: AbortSignal;
  /** True when output is wanted as bytes, all of it. */
  bytes: boolean;
  /** The next run waits for this. */
  onEnd: (item: FarmItem) => Promise<void>;
}

/** How a farm went. */
export interface FarmOutcome {
  done: number;
  failed: number;
  /** Runs whose output is not all there. */
  cut: number;
  interrupted: boolean;
}

/** What a run wrote, as bytes. */
export function outputOf(result: CommandResult, name: 'stdout' | 'stderr'): Uint8Array {
  return (name === 'stdout' ? result.stdoutBytes : result.stderrBytes) ?? Buffer.from(result[name]);
}

/** A run that succeeded. */
export const isGood = ({ result }: FarmItem): boolean => result?.exitCode === 0 && !result.timedOut;

/**
 * Runs the command for every input on free engines. After an interruption its own tasks are cancelled and no
 * new ones sent.
 */
export async function runFarm(options: FarmOptions): Promise<FarmOutcome> {
  const { inputs, skip, width, signal, retries } = options;
  const outcome: FarmOutcome = { done: 0, failed: 0, cut: 0, interrupted: false };
  const underWay = new Set<AsyncResult<CommandResult>>();
  const numbers = inputs.map((_input, index) => index + 1).filter((number) => !skip.has(number));
  let next = 0;
  let active = 0;
  const idle = deferred<void>();

  const run = async (number: number): Promise<void> => {
    const item: FarmItem = { number, input: inputs[number - 1] ?? '' };
    for (let tries = 0; tries <= retries && !signal.aborted; tries++) {
      await runOnce(options, item, underWay);
      if (isGood(item)) break;
    }
    if (signal.aborted && !isGood(item)) return;
    outcome.done += 1;
    if (!isGood(item)) outcome.failed += 1;
    if (item.result?.truncated) outcome.cut += 1;
    await options.onEnd(item);
  };
  const fill = (): void => {
    while (active < width && next < numbers.length && !signal.aborted) {
      const number = numbers[next++] as number;
      active += 1;
      void run(number).then(ended, idle.reject);
    }
    if (active === 0 && (next === numbers.length || signal.aborted)) idle.resolve();
  };
  const ended = (): void => {
    active -= 1;
    fill();
  };
  const interrupt = async (): Promise<void> => {
    outcome.interrupted = true;
    await Promise.all([...underWay].map((result) => result.cancel().catch(() => {})));
    fill();
  };
  signal.addEventListener('abort', () => void interrupt(), { once: true });
  fill();
  await idle.promise;
  return outcome;
}

async function runOnce(
  options: FarmOptions,
  item: FarmItem,
  underWay: Set<AsyncResult<CommandResult>>,
): Promise<void> {
  const { view, template, env, cwd, timeLimit, log } = options;
  const argv = fillTemplate(template, item.input, item.number);
  const result = view.command(argv, {
    cwd,
    env,
    stream: false,
    bytes: options.bytes,
    ...(timeLimit === undefined ? {} : { timeLimit }),
  });
  underWay.add(result);
  const start = Date.now() / 1000;
  try {
    item.result = await result;
    delete item.error;
    log?.add(logLine(item.number, argv, item.result));
  } catch (error) {
    if (!(error instanceof IpclusterError)) throw error;
    delete item.result;
    item.error = error.message;
    if (error.code === 'TASK_ABORTED') return;
    log?.add({
      number: item.number,
      host: '-',
      start,
      runTime: 0,
      sent: 0,
      received: 0,
      exitCode: -1,
      signal: 0,
      command: quoteCommand(argv),
    });
  } finally {
    underWay.delete(result);
  }
}

/**
 * What a run is in a job log: where and when it ran, the bytes of the command that went there, and of its
 * output that came back.
 */
export function logLine(number: number, argv: readonly string[], result: CommandResult): JobLogLine {
  const { exitCode, signal, timedOut, runTime, started, host } = result;
  return {
    number,
    host,
    start: started / 1000,
    runTime: runTime / 1000,
    sent: argv.reduce((sum, word) => sum + toBytes(word).length, 0),
    received: outputOf(result, 'stdout').length + outputOf(result, 'stderr').length,
    exitCode: timedOut ? -1 : (exitCode ?? 0),
    signal: signalNumber(signal),
    command: quoteCommand(argv),
  };
}

const signalNumber = (name: string | null): number =>
  name === null ? 0 : (constants.signals[name as NodeJS.Signals] ?? -1);

/** The command of a number as the job log has it. */
export const commandText = (template: CommandTemplate, input: string, number: number): string =>
  quoteCommand(fillTemplate(template, input, number));
