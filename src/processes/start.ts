import type { SpawnOptions } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { IpclusterError, isIpclusterError, isShortage, messageOf, systemFault } from '../base/errors.js';
import { spawnProcess } from './spawn.js';

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

/** Where its output goes; into nothing where no file can be had: a full disk stops no program. */
function openLog(path: string): number | undefined {
  try {
    return openSync(path, 'a', 0o600);
  } catch (error) {
    if (isShortage(error)) throw systemFault(`${path} cannot be opened`, error);
    return undefined;
  }
}

/**
 * Starts a program in its own process group and session. Rejects with JOB_FAILED when it cannot be started at
 * all.
 */
export async function startProcess({ argv, env, cwd, stdout, stderr }: StartOptions): Promise<Started> {
  const files = [stdout, stderr].map((path) => (path ? openLog(path) : undefined));
  const stdio: SpawnOptions['stdio'] = ['ignore', files[0] ?? 'ignore', files[1] ?? 'ignore'];
  try {
    const child = await spawnProcess(argv, { env, stdio, detached: true, ...(cwd ? { cwd } : {}) });
    const exited = new Promise<Exit>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    return { pid: child.pid ?? -1, exited, release: () => child.unref() };
  } catch (cause) {
    if (isIpclusterError(cause)) throw cause;
    throw new IpclusterError('JOB_FAILED', `${argv[0]} cannot be started: ${messageOf(cause)}`, { cause });
  } finally {
    for (const file of files) if (file !== undefined) closeSync(file);
  }
}

/** Says how a process ended, for people: `exit code 3`, `signal SIGKILL`. */
export function describeExit({ code, signal }: Exit): string {
  return signal ? `signal ${signal}` : `exit code ${code ?? 'unknown'}`;
}
