import { accessSync, constants, statSync } from 'node:fs';
import { IpclusterError, systemCode } from './errors.js';

/** The folder that this program was started in. Throws FOLDER where somebody has removed it meanwhile. */
export function currentFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw cause;
    throw new IpclusterError('FOLDER', 'The folder that you are in has been removed.', {
      cause,
      suggestions: ['`cd` to one that is there.'],
    });
  }
}

/** True for a path that leads to a folder that may be entered. */
export function isFolder(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
