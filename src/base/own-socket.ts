import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from './errors.js';

/**
 * Why nothing is said to that Unix socket: it is not there, or it, or the folder that it lies in, may be somebody else's. Undefined for
 * one that only this user can have made. Elsewhere than on Unix (pipes lie in no folder) nothing can be looked at.
 */
export function objectionTo(socket: string): string | undefined {
  const own = process.getuid?.();
  if (own === undefined) return undefined;
  try {
    const folder = lstatSync(dirname(socket));
    if (!folder.isDirectory() || folder.uid !== own) return 'its folder belongs to somebody else';
    if ((folder.mode & 0o022) !== 0) return 'others may write into its folder';
    const facts = lstatSync(socket);
    if (facts.uid !== own) return 'it belongs to somebody else';
    return facts.isSocket() ? undefined : 'it is no socket';
  } catch (error) {
    return systemCode(error) ?? 'it cannot be looked at';
  }
}
