import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { isFolder } from '../base/current-folder.js';
import { IpclusterError, isIpclusterError, isShortage, messageOf, systemFault } from '../base/errors.js';
import { Timer } from '../base/timer.js';
import { oomScores } from './environment.js';
import { spawnProcess } from './spawn.js';
import { signalPid } from './table.js';

/** A shell task to run, and who hears of its output as it comes. */
export interface CommandOptions {
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd?: string | undefined;
  input?: string | undefined;
  /** Milliseconds; the whole group is killed after that. 0 is no limit. */
  timeLimit?: number | undefined;
  stdoutFile?: string | undefined;
  stderrFile?: string | undefined;
  /** Takes output as it comes; nothing more is read before a promise of it has settled. */
  onOutput: (name: 'stdout' | 'stderr', bytes: Buffer) => Promise<void> | undefined;
}

export interface CommandEnd {
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
}

export interface RunningCommand<End = CommandEnd> {
  ended: Promise<End>;
  /** Ends the whole group: SIGTERM, and SIGKILL for what is left after two seconds. */
  stop(): void;
}

/** Calls after a command's limit of time; undefined where it has none. */
export function limitTime(limit: number | undefined, act: () => void): Timer | undefined {
  return limit ? new Timer(limit, act).unref() : undefined;
}

/**
 * Starts a command in its own process group. It ends with its own process: what that leaves running goes on,
 * and whatever it writes then is nobody's. `ended` rejects with USAGE when it cannot be started, and with
 * SYSTEM when the system has no more processes or descriptors for it.
 */
export function startCommand(options: CommandOptions): RunningCommand {
  let child: ChildProcess | undefined;
  let [stopped, timedOut] = [false, false];
  let hardStop: NodeJS.Timeout | undefined;
  const signalGroup = (signal: NodeJS.Signals): void => {
    if (child?.pid !== undefined) signalPid(-child.pid, signal);
  };
  const stop = (): void => {
    if (hardStop) return;
    stopped = true;
    signalGroup('SIGTERM');
    hardStop = setTimeout(() => signalGroup('SIGKILL'), 2000);
  };
  const limit = limitTime(options.timeLimit, () => {
    timedOut = true;
    stop();
  });
  const run = async (): Promise<CommandEnd> => {
    child = await startChild(options);
    const exited = exitOf(child);
    const outputs = readOutputs(child, options.onOutput);
    if (stopped) signalGroup('SIGTERM');
    const end = await exited;
    await Promise.all(outputs.map((output) => output.rest()));
    return { ...end, timedOut };
  };
  const ended = run().finally(() => {
    limit?.end();
    // What a command that was stopped has left in its group goes with it.
    if (hardStop) signalGroup('SIGKILL');
    clearTimeout(hardStop);
  });
  return { ended, stop };
}

async function startChild({
  argv,
  env,
  cwd,
  input,
  stdoutFile,
  stderrFile,
}: CommandOptions): Promise<ChildProcess> {
  // The system's own word for it names the program.
  if (cwd !== undefined && !isFolder(cwd))
    throw new IpclusterError('USAGE', `The command ${argv[0]} cannot be started: there is no folder ${cwd}`);
  const files: number[] = [];
  const output = (path: string | undefined): number | 'pipe' => {
    if (path === undefined) return 'pipe';
    files.push(openSync(path, 'w', 0o666));
    return files.at(-1) as number;
  };
  try {
    const stdio = [
      input === undefined ? ('ignore' as const) : ('pipe' as const),
      output(stdoutFile),
      output(stderrFile),
    ];
    const { task: oomScore } = oomScores;
    const child = await spawnProcess(argv, { env, detached: true, oomScore, stdio, ...(cwd ? { cwd } : {}) });
    // A command may end without reading its input; that is its choice, not a failure.
    child.stdin?.on('error', () => {}).end(input);
    return child;
  } catch (cause) {
    if (isIpclusterError(cause)) throw cause;
    if (isShortage(cause)) throw systemFault(`${argv[0]} cannot be started`, cause);
    throw new IpclusterError('USAGE', `The command ${argv[0]} cannot be started: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    for (const file of files) closeSync(file);
  }
}

const exitOf = (child: ChildProcess): Promise<Omit<CommandEnd, 'timedOut'>> =>
  new Promise((resolve) => child.once('exit', (exitCode, signal) => resolve({ exitCode, signal })));

function readOutputs(child: ChildProcess, onOutput: CommandOptions['onOutput']): PipedOutput[] {
  const outputs: PipedOutput[] = [];
  if (child.stdout) outputs.push(new PipedOutput(child.stdout, (bytes) => onOutput('stdout', bytes)));
  if (child.stderr) outputs.push(new PipedOutput(child.stderr, (bytes) => onOutput('stderr', bytes)));
  return outputs;
}

/**
 * More than a pipe can hold: what comes beyond it after a command's end was written by what it has left
 * running (bytes).
 */
const mostInPipe = 1024 * 1024;

/** Output that comes through a pipe. */
class PipedOutput {
  readonly #stream: Readable;
  #isOver = false;
  #held = false;
  #bytes = 0;

  constructor(stream: Readable, take: (bytes: Buffer) => Promise<void> | undefined) {
    this.#stream = stream;
    stream.on('error', () => {});
    stream.once('close', () => {
      this.#isOver = true;
    });
    stream.on('data', (bytes: Buffer) => {
      if (this.#isOver) return;
      this.#bytes += bytes.length;
      const busy = take(bytes);
      if (!busy) return;
      this.#held = true;
      stream.pause();
      void busy.finally(() => {
        this.#held = false;
        stream.resume();
      });
    });
  }

  /**
   * The command has ended: takes what it left in the pipe. A turn of the loop in which nothing comes says
   * that it is empty.
   */
  async rest(): Promise<void> {
    const most = this.#bytes + mostInPipe;
    for (let before = -1; !this.#isOver && this.#bytes < most && (this.#held || before !== this.#bytes); ) {
      before = this.#bytes;
      await turn(this.#held);
    }
    // Whoever still writes is read, so that it neither waits nor dies of it, but nobody hears it.
    this.#isOver = true;
    (this.#stream as Readable & { unref?: () => void }).unref?.();
  }
}

/** Two turns of the event loop: the pipe was looked at between them. */
const turn = (slowly: boolean): Promise<void> =>
  new Promise((resolve) => {
    if (slowly) setTimeout(resolve, 5);
    else setImmediate(() => setImmediate(resolve));
  });
