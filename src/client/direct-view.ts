import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { IpclusterError, messageOf } from '../base/errors.js';
import { type Callable, describeFunction } from '../protocol/functions.js';
import type { Outgoing } from '../protocol/message.js';
import type { CommandResult, InterruptOutcome, MessageType } from '../protocol/messages.js';
import { encodeValue } from '../protocol/values.js';
import { AsyncResult } from './async-result.js';
import { type CommandOptions, commandRequest } from './options.js';
import { joinParts, type Sequence, splitEvenly } from './partition.js';
import type { Answer } from './requests.js';
import type { Targets } from './targets.js';
import type { ViewContext } from './view-context.js';

export type { Targets } from './targets.js';

/** One value for a view on one engine, an array in order of targets for a view on several. */
export type Each<V extends Targets, T> = V extends number ? T : T[];

/** One value for one name, an array for several. */
export type Pulled<N extends string | string[]> = N extends string ? unknown : unknown[];

/**
 * MultiEngine: these engines, now. Every call goes to all targets; results come in the order of the targets.
 */
export class DirectView<V extends Targets = Targets> {
  readonly #context: ViewContext;
  readonly #targets: V;

  /** @internal Use `client.direct`. */
  constructor(context: ViewContext, targets: V) {
    this.#context = context;
    this.#targets = targets;
  }

  /**
   * The ids that a call would go to now. Throws NO_ENGINES when there is none, NOT_FOUND for an id that is
   * not there.
   */
  get targets(): number[] {
    return this.#context.resolveTargets(this.#targets);
  }

  /** Runs code in the engines' namespace; the value is that of its last expression. */
  execute(code: string, options: { fileName?: string; label?: string } = {}): AsyncResult<Each<V, unknown>> {
    const fileName = options.fileName === undefined ? {} : { fileName: options.fileName };
    return this.#broadcast({
      type: 'execute_request',
      content: { code, ...fileName },
      ...label(options.label),
    });
  }

  /** Runs a file of code of this machine on the engines. Throws USAGE when it cannot be read. */
  async run(path: string): Promise<AsyncResult<Each<V, unknown>>> {
    const code = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw new IpclusterError('USAGE', `The file cannot be read: ${messageOf(cause)}`, { cause });
    });
    return this.execute(code, { fileName: resolve(path) });
  }

  /** Calls a function on every target with the same arguments. */
  apply<A extends unknown[], R>(
    callable: ((...args: A) => R) | Exclude<Callable, Function>,
    ...args: A
  ): AsyncResult<Each<V, Awaited<R>>> {
    const content = { function: describeFunction(callable) };
    return this.#broadcast({
      type: 'apply_request',
      content,
      buffers: args.length > 0 ? encodeValue(args) : [],
    });
  }

  /**
   * Calls a function for each item, the items split evenly over the targets; answers the results in order.
   */
  map<I, R>(
    callable: ((item: I) => R) | Exclude<Callable, Function>,
    items: Iterable<I>,
  ): AsyncResult<Awaited<R>[], Awaited<R>[]> {
    const { targets } = this;
    const content = { function: describeFunction(callable), each: true };
    const blocks = splitEvenly([...items], targets.length);
    const result = new AsyncResult<Awaited<R>[], Awaited<R>[]>(
      targets.length,
      (parts) => parts.flat() as Awaited<R>[],
      this.#context.cancel,
    );
    targets.forEach((target, index) => {
      const outgoing: Outgoing<'apply_request'> = {
        type: 'apply_request',
        content,
        buffers: encodeValue(blocks[index]),
      };
      this.#send(result, outgoing, [target], index);
    });
    return result;
  }

  /** Puts values into the engines' namespace. */
  push(values: Record<string, unknown>): AsyncResult<void> {
    return this.#broadcast(
      { type: 'push_request', content: {}, buffers: encodeValue(values) },
      (): void => {},
    );
  }

  /** Fetches a value by name, or several; `a.b` looks inside. */
  pull<N extends string | string[]>(names: N): AsyncResult<Each<V, Pulled<N>>> {
    const list: string[] = typeof names === 'string' ? [names] : [...names];
    const pick = (values: unknown): unknown =>
      typeof names === 'string' ? (values as unknown[])[0] : values;
    return this.#broadcast(
      { type: 'pull_request', content: { names: list } },
      (parts) => this.#shape(parts.map(pick)) as Each<V, Pulled<N>>,
    );
  }

  /** Splits an array or typed array evenly and puts one part on each target. */
  scatter(name: string, items: Sequence): AsyncResult<void> {
    const { targets } = this;
    const result = new AsyncResult<void>(targets.length, () => {}, this.#context.cancel);
    splitEvenly(items, targets.length).forEach((part, index) => {
      const outgoing: Outgoing<'push_request'> = {
        type: 'push_request',
        content: {},
        buffers: encodeValue({ [name]: part }),
      };
      this.#send(result, outgoing, [targets[index] as number], index);
    });
    return result;
  }

  /** The opposite of {@link scatter}: fetches the parts and joins them in order of the targets. */
  gather(name: string): AsyncResult<Sequence> {
    const join = (parts: unknown[]): Sequence => {
      const values = parts.map((part) => (part as unknown[])[0]);
      if (
        values.every(
          (value) => Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView)),
        )
      )
        return joinParts(values as Sequence[]);
      throw new IpclusterError('USAGE', `${name} cannot be gathered: it is no array on every engine.`);
    };
    return this.#broadcast({ type: 'pull_request', content: { names: [name] } }, join);
  }

  /** Runs a shell task on every target; its exit code is a value, not an error. */
  command(argv: readonly string[], options: CommandOptions = {}): AsyncResult<Each<V, CommandResult>> {
    return this.#broadcast(commandRequest(argv, options));
  }

  /** Empties the engines' namespace. */
  clear(): AsyncResult<void> {
    return this.#broadcast({ type: 'clear_request', content: {} }, (): void => {});
  }

  /** Interrupts whatever the targets run; answers by engine id how that ended. */
  async interrupt(): Promise<Record<string, InterruptOutcome>> {
    return this.#context.interrupt(this.targets);
  }

  /** One message for all targets: it crosses the network once for each node. */
  #broadcast<T, M extends MessageType>(
    outgoing: Outgoing<M>,
    assemble = (parts: unknown[]) => this.#shape(parts) as T,
  ): AsyncResult<T> {
    const { targets } = this;
    const result = new AsyncResult<T>(targets.length, assemble, this.#context.cancel);
    this.#send(result, outgoing, targets, 0);
    return result;
  }

  #send<T, I, M extends MessageType>(
    result: AsyncResult<T, I>,
    outgoing: Outgoing<M>,
    targets: number[],
    base: number,
  ): void {
    const answer = ({ position, engineId, outcome, runTime }: Answer): void => {
      const index = base + position;
      if ('error' in outcome) return result.settle(index, outcome, engineId, runTime);
      const { content } = outcome.message;
      if ('data' in content) result.texts[index] = content.data['text/plain'] ?? '';
      result.settle(index, { value: outcome.value }, engineId, runTime);
    };
    result.ids.push(
      this.#context.requests.send(outgoing, targets, { answer, output: (event) => result.write(event) }),
    );
  }

  #shape(parts: unknown[]): unknown {
    return typeof this.#targets === 'number' ? parts[0] : parts;
  }
}

const label = (text: string | undefined): { metadata?: { label: string } } =>
  text === undefined ? {} : { metadata: { label: text } };
