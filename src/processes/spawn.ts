import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { isShortage, systemFault } from '../base/errors.js';
import { sleep } from '../base/wait.js';
import { withOomScore } from './environment.js';

/** What the system is short of is waited for, so long and with these pauses (milliseconds). */
const patience = 2000;
const [firstPause, longestPause] = [20, 400];

export interface ProcessOptions extends SpawnOptions {
  /** Its chance to be killed for memory (oom_score_adj), and that of all its children. */
  oomScore?: number;
}

/**
 * Starts a process; the only place that does, but for the tools of others (tool.ts). Where the system has no
 * more processes, descriptors or memory it is tried again for two seconds. Rejects with SYSTEM after that,
 * and with Node's own error where the program or the folder is the reason.
 */
export async function spawnProcess(
  argv: readonly string[],
  options: ProcessOptions,
  wait = patience,
): Promise<ChildProcess> {
  return patiently(argv[0] ?? '', () => spawnOnce(argv, options), wait);
}

/**
 * Tries a start again for so long (milliseconds) as the system is short of something. Rejects as {@link
 * spawnProcess} does.
 */
export async function patiently<T>(program: string, start: () => Promise<T>, wait = patience): Promise<T> {
  const end = performance.now() + wait;
  for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
    try {
      return await start();
    } catch (error) {
      if (!isShortage(error)) throw error;
      if (performance.now() + pause > end) throw systemFault(`${program} cannot be started`, error);
    }
    await sleep(pause);
  }
}

/** Node throws some errors, and tells of others later: then the child may have neither a pid nor streams. */
function spawnOnce(
  [program = '', ...rest]: readonly string[],
  { oomScore, ...options }: ProcessOptions,
): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const start = (): ChildProcess => spawn(program, rest, options);
    const child = oomScore === undefined ? start() : withOomScore(oomScore, start);
    child.once('error', reject);
    child.once('spawn', () => {
      child.off('error', reject);
      // What fails later (a signal that cannot be sent) is told by whoever asked for it.
      child.on('error', () => {});
      resolve(child);
    });
  });
}
