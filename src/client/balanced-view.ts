import { type Callable, describeFunction } from '../protocol/functions.js';
import type { Metadata, Outgoing } from '../protocol/message.js';
import type { CommandResult, MessageType } from '../protocol/messages.js';
import { encodeValue } from '../protocol/values.js';
import { AsyncResult } from './async-result.js';
import { type ChunkSize, mapInChunks } from './chunks.js';
import type { CommandOptions } from './direct-view.js';
import { type Answer, replyValue } from './requests.js';
import type { ViewContext } from './view-context.js';

/** What a task waits for: results of earlier balanced tasks, or their ids. */
export type After = Submitted | string | readonly (Submitted | string)[];

/** Something that was submitted: any {@link AsyncResult}. */
export interface Submitted {
  readonly ids: readonly string[];
}

/** A dependency spelled out; a plain {@link After} means: all of them, and successfully. */
export interface Condition {
  tasks: After;
  /** All of them, or any one. */
  all?: boolean;
  success?: boolean;
  failure?: boolean;
}

/** Wishes about how tasks are scheduled. */
export interface TaskOptions {
  /** Engines that it may run on. */
  targets?: readonly number[];
  /** Run only after these. */
  after?: After | Condition;
  /** Run on an engine where these ran. */
  follow?: After | Condition;
  /** How often to try again elsewhere when the code fails. */
  retries?: number;
  /** Milliseconds that it may wait for an engine. */
  timeout?: number;
  /** Milliseconds that it may run. */
  timeLimit?: number;
  /** Higher goes first; 0 when absent. */
  priority?: number;
  /** A name to find its record by. */
  label?: string;
}

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
    const { stream = true, ...content } = options;
    return this.#one({ type: 'command_request', content: { ...content, argv: [...argv] }, metadata: { stream } });
  }

  /**
   * Calls a function for each item. `chunk` is how many items make one task: a number, or `auto`, which begins with one and
   * grows them to about 20 ms. Await it for all results in order, or iterate it for each as it comes.
   */
  map<I, R>(
    callable: ((item: I) => R) | Exclude<Callable, Function>,
    items: Iterable<I>,
    options: TaskOptions & { chunk?: ChunkSize } = {},
  ): AsyncResult<Awaited<R>[], Awaited<R>> {
    const { chunk = 'auto', ...wishes } = options;
    const content = { function: describeFunction(callable), each: true };
    const metadata = encodeOptions({ ...this.#options, ...wishes });
    return mapInChunks(this.#context, [...items], chunk, (part) => ({
      type: 'apply_request',
      content,
      metadata,
      buffers: encodeValue(part),
    }));
  }

  #one<T, M extends MessageType>(outgoing: Outgoing<M>): AsyncResult<T> {
    const result = new AsyncResult<T>(1, (parts) => parts[0] as T, this.#context.cancel);
    const answer = ({ engineId, outcome, runTime }: Answer): void => {
      result.settle(0, 'error' in outcome ? outcome : { value: replyValue(outcome.message) }, engineId, runTime);
    };
    const metadata = { ...outgoing.metadata, ...encodeOptions(this.#options) };
    const listener = { answer, output: result.write.bind(result) };
    result.ids.push(this.#context.requests.send({ ...outgoing, metadata }, undefined, listener));
    return result;
  }
}

/** Wishes as the message's metadata: IPython's names, times in seconds. */
function encodeOptions({ targets, after, follow, retries, timeout, timeLimit, priority, label }: TaskOptions): Metadata {
  return {
    ...(targets && { targets }),
    ...(after && { after: encodeCondition(after) }),
    ...(follow && { follow: encodeCondition(follow) }),
    ...(retries && { retries }),
    ...(timeout && { timeout: timeout / 1000 }),
    ...(timeLimit && { time_limit: timeLimit / 1000 }),
    ...(priority && { priority }),
    ...(label && { label }),
  };
}

function encodeCondition(wish: After | Condition): Metadata {
  if (typeof wish === 'object' && 'tasks' in wish) {
    const { tasks, all = true, success = true, failure = false } = wish;
    return { dependencies: idsOf(tasks), all, success, failure };
  }
  return { dependencies: idsOf(wish), all: true, success: true, failure: false };
}

function idsOf(after: After): string[] {
  if (typeof after === 'string') return [after];
  return 'ids' in after ? [...after.ids] : after.flatMap(idsOf);
}
