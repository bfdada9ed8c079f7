import {
  constants,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  readlinkSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { systemCode } from './errors.js';

/**
 * A log that is a file begins anew when it is this long; what it had is kept once, as `.1` beside it (bytes).
 */
const mostBytes = 10 * 1024 * 1024;
/** While a write fails it is tried again so often (milliseconds). */
const retryInterval = 1000;

/**
 * The place where a program's log goes: a descriptor that its job opened, a file in most cases. A line that
 * cannot be written (the disk is full, the file is as long as it may be, nobody reads the pipe) is dropped
 * and counted; nothing of it ends the program.
 */
export class LogFile {
  readonly #descriptor: number;
  readonly #most: number;
  #dropped = 0;
  #retryAt = 0;
  #isFile: boolean | undefined;

  constructor(descriptor = 2, most = mostBytes) {
    this.#descriptor = descriptor;
    this.#most = most;
  }

  write(line: string): void {
    const now = performance.now();
    if (this.#dropped > 0 && now < this.#retryAt) {
      this.#dropped += 1;
      return;
    }
    try {
      this.#rotate();
      const missing =
        this.#dropped > 0
          ? `${new Date().toISOString()} warn log: ${this.#dropped} lines could not be written\n`
          : '';
      this.#writeWhole(Buffer.from(missing + line));
      this.#dropped = 0;
    } catch {
      this.#dropped += 1;
      this.#retryAt = now + retryInterval;
    }
  }

  #writeWhole(bytes: Buffer): void {
    for (let written = 0; written < bytes.length; ) {
      try {
        written += writeSync(this.#descriptor, bytes, written);
      } catch (error) {
        // A pipe or a terminal that is full now: the rest of a line may wait for a moment, a whole one is
        // dropped.
        if (systemCode(error) !== 'EAGAIN' || written === 0) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
    }
  }

  /**
   * Others append to the same file, so it is copied and emptied, not renamed. Without room for the copy it is
   * emptied.
   */
  #rotate(): void {
    this.#isFile ??= fstatSync(this.#descriptor).isFile();
    if (!this.#isFile || fstatSync(this.#descriptor).size < this.#most) return;
    try {
      const path = readlinkSync(`/proc/self/fd/${this.#descriptor}`);
      if (statSync(path).ino === fstatSync(this.#descriptor).ino) {
        rmSync(`${path}.1`, { force: true });
        copyFileSync(path, `${path}.1`, constants.COPYFILE_EXCL);
      }
    } finally {
      ftruncateSync(this.#descriptor, 0);
    }
  }
}
