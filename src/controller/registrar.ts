import { hostname } from 'node:os';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type RegisteredFile, writeRegisteredFile } from '../profile/registered-file.js';
import type { EngineTable } from './engine-table.js';
import type { Supervisors } from './supervisors.js';

/** What can wait is written at most so often (milliseconds): the file may lie on a shared disk. */
const interval = 1000;

/** Keeps `registered.json` up to date: who is registered, for those who cannot ask. */
export class Registrar {
  readonly #path: string;
  readonly #nonce: string;
  readonly #engines: EngineTable;
  readonly #supervisors: Supervisors;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  /** The last write, under way or planned. */
  #writing: Promise<void> = Promise.resolve();
  /** The write that has not begun yet. */
  #next: Promise<void> | undefined;
  #last = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(path: string, nonce: string, engines: EngineTable, supervisors: Supervisors, log: Log) {
    this.#path = path;
    this.#nonce = nonce;
    this.#engines = engines;
    this.#supervisors = supervisors;
    this.#log = log;
  }

  /** Somebody came or went: it is written soon. */
  changed(): void {
    if (this.#closed || this.#timer) return;
    const wait = Math.max(0, this.#last + interval - performance.now());
    this.#timer = setTimeout(() => void this.write(), Math.min(wait, interval));
  }

  /**
   * Writes it at once, or behind the write that is under way: those who ask meanwhile share one. Settles when
   * it is on the disk, or cannot be.
   */
  write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#closed) return this.#writing;
    this.#next ??= this.#writing.then(() => this.#write());
    this.#writing = this.#next;
    return this.#next;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#writing;
  }

  async #write(): Promise<void> {
    this.#next = undefined;
    this.#last = performance.now();
    await writeRegisteredFile(this.#path, this.#picture()).catch((error: unknown) =>
      this.#log.warn('the list of engines could not be written', messageOf(error)),
    );
  }

  #picture(): RegisteredFile {
    const engines = this.#engines.all;
    return {
      updated: new Date().toISOString(),
      controller: { host: hostname(), pid: process.pid, nonce: this.#nonce },
      next: this.#engines.next,
      supervisors: this.#supervisors.all.map((supervisor) => ({
        name: supervisor.name,
        host: supervisor.host,
        engines: engines
          .filter((engine) => engine.supervisor === supervisor)
          .map(({ id, uuid, pid }) => ({ id, uuid, pid })),
      })),
    };
  }
}
