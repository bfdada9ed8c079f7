import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { rmdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { systemCode } from './errors.js';
import { readEnd, readOwnText } from './own-file.js';
import { isOwnFolder, openOwnFolder } from './own-folder.js';
import { flawOfPlace } from './owned-path.js';

/**
 * Writes a file whole or not at all, in a folder of ours: temporary file, fsync, rename. Readable by its
 * owner only. Throws FOLDER where the folder is not ours alone to write.
 */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  using folder = openOwnFolder(dirname(path));
  const temporary = folder.at(`${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);
  // It fails when there is anything of that name, also a link.
  const descriptor = openSync(temporary, 'wx', mode);
  try {
    try {
      // All of it: a disk that fills up takes a part without an error.
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, folder.at(basename(path)));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Reads JSON that somebody else may be writing. Absent, half-written, unreadable and another user's all mean
 * "not yet": undefined. Use it where a later look is possible; where the file must be right, read it and
 * complain.
 */
export async function readJsonIfWhole(path: string): Promise<unknown> {
  try {
    return JSON.parse((await readOwnText(path)) ?? '');
  } catch {
    return undefined;
  }
}

/** Removes a file from a folder of ours; an absent one is fine. */
export async function removeFile(path: string): Promise<void> {
  if (!isOwnFolder(dirname(path))) return;
  await unlink(path).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
  });
}

/** Removes a folder when it is empty; anything in it keeps it, and so does another owner. */
export async function removeEmptyFolder(path: string): Promise<void> {
  if (flawOfPlace(path)) return;
  await rmdir(path).catch((error: unknown) => {
    if (!staying.has(systemCode(error) ?? '')) throw error;
  });
}

const staying = new Set(['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EACCES', 'EPERM', 'ENOTDIR', 'EBUSY']);

/** Where the last lines of a file are: at most `lines` of its last 64 KiB, or none when it cannot be read. */
export async function lastLines(path: string, lines: number): Promise<string[]> {
  return (await readEnd(path, 65_536)).trimEnd().split('\n').filter(Boolean).slice(-lines);
}
