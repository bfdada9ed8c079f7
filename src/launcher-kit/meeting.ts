import { awaitConnectionFile } from '../profile/connection-file.js';

export { socketPath } from '../profile/paths.js';
export { leaveSocketFolders } from '../profile/sockets.js';

/** Where a controller can be met. */
export interface Meeting {
  addresses: readonly string[];
  port: number;
}

/**
 * Waits until the controller says in a connection file where it is. Throws CONNECTION_FILE_TIMEOUT or
 * CONNECTION_FILE.
 */
export async function awaitMeeting(path: string, timeout: number, signal?: AbortSignal): Promise<Meeting> {
  const { addresses, port } = await awaitConnectionFile(path, timeout, signal);
  return { addresses, port };
}
