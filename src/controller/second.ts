import { IpclusterError } from '../base/errors.js';
import { type ConnectionFile, filesOfPython, readConnectionFile } from '../profile/connection-file.js';
import { takenByPython } from '../profile/own-files.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { dial } from '../transport/dial.js';

/**
 * A controller that answers at that place keeps it, as does one of Python's; a file of ours that nobody
 * answers for is a leftover. Throws CLUSTER_RUNNING.
 */
export async function refuseSecond(place: Place): Promise<void> {
  const files = filesOfPython(place);
  if (files.length > 0) throw takenByPython(files);
  let file: ConnectionFile;
  try {
    file = readConnectionFile(pathsOf(place).clientFile);
  } catch {
    return;
  }
  const link = await dial(file, 1000).catch(() => undefined);
  if (!link) return;
  link.close();
  throw new IpclusterError(
    'CLUSTER_RUNNING',
    `A controller (pid ${file.pid} on ${file.host}) runs there already.`,
    {
      files: [pathsOf(place).clientFile],
    },
  );
}
