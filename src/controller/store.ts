import { Worker } from 'node:worker_threads';
import { IpclusterError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { programFile } from '../base/package.js';
import { type Deferred, deferred } from '../base/wait.js';
import type { FromStore, ReplyRow, StoreAnswers, StoreQuestion, SubmittedRow, ToStore } from './store-messages.js';

/** Rows wait at most this long for others to be committed with (milliseconds). */
const commitInterval = 10;
/** Bodies of this many bytes together are committed without waiting. */
const largeBatch = 8 * 1024 * 1024;
/** Replies larger than this are not kept: the client has them, and a disk is not a memory. */
const largestBody = 64 * 1024 * 1024;

/** The store of tasks and results as the controller sees it; the database is on a thread of its own. */
export class Store {
  /** Where it is, or why it is only in memory. */
  where = 'opening';
  readonly #worker: Worker;
  readonly #questions = new Map<number, Deferred<unknown>>();
  readonly #log: Log;
  #submitted: SubmittedRow[] = [];
  #replies: ReplyRow[] = [];
  #bodies: Buffer[] = [];
  #size = 0;
  #number = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, log: Log) {
    this.#log = log;
    this.#worker = new Worker(programFile('store'), {
      workerData: { path },
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on('message', (message: FromStore) => this.#hear(message));
    this.#worker.on('error', (error) => {
      this.where = `none (${error.message})`;
      log.error('the store failed; results are not kept from now on', error.message);
      for (const question of this.#questions.values()) question.reject(error);
    });
  }

  submitted(row: Omit<SubmittedRow, 'offset' | 'length'>, body: Buffer | undefined): void {
    this.#submitted.push({ ...row, ...this.#keep(body) });
    this.#schedule();
  }

  replied(row: Omit<ReplyRow, 'offset' | 'length'>, body: Buffer): void {
    this.#replies.push({ ...row, ...this.#keep(body.length > largestBody ? undefined : body) });
    this.#schedule();
  }

  #keep(body: Buffer | undefined): { offset: number; length: number } {
    const kept = { offset: this.#size, length: body?.length ?? 0 };
    if (body) this.#bodies.push(body);
    this.#size += kept.length;
    return kept;
  }

  #schedule(): void {
    if (this.#size >= largeBatch) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), commitInterval);
  }

  /** Sends what waits to be committed. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#submitted.length + this.#replies.length === 0) return;
    // A buffer of its own: handing over a slice would copy, or take away, the memory that it is cut from.
    const blob = new Uint8Array(this.#size);
    let offset = 0;
    for (const body of this.#bodies) {
      blob.set(body, offset);
      offset += body.length;
    }
    const message: ToStore = { kind: 'batch', submitted: this.#submitted, replies: this.#replies, blob };
    this.#worker.postMessage(message, [blob.buffer]);
    this.#submitted = [];
    this.#replies = [];
    this.#bodies = [];
    this.#size = 0;
  }

  /** Asks the database, after everything that was written before. Throws STORE. */
  async ask<Q extends StoreQuestion>(question: Q): Promise<StoreAnswers[Q['kind']]> {
    this.flush();
    this.#number += 1;
    const answer = deferred<unknown>();
    this.#questions.set(this.#number, answer);
    const message: ToStore = { kind: 'question', number: this.#number, question };
    this.#worker.postMessage(message);
    return (await answer.promise) as StoreAnswers[Q['kind']];
  }

  /** Commits what is left and ends the thread. */
  async close(): Promise<void> {
    await this.ask({ kind: 'close' }).catch((error: unknown) => this.#log.warn('the store did not close well', error));
    await this.#worker.terminate();
  }

  #hear(message: FromStore): void {
    if (message.kind === 'opened') {
      this.where = message.where;
      if (message.warning) this.#log.warn(message.warning);
    } else if (message.kind === 'trouble') {
      this.where = `memory (${message.message})`;
      this.#log.warn('the store lost its disk and goes on in memory', message.message);
    } else {
      const question = this.#questions.get(message.number);
      this.#questions.delete(message.number);
      if (message.error !== undefined) question?.reject(new IpclusterError('STORE', message.error));
      else question?.resolve(message.answer);
    }
  }
}
