import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readlinkSync, readSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../base/errors.js';
import { ensureFolder } from '../base/own-folder.js';

/**
 * Where one command's output goes: a file of its own without a name, so that whatever a command leaves running writes into nothing
 * that anybody reads later, and its room is free again when the last writer has ended.
 */
export class OutputFile {
  /** How another process of this user opens it. */
  readonly path: string;
  readonly #descriptor: number;
  readonly #named: boolean;

  /** Throws the system's error when there is no room or no descriptor for it. */
  constructor(folder: string) {
    const path = join(folder, `out-${randomBytes(9).toString('base64url')}`);
    this.#descriptor = openNew(folder, path);
    this.#named = !seesItself();
    this.path = this.#named ? path : `/proc/${process.pid}/fd/${this.#descriptor}`;
    if (!this.#named) unlinkSync(path);
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

/** Makes a file, and its folder again where a cleaner of temporary files, or the last socket's end, has taken it away. */
function openNew(folder: string, path: string): number {
  try {
    return openSync(path, 'wx+', 0o600);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    ensureFolder(folder);
    return openSync(path, 'wx+', 0o600);
  }
}

/** True where /proc is there and counts processes as we do: in a container it may be the host's. */
function seesItself(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid);
  } catch {
    return false;
  }
}
