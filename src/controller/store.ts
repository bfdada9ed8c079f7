import { Worker } from 'node:worker_threads';
import { IpclusterError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { programFile } from '../base/package.js';
import { Queue } from '../base/queue.js';
import { type Deferred, deferred } from '../base/wait.js';
import type { Commitment } from './receipts.js';
import type {
  FromStore,
  ReplyRow,
  StoreAnswers,
  StoreOptions,
  StoreQuestion,
  SubmittedRow,
  ToStore,
} from './store-messages.js';

/**
 * Rows wait at most this long for others to be committed with (milliseconds): short where somebody waits for
 * it.
 */
const commitInterval = 10;
const idleInterval = 50;
/** Bodies of this many bytes together are committed without waiting. */
const largeBatch = 8 * 1024 * 1024;
/** What a row costs on its way to the disk, beside its body (bytes). */
const rowCost = 500;
/** Replies larger than this are not kept: the client has them, and a disk is not a memory. */
const largestBody = 64 * 1024 * 1024;

/** True for a reply that the store keeps. */
export const keepsBody = (length: number): boolean => length <= largestBody;

/** A batch that the store's thread has and has not committed. */
interface InFlight {
  submitted: readonly SubmittedRow[];
  size: number;
  /** To be called when it is committed. */
  receipt: (commitment: Commitment) => void;
}

/** Who hears what becomes of what the store was given. */
export interface StoreListener {
  /** A batch goes out; what this answers is called when that batch is committed. */
  flushed: () => (commitment: Commitment) => void;
  /** Requests are committed: from now on they survive the controller. */
  committed: (submitted: readonly SubmittedRow[]) => void;
  /** The disk is there again, and everything that was in memory is on it. */
  recovered: () => void;
  /** A request or a reply could not be written because of what it is. */
  refused: (id: string, reason: string) => void;
}

/** The store of tasks and results as the controller sees it; the database is on a thread of its own. */
export class Store {
  #where = 'opening';
  readonly #listener: StoreListener;
  readonly #path: string;
  readonly #worker: Worker;
  readonly #questions = new Map<number, Deferred<unknown>>();
  readonly #log: Log;
  #submitted: SubmittedRow[] = [];
  #replies: ReplyRow[] = [];
  #bodies: Buffer[] = [];
  #size = 0;
  readonly #inFlight = new Queue<InFlight>();
  #inFlightSize = 0;
  #number = 0;
  #timer: NodeJS.Timeout | undefined;
  /** When what waits goes out (monotonic milliseconds). */
  #due = 0;
  #marked = false;
  #lastQuery: Promise<unknown> = Promise.resolve();
  #failed: Error | undefined;

  private constructor(path: string, worker: Worker, log: Log, listener: StoreListener) {
    this.#path = path;
    this.#worker = worker;
    this.#log = log;
    this.#listener = listener;
  }

  /**
   * Opens the database on its thread. The listener hears nothing before the turn is over in which this was
   * called.
   */
  static open(options: StoreOptions, log: Log, listener: StoreListener): Store {
    const worker = new Worker(programFile('store'), {
      workerData: options,
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    const store = new Store(options.path, worker, log, listener);
    worker.on('message', (message: FromStore) => store.#hear(message));
    worker.on('error', (error) => store.#fail(error));
    return store;
  }

  /** Where it is, or why it is only in memory. */
  get where(): string {
    return this.#where;
  }

  /** Bytes that are not on disk yet. */
  get backlog(): number {
    return this.#size + this.#inFlightSize + rowCost * (this.#submitted.length + this.#replies.length);
  }

  /** True when bodies that are committed are on disk and need not stay in memory. */
  get durable(): boolean {
    return this.#where === this.#path;
  }

  submitted(row: Omit<SubmittedRow, 'offset' | 'length'>, body: Buffer | undefined): void {
    this.#submitted.push({ ...row, ...this.#keep(body) });
    this.#schedule(row.queue === 'balanced' ? commitInterval : idleInterval);
  }

  replied(row: Omit<ReplyRow, 'offset' | 'length'>, body: Buffer): void {
    this.#replies.push({ ...row, ...this.#keep(keepsBody(body.length) ? body : undefined) });
    this.#schedule(idleInterval);
  }

  /** Something came that changes nothing here, and is to be acknowledged all the same. */
  mark(): void {
    this.#marked = true;
    this.#schedule(idleInterval);
  }

  #keep(body: Buffer | undefined): { offset: number; length: number } {
    const kept = { offset: this.#size, length: body?.length ?? 0 };
    if (body) this.#bodies.push(body);
    this.#size += kept.length;
    return kept;
  }

  #schedule(interval: number): void {
    if (this.#size >= largeBatch) return this.flush();
    const due = performance.now() + interval;
    if (this.#timer && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    // eslint-disable-next-line house/bounded-delay -- both callers name a constant
    this.#timer = setTimeout(() => this.flush(), interval);
  }

  /** Sends what waits to be committed. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#submitted.length + this.#replies.length === 0 && !this.#marked) return;
    this.#marked = false;
    // A buffer of its own: handing over a slice would copy, or take away, the memory that it is cut from.
    const blob = new Uint8Array(this.#failed ? 0 : this.#size);
    let offset = 0;
    for (const body of this.#failed ? [] : this.#bodies) {
      blob.set(body, offset);
      offset += body.length;
    }
    const size = this.backlog - this.#inFlightSize;
    this.#inFlight.push({ submitted: this.#submitted, size, receipt: this.#listener.flushed() });
    this.#inFlightSize += size;
    const message: ToStore = { kind: 'batch', submitted: this.#submitted, replies: this.#replies, blob };
    if (!this.#failed) this.#worker.postMessage(message, [blob.buffer]);
    this.#submitted = [];
    this.#replies = [];
    this.#bodies = [];
    this.#size = 0;
    // Without a store nothing can be kept, and nobody may wait for it.
    if (this.#failed) this.#committed(false);
  }

  /** Asks the database, after everything that was written before. Throws STORE. */
  async ask<Q extends StoreQuestion>(question: Q): Promise<StoreAnswers[Q['kind']]> {
    if (question.kind !== 'query' && question.kind !== 'records') return this.#askNow(question);
    // These may read everything there is: only one at a time, so that commits go on in between.
    const answer = this.#lastQuery.then(() => this.#askNow(question));
    this.#lastQuery = answer.catch(() => {});
    return answer;
  }

  async #askNow<Q extends StoreQuestion>(question: Q): Promise<StoreAnswers[Q['kind']]> {
    this.flush();
    if (this.#failed) throw new IpclusterError('STORE', `The store has failed: ${this.#failed.message}`);
    this.#number += 1;
    const answer = deferred<unknown>();
    this.#questions.set(this.#number, answer);
    const message: ToStore = { kind: 'question', number: this.#number, question };
    this.#worker.postMessage(message);
    return (await answer.promise) as StoreAnswers[Q['kind']];
  }

  /** Commits what is left and ends the thread. */
  async close(): Promise<void> {
    await this.ask({ kind: 'close' }).catch((error: unknown) =>
      this.#log.warn('the store did not close well', error),
    );
    await this.#worker.terminate();
  }

  /** Why what is committed does not survive the controller; undefined when it does. */
  get trouble(): string | undefined {
    return this.durable ? undefined : this.#where;
  }

  #committed(durable: boolean): void {
    const batch = this.#inFlight.shift();
    if (!batch) return;
    this.#inFlightSize -= batch.size;
    batch.receipt(durable ? { durable } : { durable, reason: this.#where });
    this.#listener.committed(batch.submitted);
  }

  #fail(error: Error): void {
    this.#failed = error;
    this.#where = `none (${error.message})`;
    this.#log.error('the store failed; results are not kept from now on', error.message);
    for (const question of this.#questions.values())
      question.reject(new IpclusterError('STORE', error.message));
    this.#questions.clear();
    while (this.#inFlight.size > 0) this.#committed(false);
  }

  #hear(message: FromStore): void {
    if (message.kind === 'committed') {
      for (const { id, reason } of message.refused) {
        this.#log.warn(`what came under the id ${id} is not in the store`, reason);
        this.#listener.refused(id, reason);
      }
      this.#committed(message.durable);
    } else if (message.kind === 'answer') this.#answered(message);
    else if (message.kind === 'opened') {
      this.#where = message.where;
      if (message.warning) this.#log.warn(message.warning);
    } else if (message.kind === 'trouble') {
      if (this.durable) this.#log.warn('the store lost its disk and goes on in memory', message.message);
      else this.#log.warn('the store has no disk yet', message.message);
      this.#where = `memory (${message.message})`;
    } else {
      this.#where = this.#path;
      this.#log.info('the store has its disk again');
      this.#listener.recovered();
    }
  }

  #answered({ number, answer, error }: Extract<FromStore, { kind: 'answer' }>): void {
    const question = this.#questions.get(number);
    this.#questions.delete(number);
    if (error !== undefined) question?.reject(new IpclusterError('STORE', error));
    else question?.resolve(answer);
  }
}
