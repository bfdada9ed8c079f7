import { hostname } from 'node:os';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type RegisteredFile, writeRegisteredFile } from '../profile/registered-file.js';
import type { EngineTable } from './engine-table.js';
import type { Nodes } from './nodes.js';

/** Those who come together are written together (milliseconds). */
const gathering = 20;
/** A write is followed by a rest of so many times its length, at most so long (milliseconds): the disk may be slow, and shared. */
const rest = { times: 20, most: 5000 };

/** Keeps `registered.json` up to date: who is registered, for those who cannot ask. */
export class Registrar {
  readonly #path: string;
  readonly #nonce: string;
  readonly #engines: EngineTable;
  readonly #nodes: Nodes;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;
  #writing: Promise<void> = Promise.resolve();
  /** When it may be written again, on the monotonic clock. */
  #rested = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(path: string, nonce: string, engines: EngineTable, nodes: Nodes, log: Log) {
    this.#path = path;
    this.#nonce = nonce;
    this.#engines = engines;
    this.#nodes = nodes;
    this.#log = log;
  }

  /**
   * Somebody came or went, and it is written when the disk has rested; a new supervisor at once, since a controller that comes after
   * this one waits for nobody who is not in the file.
   */
  changed(isNew = false): void {
    const now = performance.now();
    const due = now + Math.max(gathering, isNew ? 0 : this.#rested - now);
    if (this.#closed || due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#writing = this.#writing.then(() => {
        this.#due = Number.POSITIVE_INFINITY;
        return this.#write();
      });
    }, due - now);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#writing;
  }

  async #write(): Promise<void> {
    const begin = performance.now();
    await writeRegisteredFile(this.#path, this.#picture()).catch((error: unknown) =>
      this.#log.warn('the list of engines could not be written', messageOf(error)),
    );
    const end = performance.now();
    this.#rested = end + Math.min(rest.most, rest.times * (end - begin));
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
