import { IpclusterError } from '../base/errors.js';
import { findMarked } from '../processes/table.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { removeDeadSockets } from '../profile/sockets.js';
import { findCluster } from './find.js';
import { endCluster, removeConnectionFiles } from './stop.js';

/**
 * A cluster that lives is left alone: CLUSTER_RUNNING. What a dead one has left is ended and removed; answers what that was, in
 * sentences.
 */
export async function clearTheWay(place: Place): Promise<string[]> {
  const { file, client, silence } = await findCluster(place);
  const { clientFile } = pathsOf(place);
  if (client) {
    await client.close();
    const { pid, host } = client.connection;
    throw new IpclusterError('CLUSTER_RUNNING', `A cluster runs there already (controller pid ${pid} on ${host}).`, {
      files: [clientFile],
    });
  }
  if (silence?.message.includes("Python's"))
    throw new IpclusterError('CLUSTER_RUNNING', silence.message, { files: [clientFile] });
  const said: string[] = [];
  const files = await removeConnectionFiles(place);
  if (files.length > 0) said.push(`Files of a controller that is gone were removed: ${files.join(', ')}.`);
  if (file) {
    const left = findMarked((mark) => mark.startsWith(`${file.mark}/`)).length;
    const { killed } = await endCluster({ ...place, workFolder: file.workFolder }, file, undefined);
    const ended =
      left === 0 ? 'nothing of it was running' : `${left} processes of it were ended${killed > 0 ? ` (${killed} by force)` : ''}`;
    said.push(`A cluster of ${file.started} had been killed here: ${ended}.`);
  }
  await removeDeadSockets();
  return said;
}
