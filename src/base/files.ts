import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile, rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from './errors.js';

/** Makes the folder and its parents, closed to other users (0700 for those we make). */
export function ensureFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Takes group and others out of a folder that only we may open. */
export function closeFolder(path: string): void {
  ensureFolder(path);
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o700);
}

/** Writes a file whole or not at all: temporary file, fsync, rename. Readable by its owner only. */
export function writeWhole(path: string, text: string, mode = 0o600): void {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  ensureFolder(dirname(path));
  const descriptor = openSync(temporary, 'wx', mode);
  try {
    // All of it: a disk that fills up takes a part without an error.
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
}

/**
 * Reads JSON that somebody else may be writing. Absent, half-written and unreadable all mean "not yet": undefined.
 * Use it where a later look is possible; where the file must be right, read it and complain.
 */
export async function readJsonIfWhole(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Removes a file; an absent one is fine. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
  });
}

/** Removes a folder when it is empty; anything in it keeps it. */
export async function removeEmptyFolder(path: string): Promise<void> {
  await rmdir(path).catch((error: unknown) => {
    const code = systemCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  });
}

/** Where the last lines of a file are: at most `lines` of its last 64 KiB, or none when it cannot be read. */
export async function lastLines(path: string, lines: number): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.slice(-65_536).trimEnd().split('\n').filter(Boolean).slice(-lines);
}
