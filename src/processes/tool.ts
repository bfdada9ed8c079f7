import { spawn } from 'node:child_process';

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
}

/** So much of what a command says is kept (characters of each stream). */
const keptOutput = 4 * 1024 * 1024;

/** Runs a command to its end. Never rejects: a program that is not there has the shell's code 127, one that hangs is killed. */
export function runTool({ argv, env, timeout, input }: ToolOptions): Promise<ToolOutcome> {
  const [program, ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, detached: true, stdio: 'pipe' });
    const said = { stdout: '', stderr: '' };
    let timedOut = false;
    const limit = setTimeout(() => {
      timedOut = true;
      try {
        process.kill(-(child.pid ?? Number.NaN), 'SIGKILL');
      } catch {
        child.kill('SIGKILL');
      }
      // What it started may hold its output open without being in its group.
      setTimeout(() => resolve({ code: null, ...said, timedOut }), 500).unref();
    }, timeout);
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        if (said[name].length < keptOutput) said[name] += text;
      });
    child.stdin.on('error', () => {}).end(input);
    child.once('error', (error) => {
      clearTimeout(limit);
      resolve({ code: 127, stdout: '', stderr: error.message, timedOut });
    });
    child.once('close', (code) => {
      clearTimeout(limit);
      resolve({ code: timedOut ? null : code, ...said, timedOut });
    });
  });
}
