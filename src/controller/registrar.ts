import { hostname } from 'node:os';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type RegisteredFile, writeRegisteredFile } from '../profile/registered-file.js';
import type { EngineTable } from './engine-table.js';
import type { Nodes } from './nodes.js';

/** The file is written at most so often (milliseconds): it may lie on a shared disk. */
const interval = 1000;
/** New supervisors do not wait for that, but those who come together are written together (milliseconds). */
const gathering = 20;

/** Keeps `registered.json` up to date: who is registered, for those who cannot ask. */
export class Registrar {
  readonly #path: string;
  readonly #nonce: string;
  readonly #engines: EngineTable;
  readonly #nodes: Nodes;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  /** When it is written next, on the monotonic clock. */
  #due = Number.POSITIVE_INFINITY;
  #writing: Promise<void> = Promise.resolve();
  #last = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(path: string, nonce: string, engines: EngineTable, nodes: Nodes, log: Log) {
    this.#path = path;
    this.#nonce = nonce;
    this.#engines = engines;
    this.#nodes = nodes;
    this.#log = log;
  }

  /**
   * Somebody came or went: it is written soon, and of a new supervisor at once, since a controller that comes after this one waits for
   * nobody who is not in the file.
   */
  changed(isNew = false): void {
    const now = performance.now();
    const due = Math.max(now + gathering, isNew ? 0 : this.#last + interval);
    if (this.#closed || due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#writing = this.#writing.then(() => this.#write());
    }, due - now);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#writing;
  }

  async #write(): Promise<void> {
    this.#due = Number.POSITIVE_INFINITY;
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
      supervisors: this.#nodes.all.map((node) => ({
        name: node.name,
        host: node.host,
        engines: engines.filter((engine) => engine.node === node).map(({ id, uuid, pid }) => ({ id, uuid, pid })),
      })),
    };
  }
}
