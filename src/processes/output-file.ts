import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  readSync,
  type StatsFs,
  statfsSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../base/errors.js';
import { ensureFolder } from '../base/own-folder.js';

/**
 * Where one command's output goes: a file of its own without a name, so that whatever a command leaves
 * running writes into nothing that anybody reads later, and its room is free again when the last writer has
 * ended.
 */
export class OutputFile {
  /** How another process of this user opens it. */
  readonly path: string = '';
  readonly #descriptor: number;
  readonly #named: boolean;

  /** Throws the system's error when there is no room or no descriptor for it. */
  constructor(folder: string) {
    needRoom(folder);
    this.#named = !canBeNameless();
    const nameless = this.#named ? undefined : openNameless(folder);
    if (nameless !== undefined) this.#descriptor = nameless;
    else {
      this.path = join(folder, `out-${randomBytes(9).toString('base64url')}`);
      this.#descriptor = withFolder(folder, () => openSync(this.path, 'wx+', 0o600));
      if (this.#named) return;
      unlinkSync(this.path);
    }
    this.path = `/proc/${process.pid}/fd/${this.#descriptor}`;
  }

  /** Bytes written so far. */
  get size(): number {
    return fstatSync(this.#descriptor).size;
  }

  /** At most so many bytes from there on. */
  read(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(this.#descriptor, bytes, filled, length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  }

  close(): void {
    closeSync(this.#descriptor);
    if (this.#named) unlinkSync(this.path);
  }
}

/** With less free than this, a command could not even say what went wrong (bytes). */
const leastRoom = 64 * 1024;

/**
 * Throws ENOSPC for a full file system: a command that cannot write there fails without a word. A folder that
 * is not there is made later.
 */
function needRoom(folder: string): void {
  const room = statfsOf(folder);
  if (room === undefined || room.blocks === 0 || room.bavail * room.bsize >= leastRoom) return;
  throw Object.assign(new Error(`ENOSPC: no space is left in ${folder}`), { code: 'ENOSPC' });
}

function statfsOf(folder: string): StatsFs | undefined {
  try {
    return statfsSync(folder);
  } catch {
    return undefined;
  }
}

/**
 * open(2): a file in that folder that has no name; Node has no word for it. Its part of O_DIRECTORY is said,
 * too.
 */
const temporary = 0o20000000 | constants.O_DIRECTORY;

/** Undefined where the file system has no such files. */
function openNameless(folder: string): number | undefined {
  try {
    return withFolder(folder, () => openSync(folder, temporary | constants.O_RDWR, 0o600));
  } catch (error) {
    if (!['EOPNOTSUPP', 'EISDIR', 'ENOENT'].includes(systemCode(error) ?? '')) throw error;
    return undefined;
  }
}

/** Makes the folder again where a cleaner of temporary files, or the last socket's end, has taken it away. */
function withFolder(folder: string, open: () => number): number {
  try {
    return open();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    ensureFolder(folder);
    return open();
  }
}

let nameless: boolean | undefined;

/** True where /proc is there and counts processes as we do: in a container it may be the host's. */
function canBeNameless(): boolean {
  nameless ??= seesItself();
  return nameless;
}

function seesItself(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid);
  } catch {
    return false;
  }
}
