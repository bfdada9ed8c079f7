import { hostname } from 'node:os';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type RegisteredFile, writeRegisteredFile } from '../profile/registered-file.js';
import type { EngineTable } from './engine-table.js';
import type { Nodes } from './nodes.js';

/** The file is written at most so often (milliseconds): it may lie on a shared disk. */
const interval = 1000;

/** Keeps `registered.json` up to date: who is registered, for those who cannot ask. */
export class Registrar {
  readonly #path: string;
  readonly #nonce: string;
  readonly #engines: EngineTable;
  readonly #nodes: Nodes;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
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

  /** Somebody came or went: it is written at once, unless that was done a moment ago. */
  changed(): void {
    if (this.#closed || this.#timer) return;
    const wait = Math.max(0, this.#last + interval - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#last = performance.now();
      this.#writing = writeRegisteredFile(this.#path, this.#picture()).catch((error: unknown) =>
        this.#log.warn('the list of engines could not be written', messageOf(error)),
      );
    }, wait);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#writing;
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
