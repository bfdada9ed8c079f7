import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isOwnFolder } from './own-folder.js';
import { lookAt } from './owned-path.js';
import { isOurs } from './owner.js';
import { removeTree } from './remove-tree.js';

/**
 * A large frame of a message that lies in a file in memory, for peers on one host: see docs/decisions/0005.
 */
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

/**
 * Makes a closed folder in memory under a name that nobody can guess, or takes the one of an earlier
 * controller of the same owner where it is still ours and closed, since requests on their way may name it.
 * Empty text where the system has none.
 */
export function makeMemoryFolder(owner: string, before = ''): string {
  try {
    if (lookAt(root).facts?.isDirectory() !== true) return '';
    if (before.startsWith(join(root, folderOf(owner))) && isOwnMemory(before) && isOwnFolder(before, true))
      return before;
    return mkdtempSync(join(root, folderOf(owner)));
  } catch {
    return '';
  }
}

/**
 * Removes whatever folders that owner has; answers how many there were. Another user's of such a name are
 * left alone.
 */
export function removeMemoryFolders(owner: string): number {
  const names = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith(folderOf(owner))) : [];
  return names.filter((name) => removeMemoryFolder(join(root, name))).length;
}

/** Removes such a folder of ours with what is in it; touches nothing else. Answers whether there was one. */
export function removeMemoryFolder(folder: string): boolean {
  return isOwnMemory(folder) && removeTree(folder);
}

/**
 * True for a folder that lies where such folders do, and is ours alone to open. Its place is sticky: nobody
 * can swap it.
 */
function isOwnMemory(folder: string): boolean {
  if (dirname(folder) !== root || !folder.startsWith(join(root, prefix))) return false;
  const facts = lstatSync(folder, { throwIfNoEntry: false });
  return facts?.isDirectory() === true && isOurs(facts) && (facts.mode & 0o077) === 0;
}

/** Puts a frame into a file in memory; undefined when there is no room. */
export function writeMemoryFile(folder: string, index: number, frame: Buffer): MemoryFile | undefined {
  if (!isOwnMemory(folder)) return undefined;
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

/** True when a frame of that size lies there, in a file. */
export function isMemoryFile({ path, size }: MemoryFile): boolean {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  return facts?.isFile() === true && facts.size === size;
}

/**
 * Reads a frame back, into memory of its own. Throws for a file that is not ours in a folder that is ours.
 */
export function readMemoryFile({ path, size }: MemoryFile): Buffer {
  if (!isOwnMemory(dirname(path))) throw new Error(whyNotOurs(dirname(path)));
  const file = openSync(path, reading);
  try {
    const facts = fstatSync(file);
    if (!facts.isFile() || !isOurs(facts) || facts.nlink !== 1) throw new Error(`${path} is no file of ours`);
    if (facts.size < size) throw new Error(`${path} is shorter than ${size} bytes`);
    const frame = Buffer.allocUnsafeSlow(size);
    for (let done = 0; done < size; ) {
      const read = readSync(file, frame, done, size - done, done);
      if (read === 0) throw new Error(`${path} is shorter than ${size} bytes`);
      done += read;
    }
    return frame;
  } finally {
    closeSync(file);
  }
}

/** Somebody may have cleared the memory of the host, which is no attack. */
function whyNotOurs(folder: string): string {
  return existsSync(folder)
    ? `${folder} is no folder of ours in memory`
    : `ENOENT: ${folder} was removed, and with it what was sent by memory of the host`;
}

const reading = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Removes a file in memory; an absent one is fine. */
export function removeMemoryFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It may never have been made, or be gone with its folder.
  }
}
