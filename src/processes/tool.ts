import type { ChildProcess } from 'node:child_process';
import { messageOf } from '../base/errors.js';
import { Timer } from '../base/timer.js';
import { patiently } from './spawn.js';
import { signalPid } from './table.js';

/*
 * Programs of others, by execa: it is loaded with the first of them. Its own time limit and its wait for the
 * end of the streams are not used: both leave out what a tool has started in its turn.
 */

/** What a command of the system said. */
export interface ToolOutcome {
  /** Null when it did not end by itself. */
  code: number | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

export interface ToolOptions {
  argv: readonly [program: string, ...args: string[]];
  env: NodeJS.ProcessEnv;
  /** Milliseconds; then it is killed with everything it has started. */
  timeout: number;
  input?: string | undefined;
  /** It is killed, as when its time is over, when this is settled. */
  enough?: Promise<unknown> | undefined;
  /** True where nobody wants its answer once this program has ended: it is killed then, if it still runs. */
  isQuestion?: boolean;
  /** True for output after which nothing else is wanted: it is not waited for the end. */
  isWhole?: ((stdout: string) => boolean) | undefined;
}

/** So much of what a command says is kept (characters of each stream). */
const keptOutput = 4 * 1024 * 1024;
/**
 * After its end so long for what it has said before (milliseconds): what it leaves in the background may hold
 * its output open for ever.
 */
const restOfOutput = 500;

/**
 * Starts it in a group of its own, with this environment and no other. The child is not answered as it is:
 * execa's are promises, too. Rejects with SYSTEM where the system is short of something, and with Node's
 * error where the program is not there.
 */
async function startTool(
  [program, ...words]: ToolOptions['argv'],
  env: NodeJS.ProcessEnv,
): Promise<{ child: ChildProcess }> {
  const { execa } = await import('execa');
  const start = (): Promise<{ child: ChildProcess }> =>
    new Promise((resolve, reject) => {
      const child = execa(program, words, { ...ownWay, env });
      child.once('spawn', () => resolve({ child }));
      // It settles at the end, too, when nobody listens any more.
      void child.then(({ cause, message }) => reject(cause ?? new Error(message)));
    });
  return patiently(program, start);
}

/** Questions that are under way, by the groups of their processes. */
const questions = new Set<number>();

/** Has a question end with this program, unless it is over before. */
function endWithUs({ pid = Number.NaN }: ChildProcess, over: Promise<unknown>): void {
  if (questions.size === 0) process.on('exit', endQuestions);
  questions.add(pid);
  void over.then(() => {
    questions.delete(pid);
    if (questions.size === 0) process.off('exit', endQuestions);
  });
}

function endQuestions(): void {
  for (const pid of questions) signalPid(-pid, 'SIGKILL');
}

/** Its output is read here, its end is judged here, and its surroundings are those that are given. */
const ownWay = {
  detached: true,
  extendEnv: false,
  reject: false,
  buffer: false,
  cleanup: false,
  forceKillAfterDelay: false,
} as const;

/**
 * Runs a command to its end. Never rejects: one that cannot be started has the shell's code 127, one that
 * hangs is killed.
 */
export async function runTool({
  argv,
  env,
  timeout,
  input,
  enough,
  isWhole,
  isQuestion = false,
}: ToolOptions): Promise<ToolOutcome> {
  let child: ChildProcess;
  try {
    ({ child } = await startTool(argv, env));
  } catch (error) {
    return { code: 127, stdout: '', stderr: messageOf(error), timedOut: false };
  }
  const outcome = new Promise<ToolOutcome>((resolve) => {
    const said = { stdout: '', stderr: '' };
    let [timedOut, heard] = [false, false];
    let rest: Timer | undefined;
    // What has come meanwhile is read before it is looked at whether anything has.
    const awaitRest = (code: number | null): void => {
      heard = false;
      rest = new Timer(restOfOutput, () => setImmediate(() => (heard ? awaitRest(code) : settle(code))));
    };
    const kill = (): void => {
      timedOut = true;
      signalPid(-(child.pid ?? Number.NaN), 'SIGKILL');
      // What it started may hold its output open without being in its group.
      setTimeout(() => resolve({ code: null, ...said, timedOut }), 500).unref();
    };
    const limit = new Timer(timeout, kill);
    // One that has ended by itself said its last word.
    void enough?.then(
      () => child.exitCode === null && child.signalCode === null && kill(),
      () => {},
    );
    for (const name of ['stdout', 'stderr'] as const)
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        heard = true;
        if (said[name].length < keptOutput) said[name] += text;
        if (isWhole?.(said.stdout)) {
          settle(0);
          child.kill('SIGTERM');
        }
      });
    const settle = (code: number | null): void => {
      limit.end();
      rest?.end();
      for (const stream of [child.stdout, child.stderr]) stream?.destroy();
      resolve({ code: timedOut ? null : code, ...said, timedOut });
    };
    child.stdin?.on('error', () => {}).end(input);
    child.once('close', settle);
    child.once('exit', (code) => awaitRest(code));
  });
  if (isQuestion) endWithUs(child, outcome);
  return outcome;
}

/** A command that is wanted for as long as it runs. */
export interface OpenTool {
  /** Settles with all that it has said on both streams, at its end. */
  ended: Promise<string>;
  stop(): void;
}

/**
 * Starts a command that runs on; `onOutput` hears what it says as it comes. Its input stays open and empty,
 * so that it can tell when this program has ended, however that came. Never rejects: one that is not there
 * ends at once.
 */
export function openTool(
  options: Pick<ToolOptions, 'argv' | 'env'> & { onOutput: (text: string) => void },
): OpenTool {
  let child: ChildProcess | undefined;
  let stopped = false;
  const run = async (): Promise<string> => {
    ({ child } = await startTool(options.argv, options.env));
    if (stopped) child.kill('SIGTERM');
    return follow(child, options.onOutput);
  };
  const stop = (): void => {
    stopped = true;
    child?.kill('SIGTERM');
  };
  return { ended: run().catch(messageOf), stop };
}

function follow(child: ChildProcess, onOutput: (text: string) => void): Promise<string> {
  let said = '';
  child.stdin?.on('error', () => {});
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < keptOutput) said += text;
      onOutput(text);
    });
  return new Promise((resolve) => child.once('close', () => resolve(said)));
}
