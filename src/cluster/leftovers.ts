import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { IpclusterError } from '../base/errors.js';
import { describeState, isFinal } from '../launcher-kit/states.js';
import { findMarked, inspectProcess } from '../processes/table.js';
import type { ClusterFile } from '../profile/cluster-file.js';
import { filesOfPython } from '../profile/connection-file.js';
import { ownerOfListedFile } from '../profile/listed-file.js';
import { takenByPython } from '../profile/own-files.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { clearSockets } from '../profile/sockets.js';
import { findLiving } from './find.js';
import { launcherOf, lookAtJob } from './jobs.js';
import { livingController } from './living.js';
import { endCluster, removeConnectionFiles } from './stop.js';

/**
 * A cluster that lives is left alone: CLUSTER_RUNNING. What a dead one has left is ended and removed; answers
 * what that was, in sentences.
 */
export async function clearTheWay(place: Place): Promise<string[]> {
  refusePythons(place);
  const { file, client } = await findLiving(place);
  const { clientFile } = pathsOf(place);
  if (client) {
    await client.close();
    const { pid, host } = client.connection;
    throw new IpclusterError(
      'CLUSTER_RUNNING',
      `A cluster runs there already (controller pid ${pid} on ${host}).`,
      {
        files: [clientFile],
      },
    );
  }
  await refuseSilent(place, file);
  if (file) await refuseUnseen(file);
  const said: string[] = [];
  // A controller that ends as it was told to takes this away, as it does its other files.
  const wasKilled = existsSync(pathsOf(place).registeredFile);
  const files = await removeConnectionFiles(place);
  if (files.length > 0) said.push(`Files of a controller that is gone were removed: ${files.join(', ')}.`);
  if (file) {
    const left = findMarked((mark) => mark.startsWith(`${file.mark}/`)).length;
    const { killed, unsure } = await endCluster({ ...place, workFolder: file.workFolder }, file, undefined);
    const ended =
      left === 0
        ? 'nothing of it was running'
        : `${left} processes of it were ended${killed > 0 ? ` (${killed} by force)` : ''}`;
    const isOver = !wasKilled && files.length === 0 && left === 0;
    said.push(...(isOver ? [] : [`A cluster of ${file.started} had been killed here: ${ended}.`]), ...unsure);
  }
  await clearSockets();
  return said;
}

/** Files of Python's controller are its alone, whether it lives or not. Throws CLUSTER_RUNNING. */
function refusePythons(place: Place): void {
  const { owner, pid = 0 } = ownerOfListedFile(place);
  const lives = owner === 'python' && /ipyparallel|ipcontroller/.test(inspectProcess(pid)?.command ?? '');
  const files = [...filesOfPython(place), ...(lives ? [pathsOf(place).listedFile] : [])];
  if (files.length === 0) return;
  throw takenByPython(files);
}

/**
 * A controller may be busy, stopped by a signal or without its files: while its process lives, nothing of it
 * is ended. Throws CLUSTER_RUNNING.
 */
async function refuseSilent(place: Place, file: ClusterFile | undefined): Promise<void> {
  const living = await livingController(place, file);
  if (!living) return;
  const state = living.stopped ? 'is stopped by a signal' : 'does not answer';
  throw new IpclusterError(
    'CLUSTER_RUNNING',
    `A cluster runs there already, but its controller (pid ${living.pid}) ${state}.`,
    {
      suggestions: [
        'What it does: `ipcluster why`. End it: `ipcluster stop`.',
        'Start another controller in its place, for the same engines and tasks: `ipcluster start --reuse`.',
      ],
    },
  );
}

/**
 * A controller that does not answer here may live where this machine does not see it. Throws CLUSTER_RUNNING.
 */
async function refuseUnseen(file: ClusterFile): Promise<void> {
  const home = file.jobs.find(({ role }) => role === 'controller') ?? file.jobs[0];
  if (!home) return;
  const suggestions = [
    'End it: `ipcluster stop`.',
    'Start a second one beside it: `ipcluster start --cluster-id second`.',
  ];
  if ((await launcherOf(home.launcher, home.options ?? [])).reach === 'here') {
    if (file.host === hostname()) return;
    const sentence = `A cluster was started from ${file.host}, and its controller does not answer from here.`;
    throw new IpclusterError('CLUSTER_RUNNING', sentence, { suggestions });
  }
  const { state } = await lookAtJob(home);
  if (isFinal(state)) return;
  const sentence =
    `The controller of a cluster has a job there already (${home.launcher} ${home.ids.join(' ')}: ` +
    `${describeState(state)}).`;
  throw new IpclusterError('CLUSTER_RUNNING', sentence, { suggestions });
}
