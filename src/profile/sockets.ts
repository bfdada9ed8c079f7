import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { systemCode } from '../base/errors.js';
import { removeEmptyFolder, removeFile } from '../base/files.js';
import { userFolders } from '../base/temporary.js';

/** Removes this user's Unix sockets that nobody listens on any more: their owners were killed. */
export async function removeDeadSockets(): Promise<void> {
  for (const folder of userFolders()) {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.sock'));
    await Promise.all(
      names.map(async (name) => {
        const path = join(folder, name);
        if (await isDead(path)) await removeFile(path);
      }),
    );
  }
  await leaveSocketFolders();
}

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
