import type { ListenOptions, Server } from 'node:net';
import { dirname } from 'node:path';
import { systemCode } from './errors.js';
import { ensureFolder } from './own-folder.js';

/** Rejects with what the system says. */
export function listen(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** So often the folder of a socket is made again. */
const mostTries = 20;

/**
 * Listens on a Unix socket, or on a pipe of Windows, which lies in no folder. Whatever of ours ends takes the
 * folder along when it is empty, also between our making it and our listening: then it is made again. Rejects
 * with what the system says.
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  const folder = process.platform === 'win32' ? undefined : dirname(path);
  for (let tries = 1; ; tries++) {
    if (folder) ensureFolder(folder);
    try {
      return await listen(server, { path });
    } catch (error) {
      // It may be there again by now: another one of ours made it. libuv says EACCES for a folder that is not
      // there.
      const isGone = ['EACCES', 'ENOENT'].includes(systemCode(error) ?? '');
      if (!folder || !isGone || tries === mostTries) throw error;
    }
  }
}
