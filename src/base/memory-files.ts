import { createHash, randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A large frame of a message that lies in a file in memory, for peers on one host: see docs/decisions/0005. */
export interface MemoryFile {
  /** Which of the message's buffers it is. */
  index: number;
  path: string;
  size: number;
}

/** From this size on a file in memory is faster than sockets. */
export const largeFrame = 1 << 20;

const root = '/dev/shm';
const prefix = 'ipcluster-';

/** How the folders of one owner begin; `owner` is anything that names a cluster. */
function folderOf(owner: string): string {
  const name = createHash('sha256').update(owner).digest('hex').slice(0, 8);
  return `${prefix}${process.getuid?.() ?? 'user'}-${name}-`;
}

/** Makes a closed folder in memory, or takes the one of an earlier controller; empty text where the system has none. */
export function makeMemoryFolder(owner: string, before = ''): string {
  try {
    if (before.startsWith(join(root, prefix)) && existsSync(before)) return before;
    return existsSync(root) ? mkdtempSync(join(root, folderOf(owner))) : '';
  } catch {
    return '';
  }
}

/** Removes whatever folders that owner has; answers how many there were. */
export function removeMemoryFolders(owner: string): number {
  const names = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith(folderOf(owner))) : [];
  for (const name of names) removeMemoryFolder(join(root, name));
  return names.length;
}

/** Removes such a folder with what is in it; touches nothing else. */
export function removeMemoryFolder(folder: string): void {
  if (folder.startsWith(join(root, prefix))) rmSync(folder, { recursive: true, force: true });
}

/** Puts a frame into a file in memory; undefined when there is no room. */
export function writeMemoryFile(folder: string, index: number, frame: Buffer): MemoryFile | undefined {
  const path = join(folder, randomUUID());
  try {
    const file = openSync(path, 'wx', 0o600);
    try {
      for (let done = 0; done < frame.length; ) done += writeSync(file, frame, done);
    } finally {
      closeSync(file);
    }
    return { index, path, size: frame.length };
  } catch {
    removeMemoryFile(path);
    return undefined;
  }
}

/** Reads a frame back, into memory of its own. */
export function readMemoryFile({ path, size }: MemoryFile): Buffer {
  const frame = Buffer.allocUnsafeSlow(size);
  const file = openSync(path, 'r');
  try {
    for (let done = 0; done < size; ) {
      const read = readSync(file, frame, done, size - done, done);
      if (read === 0) throw new Error(`${path} is shorter than ${size} bytes`);
      done += read;
    }
  } finally {
    closeSync(file);
  }
  return frame;
}

/** Removes a file in memory; an absent one is fine. */
export function removeMemoryFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It may never have been made, or be gone with its folder.
  }
}
