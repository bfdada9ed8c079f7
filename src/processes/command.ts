import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { IpclusterError, messageOf } from '../base/errors.js';
import { Timer } from '../base/timer.js';
import { oomScores, setOomScore } from './environment.js';
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
  onOutput: (name: 'stdout' | 'stderr', text: string) => void;
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

/** Starts a command in its own process group. `ended` rejects with USAGE when it cannot be started. */
export function startCommand(options: CommandOptions): RunningCommand {
  const [program = '', ...rest] = options.argv;
  const files = { stdout: openOutput(options.stdoutFile), stderr: openOutput(options.stderrFile) };
  const child = spawn(program, rest, {
    env: options.env,
    detached: true,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', files.stdout ?? 'pipe', files.stderr ?? 'pipe'],
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  if (child.pid !== undefined) setOomScore(child.pid, oomScores.task);
  for (const file of Object.values(files)) if (file !== undefined) closeSync(file);
  // A command may end without reading its input; that is its choice, not a failure.
  child.stdin?.on('error', () => {}).end(options.input);
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => options.onOutput(name, text));
  }
  const group = child.pid === undefined ? undefined : -child.pid;
  let timedOut = false;
  let hardStop: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (group === undefined || hardStop) return;
    signalPid(group, 'SIGTERM');
    hardStop = setTimeout(() => signalPid(group, 'SIGKILL'), 2000);
  };
  const limit = options.timeLimit ? new Timer(options.timeLimit, onLimit) : undefined;
  function onLimit(): void {
    timedOut = true;
    stop();
  }
  const ended = new Promise<CommandEnd>((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new IpclusterError('USAGE', `The command ${program} cannot be started: ${messageOf(cause)}`, { cause }));
    });
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, timedOut }));
  }).finally(() => {
    limit?.end();
    // What the command left in its group goes with it: a task that has ended leaves nothing behind.
    if (hardStop && group !== undefined) signalPid(group, 'SIGKILL');
    clearTimeout(hardStop);
  });
  return { ended, stop };
}

function openOutput(path: string | undefined): number | undefined {
  return path === undefined ? undefined : openSync(path, 'w', 0o666);
}
