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
 * Starts a process; the only place that does. Where the system has no more processes, descriptors or memory it is tried again for
 * two seconds. Rejects with SYSTEM after that, and with Node's own error where the program or the folder is the reason.
 */
export async function spawnProcess(argv: readonly string[], options: ProcessOptions, wait = patience): Promise<ChildProcess> {
  const end = performance.now() + wait;
  for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
    try {
      return await spawnOnce(argv, options);
    } catch (error) {
      if (!isShortage(error)) throw error;
      if (performance.now() + pause > end) throw systemFault(`${argv[0]} cannot be started`, error);
    }
    await sleep(pause);
  }
}

/** Node throws some errors, and tells of others later: then the child may have neither a pid nor streams. */
function spawnOnce([program = '', ...rest]: readonly string[], { oomScore, ...options }: ProcessOptions): Promise<ChildProcess> {
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
