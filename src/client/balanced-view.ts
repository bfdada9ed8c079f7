import { type Callable, describeFunction } from '../protocol/functions.js';
import type { Outgoing } from '../protocol/message.js';
import type { CommandResult, MessageType } from '../protocol/messages.js';
import { encodeValue, snapshot } from '../protocol/values.js';
import { AsyncResult } from './async-result.js';
import { type ChunkSize, mapInChunks } from './chunks.js';
import { type CommandOptions, commandRequest, encodeOptions, type TaskOptions } from './options.js';
import type { Answer } from './requests.js';
import type { ViewContext } from './view-context.js';

/** Task: any engine, when free. */
export class BalancedView {
  readonly #context: ViewContext;
  readonly #options: TaskOptions;

  /** @internal Use `client.balanced`. */
  constructor(context: ViewContext, options: TaskOptions = {}) {
    this.#context = context;
    this.#options = options;
  }

  /** The same view with other wishes. */
  with(options: TaskOptions): BalancedView {
    return new BalancedView(this.#context, { ...this.#options, ...options });
  }

  /** Calls a function on a free engine. */
  apply<A extends unknown[], R>(
    callable: ((...args: A) => R) | Exclude<Callable, Function>,
    ...args: A
  ): AsyncResult<Awaited<R>> {
    const content = { function: describeFunction(callable) };
    return this.#one({ type: 'apply_request', content, buffers: args.length > 0 ? encodeValue(args) : [] });
  }

  /** Runs code in the namespace of a free engine. */
  execute(code: string): AsyncResult<unknown> {
    return this.#one({ type: 'execute_request', content: { code } });
  }

  /** Runs a shell task on a free engine; its exit code is a value, not an error. */
  command(argv: readonly string[], options: CommandOptions = {}): AsyncResult<CommandResult> {
    return this.#one(commandRequest(argv, options));
  }

  /**
   * Calls a function for each item. `chunk` is how many items make one task: a number, or `auto`, which
   * begins with one and grows them to about 20 ms. Await it for all results in order, or iterate it for each
   * as it comes.
   */
  map<I, R>(
    callable: ((item: I) => R) | Exclude<Callable, Function>,
    items: Iterable<I>,
    options: TaskOptions & { chunk?: ChunkSize } = {},
  ): AsyncResult<Awaited<R>[], Awaited<R>> {
    const { chunk = 'auto', ...wishes } = options;
    const content = { function: describeFunction(callable), each: true };
    const metadata = encodeOptions({ ...this.#options, ...wishes });
    // With `auto` items are sent over time, as they are now.
    const list = chunk === 'auto' ? Array.from(items, snapshot) : [...items];
    return mapInChunks(this.#context, list, chunk, (part) => ({
      type: 'apply_request',
      content,
      metadata,
      buffers: encodeValue(part),
    }));
  }

  #one<T, M extends MessageType>(outgoing: Outgoing<M>): AsyncResult<T> {
    const result = new AsyncResult<T>(1, (parts) => parts[0] as T, this.#context.cancel);
    const answer = ({ engineId, outcome, runTime }: Answer): void => {
      result.settle(0, 'error' in outcome ? outcome : { value: outcome.value }, engineId, runTime);
    };
    const metadata = { ...outgoing.metadata, ...encodeOptions(this.#options) };
    const listener = { answer, output: result.write.bind(result) };
    result.ids.push(this.#context.requests.send({ ...outgoing, metadata }, undefined, listener));
    return result;
  }
}
