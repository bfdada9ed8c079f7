import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { IpclusterError, messageOf } from '../base/errors.js';

/** How a process ended: one of the two is set. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process of ours that runs in a group of its own. */
export interface Started {
  pid: number;
  exited: Promise<Exit>;
  /** Lets this program end before that one does. */
  release(): void;
}

export interface StartOptions {
  argv: readonly [string, ...string[]];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Files that get its output, appended; nothing is kept when absent. */
  stdout?: string;
  stderr?: string;
}

/** Starts a program in its own process group and session. Rejects with JOB_FAILED when it cannot be started at all. */
export async function startProcess({ argv, env, cwd, stdout, stderr }: StartOptions): Promise<Started> {
  const files = [stdout, stderr].map((path) => (path ? openSync(path, 'a', 0o600) : undefined));
  const stdio: SpawnOptions['stdio'] = ['ignore', files[0] ?? 'ignore', files[1] ?? 'ignore'];
  try {
    const [program, ...rest] = argv;
    const child = spawn(program, rest, { env, stdio, detached: true, ...(cwd ? { cwd } : {}) });
    return await started(child, program);
  } finally {
    for (const file of files) if (file !== undefined) closeSync(file);
  }
}

function started(child: ChildProcess, program: string): Promise<Started> {
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new IpclusterError('JOB_FAILED', `${program} cannot be started: ${messageOf(cause)}`, { cause }));
    });
    child.once('spawn', () => resolve({ pid: child.pid ?? -1, exited, release: () => child.unref() }));
  });
}

/** Says how a process ended, for people: `exit code 3`, `signal SIGKILL`. */
export function describeExit({ code, signal }: Exit): string {
  return signal ? `signal ${signal}` : `exit code ${code ?? 'unknown'}`;
}
