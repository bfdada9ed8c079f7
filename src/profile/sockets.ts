import { readdir, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { systemCode } from '../base/errors.js';
import { removeEmptyFolder, removeFile } from '../base/files.js';
import { userFolders } from '../base/temporary.js';

/**
 * Removes this user's Unix sockets that nobody listens on any more: their owners were killed; and the files
 * beside them that lead to a gateway. Of sockets younger than `age` (milliseconds) nobody is asked: their
 * owners have just come.
 */
export async function removeDeadSockets(age = 0): Promise<void> {
  for (const folder of userFolders()) {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.sock'));
    await Promise.all(
      names.map(async (name) => {
        const path = join(folder, name);
        const made = age > 0 ? (await stat(path).catch(() => undefined))?.mtimeMs : 0;
        if (made === undefined || Date.now() - made < age || !(await isDead(path))) return;
        await Promise.all([removeFile(path), removeFile(fileBeside(path))]);
      }),
    );
  }
}

/** The same for one who ends, or clears up: the folders go too, where nothing else is in them. */
export async function clearSockets(): Promise<void> {
  await removeDeadSockets();
  await leaveSocketFolders();
}

/** The connection file of the gateway that belongs to a supervisor with that socket. */
export const fileBeside = (socketPath: string): string => socketPath.replace(/\.sock$/, '.json');

/** Removes the folders of this user's sockets that are empty. */
export async function leaveSocketFolders(): Promise<void> {
  for (const folder of userFolders()) await removeEmptyFolder(folder);
}

/** Only a refusal proves it; anything else may be a listener that is busy. */
function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => resolve(systemCode(error) === 'ECONNREFUSED'));
  });
}
