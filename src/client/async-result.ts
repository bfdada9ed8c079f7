import { IpclusterError, isIpclusterError, messageOf } from '../base/errors.js';
import { Feed, type FeedLimit } from '../base/feed.js';
import { deferred } from '../base/wait.js';
import type { InterruptOutcome } from '../protocol/messages.js';
import { CompositeError } from './remote-error.js';

/** One value of a result, as it came. */
export interface Item<T> {
  index: number;
  value: T;
  engineId: number | undefined;
}

/** Text that a task wrote. */
export interface OutputEvent {
  name: 'stdout' | 'stderr';
  text: string;
  /** What was written, where that is no text in UTF-8. */
  bytes?: Buffer;
  engineId: number;
  /** Id of the request. */
  id: string;
}

/** How far a result is. */
export interface Progress {
  done: number;
  failed: number;
  total: number;
}

/** When things happened: milliseconds since the epoch, and sums of run times as the engines measured them. */
export interface Timing {
  submitted: number;
  /** Milliseconds from submitting to the last answer, or to now. */
  elapsed: number;
  /** Milliseconds that the tasks ran, added up. */
  serial: number;
}

/** Cancels requests by id; answers how each ended. */
export type CancelRequests = (ids: string[]) => Promise<Record<string, InterruptOutcome>>;

/** Output that nobody takes is kept up to so many characters for each who listens. */
const outputLimit: FeedLimit<OutputEvent> = {
  most: 4 * 1024 * 1024,
  sizeOf: ({ text }) => text.length + 64,
  notice: (dropped, { engineId, id }) => ({
    name: 'stderr',
    engineId,
    id,
    text: `[${dropped} pieces of output were dropped: nobody took them]\n`,
  }),
};

/** How a part ended. */
export type Settled = { value: unknown } | { error: IpclusterError };

/**
 * The result of a request that may have many parts: a promise of all of them, in order, and an async iterable
 * of each as it comes. Nothing is lost when nobody listens, and nothing is thrown then either.
 */
export class AsyncResult<T, I = unknown> implements Promise<T>, AsyncIterable<Item<I>> {
  readonly [Symbol.toStringTag] = 'AsyncResult';
  /** Ids of the requests, for `client.result` later on. */
  readonly ids: string[] = [];
  /** Texts of executed code's last values, by part. */
  readonly texts: string[] = [];
  /** Which engine answered for which part. */
  readonly engineIds: (number | undefined)[] = [];
  readonly #total: number;
  readonly #assemble: (values: unknown[]) => T;
  readonly #cancel: CancelRequests;
  readonly #isMap: boolean;
  /** Loops that are under way. */
  #readers = 0;
  /** True once somebody wants all of it, whatever a loop does. */
  #isAwaited = false;
  readonly #settled: (Settled | undefined)[] = [];
  readonly #arrived: number[] = [];
  readonly #arrivals = new Feed<number>();
  readonly #outputs = new Feed<OutputEvent>(outputLimit);
  readonly #all = deferred<T>();
  readonly #submitted = Date.now();
  #completed: number | undefined;
  #failed = 0;
  #serial = 0;
  #output = '';

  /** @internal Views make results. Of a map, what is left is cancelled when a loop over it ends early. */
  constructor(total: number, assemble: (values: unknown[]) => T, cancel: CancelRequests, isMap = false) {
    this.#isMap = isMap;
    this.#total = total;
    this.#assemble = assemble;
    this.#cancel = cancel;
    this.#all.promise.catch(() => {});
    if (total === 0) this.#complete();
  }

  get progress(): Progress {
    return { done: this.#arrived.length, failed: this.#failed, total: this.#total };
  }

  get timing(): Timing {
    return {
      submitted: this.#submitted,
      elapsed: (this.#completed ?? Date.now()) - this.#submitted,
      serial: this.#serial,
    };
  }

  /**
   * Everything written so far to stdout and stderr, in the order in which it came; the last mebibyte of it.
   */
  get output(): string {
    return this.#output;
  }

  /** Output as it comes, from now on. */
  outputs(signal?: AbortSignal): AsyncIterableIterator<OutputEvent> {
    return this.#outputs.follow(signal);
  }

  // biome-ignore lint/suspicious/noThenProperty: being awaited is what this class is for.
  then<A = T, B = never>(
    onValue?: ((value: T) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isAwaited = true;
    return this.#all.promise.then(onValue, onError);
  }

  /** As a promise has it: for the error alone. */
  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    this.#isAwaited = true;
    return this.#all.promise.catch(onError);
  }

  /** As a promise has it: at the end, whichever it is. */
  finally(onEnd?: (() => void) | null): Promise<T> {
    this.#isAwaited = true;
    return this.#all.promise.finally(onEnd);
  }

  /** How every part ended, in order: for those who want the good ones although others failed. */
  async settled(): Promise<PromiseSettledResult<I>[]> {
    this.#isAwaited = true;
    await this.#all.promise.catch(() => {});
    return this.#settled.map((part) => {
      if (part && 'value' in part) return { status: 'fulfilled', value: part.value as I };
      return { status: 'rejected', reason: part?.error };
    });
  }

  /**
   * Each part as it comes; one that failed throws its error. A loop over a map that ends early cancels what
   * is left, unless all of it is awaited elsewhere.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item<I>> {
    const later = this.#arrivals.follow();
    this.#readers += 1;
    try {
      for (let next = 0; next < this.#total; next++) {
        while (next >= this.#arrived.length) if ((await later.next()).done) break;
        const index = this.#arrived[next];
        if (index !== undefined) yield this.#item(index);
      }
    } finally {
      await later.return?.();
      await this.#left();
    }
  }

  /**
   * Each part in order, as soon as it and those before it are there; ended early like the loop over what
   * comes.
   */
  async *inOrder(): AsyncGenerator<Item<I>> {
    const later = this.#arrivals.follow();
    this.#readers += 1;
    try {
      for (let index = 0; index < this.#total; index++) {
        while (!this.#settled[index]) if ((await later.next()).done) break;
        yield this.#item(index);
      }
    } finally {
      await later.return?.();
      await this.#left();
    }
  }

  /**
   * Cancels what has not ended: queued tasks are removed, running ones interrupted. Answers how, by request.
   */
  cancel(): Promise<Record<string, InterruptOutcome>> {
    return this.#cancel(this.ids);
  }

  /** @internal A part has ended. */
  settle(index: number, outcome: Settled, engineId: number | undefined, runTime = 0): void {
    if (this.#settled[index]) return;
    this.#settled[index] = outcome;
    this.engineIds[index] = engineId;
    this.#serial += runTime;
    if ('error' in outcome) this.#failed += 1;
    this.#arrived.push(index);
    this.#arrivals.push(index);
    if (this.#arrived.length === this.#total) this.#complete();
  }

  /** @internal Whatever has not ended ends with this error. */
  settleLeft(error: IpclusterError): void {
    for (let index = 0; index < this.#total; index++) this.settle(index, { error }, undefined);
  }

  /** @internal A part has written something. */
  write(event: OutputEvent): void {
    this.#output = (this.#output + event.text).slice(-1_048_576);
    this.#outputs.push(event);
  }

  /** A loop is over. Where nobody else wants what has not ended, it is cancelled. */
  async #left(): Promise<void> {
    this.#readers -= 1;
    if (!this.#isMap || this.#readers > 0 || this.#isAwaited || this.#completed !== undefined) return;
    // A connection that is over has nothing to cancel any more; whoever asks the result is told.
    await this.cancel().catch(() => {});
  }

  #item(index: number): Item<I> {
    const part = this.#settled[index];
    if (!part) throw new IpclusterError('INTERNAL', `Part ${index} of a result is not there.`);
    if ('error' in part) throw part.error;
    return { index, value: part.value as I, engineId: this.engineIds[index] };
  }

  /** The parts may be such that they cannot be put together: then that is how it ends. */
  #put(values: unknown[]): void {
    try {
      this.#all.resolve(this.#assemble(values));
    } catch (cause) {
      const sentence = `The parts cannot be put together: ${messageOf(cause)}`;
      this.#all.reject(isIpclusterError(cause) ? cause : new IpclusterError('USAGE', sentence, { cause }));
    }
  }

  #complete(): void {
    this.#completed = Date.now();
    const errors = new Set(this.#settled.flatMap((part) => (part && 'error' in part ? [part.error] : [])));
    const [first] = errors;
    if (errors.size > 1) this.#all.reject(new CompositeError([...errors]));
    else if (first) this.#all.reject(first);
    else this.#put(this.#settled.map((part) => (part && 'value' in part ? part.value : undefined)));
    this.#arrivals.end();
    this.#outputs.end();
  }
}
