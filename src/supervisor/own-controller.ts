import { join } from 'node:path';
import type { Log } from '../base/log.js';
import { controllerEnvironment, nodeFlags, programFile } from '../base/package.js';
import type { Deferred } from '../base/wait.js';
import { endGroups } from '../processes/end.js';
import { describeExit, startProcess } from '../processes/start.js';
import { identify } from '../processes/table.js';

/** A controller gets so long to end by itself (milliseconds). */
const grace = 5000;

/**
 * Starts the controller beside the first supervisor of a job, so that there is one wait in the queue and one
 * deadline for both. Its end is the supervisor's: nobody else could start it again here.
 */
export async function startController(
  flags: readonly string[],
  log: Log,
  end: Deferred<string>,
): Promise<{ close(): Promise<void> }> {
  const file = join(process.env['IPCLUSTER_JOB_DIR'] ?? '.', 'controller.log');
  const argv = [process.execPath, ...nodeFlags, programFile('ipcontroller'), ...flags] as const;
  const { pid, exited } = await startProcess({
    argv,
    env: { ...process.env, ...controllerEnvironment },
    stdout: file,
    stderr: file,
  });
  log.info(`the controller of this job has pid ${pid}: ${file}`);
  void exited.then((exit) => end.resolve(`the controller of this job has ended: ${describeExit(exit)}`));
  return {
    async close() {
      const leader = identify(pid);
      if (leader) await endGroups([leader], { grace });
    },
  };
}
