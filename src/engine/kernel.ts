import { isShortage } from '../base/errors.js';
import { readMemoryFile } from '../base/memory-files.js';
import type { ClientToEngine } from '../protocol/conversations/client-engine.js';
import { type Answer, type Handlers, isHandled } from '../protocol/conversations/handlers.js';
import { decodeFrames, encodeFrames } from '../protocol/frames.js';
import { decodeMessage, isMessage, type Message, replyTypeOf, type Session } from '../protocol/message.js';
import type { InterruptOutcome } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import type { EngineRoute, ReplyStatus, Route } from '../protocol/routes.js';
import { decodeValue, encodeOwn } from '../protocol/values.js';
import type { Commands } from './command.js';
import { answerEach, applyEach } from './each.js';
import { describeFailure, showValue } from './failure.js';
import { Namespace } from './namespace.js';
import { OutputCollector } from './output.js';
import { phase, type Slots } from './slots.js';
import { settled } from './user-side.js';

/** One request while it is in the engine. */
interface Running {
  route: EngineRoute;
  /** The request's header as received; every reply carries it. */
  header: Buffer;
  session: string;
  type: string;
  started: string;
  cancel?: () => void;
}

/** What executed code gives. */
type Executed = Answer<ClientToEngine['execute_request']['answer']>;

export interface KernelOptions {
  slots: Slots;
  session: Session;
  commands: Commands;
  /** Takes in what has come since, and hands it to {@link Kernel.accept}. */
  receive: () => void;
  send: (route: Route, body: Buffer[]) => void;
  /** Bytes that were sent and that the supervisor has not taken yet. */
  backlog: () => number;
}

/** Output beyond this is dropped while nobody takes it: an endless print must not fill the memory. */
const outputLimit = 4 * 1024 * 1024;

/** Runs requests one at a time, in the order in which they came. */
export class Kernel {
  engineId = -1;
  readonly output: OutputCollector;
  readonly #slots: Slots;
  readonly #session: Session;
  readonly #commands: Commands;
  readonly #receive: KernelOptions['receive'];
  readonly #send: KernelOptions['send'];
  readonly #backlog: KernelOptions['backlog'];
  #dropped = 0;
  readonly #namespace = new Namespace();
  readonly #queue: Packet[] = [];
  #current: Running | undefined;
  #last: Running | undefined;
  #interrupted = -1;
  #ready = false;

  constructor({ slots, session, commands, receive, send, backlog }: KernelOptions) {
    this.#receive = receive;
    this.#backlog = backlog;
    this.#commands = commands;
    this.#slots = slots;
    this.#session = session;
    this.#send = send;
    this.output = new OutputCollector(
      (name, text, bytes) => this.#stream(name, text, bytes),
      (work) => slots.inside(work),
    );
  }

  /** Starts on what has come: not before the watcher can interrupt it. */
  start(): void {
    this.#ready = true;
    this.wake();
  }

  /** Takes a request. */
  accept(packet: Packet): void {
    this.#queue.push(packet);
  }

  /**
   * Takes in what has come, and runs what waits. An interrupt may end this before it has begun: what has come
   * must be kept.
   */
  wake(): void {
    this.#slots.inside(() => this.#pump());
  }

  /**
   * The watcher wants that request settled, after it terminated its code or instead of that. Answers how it
   * ended; then {@link wake}.
   */
  settle(sequence: number): InterruptOutcome {
    const running = this.#current;
    if (running?.route.sequence !== sequence)
      return sequence === this.#interrupted ? 'interrupted' : 'finished';
    const terminated = !this.#slots.isIn(sequence, phase.awaiting);
    const outcome = running.cancel ? 'killed' : terminated ? 'interrupted' : 'abandoned';
    this.#slots.inside(() => {
      running.cancel?.();
      this.#finish(running, 'aborted', { content: { status: 'aborted', how: outcome } });
    });
    return outcome;
  }

  #pump(): void {
    this.#receive();
    while (this.#ready && !this.#current) {
      const packet = this.#queue.shift();
      if (!packet) return;
      const route = packet.route as EngineRoute;
      if (this.#slots.begin(route.sequence)) this.#run(route, packet.body);
    }
  }

  #run(route: EngineRoute, body: Buffer): void {
    const header = decodeFrames(body)[0] as Buffer;
    const running: Running = {
      route,
      header,
      session: '',
      type: 'error_reply',
      started: new Date().toISOString(),
    };
    this.#current = running;
    this.#last = running;
    try {
      const message = decodeMessage(body);
      for (const file of route.files ?? []) message.buffers[file.index] = readMemoryFile(file);
      running.session = message.header.session;
      running.type = message.header.msg_type;
      const answer = this.#handle(message, running);
      if (answer instanceof Promise) this.#await(running, answer);
      else if (this.#release(running, phase.running)) this.#succeed(running, answer);
    } catch (error) {
      const failure = this.#slots.outside(() => this.#describe(running, error));
      if (this.#release(running, phase.running)) this.#finish(running, ...failure);
    }
  }

  #await(running: Running, answer: Promise<Answer>): void {
    const { sequence } = running.route;
    if (!this.#slots.advance(sequence, phase.running, phase.awaiting)) return this.#wait(running);
    const then = (end: () => void): void => {
      if (this.#current !== running) return;
      this.#slots.inside(() => {
        if (this.#release(running, phase.awaiting)) end();
        this.#pump();
      });
    };
    answer.then(
      (value) => then(() => this.#succeed(running, value)),
      (error: unknown) => {
        if (this.#current !== running) return;
        const failure = this.#describe(running, error);
        then(() => this.#finish(running, ...failure));
      },
    );
  }

  /**
   * Leaves the part in which the request can be interrupted; false when it was interrupted and is settled so.
   */
  #release(running: Running, from: number): boolean {
    if (this.#slots.advance(running.route.sequence, from, phase.done)) return true;
    this.#wait(running);
    return false;
  }

  /**
   * The watcher has aimed at this request and its termination is on the way: wait for it here, where it ends
   * nothing else. Either the loop is terminated, and the watcher has the request settled, or the termination
   * struck before and we do it.
   */
  #wait(running: Running): void {
    const { sequence } = running.route;
    const end = performance.now() + 10_000;
    this.#slots.outside(() => {
      while (this.#slots.isIn(sequence, phase.signalled) && performance.now() < end);
    });
    this.#interrupted = sequence;
    this.#finish(running, 'aborted', { content: { status: 'aborted', how: 'interrupted' } });
  }

  #handle(message: Message, running: Running): Answer | Promise<Answer> {
    if (!isHandled<ClientToEngine>(message, this.#handlers))
      throw new TypeError(`An engine knows no ${message.header.msg_type}`);
    if (isMessage(message, 'command_request')) return this.#call(message, running);
    this.#commands.forgetEnvironment();
    return this.#slots.outside(() => this.#call(message, running));
  }

  #call<T extends keyof ClientToEngine>(message: Message<T>, running: Running): Answer | Promise<Answer> {
    return this.#handlers[message.header.msg_type](message, running);
  }

  readonly #handlers: Handlers<ClientToEngine, [Running]> = {
    command_request: (message, running) =>
      this.#commands.run(message, running, (name, text, bytes) => this.#take(running, name, text, bytes)),
    apply_request: (message) => this.#apply(message),
    execute_request: (message) => this.#execute(message),
    push_request: ({ buffers }) => {
      this.#namespace.push(decodeValue(buffers) as object);
      return { content: { status: 'ok' } };
    },
    pull_request: ({ content: { names } }) => ({
      content: { status: 'ok' },
      buffers: encodeOwn(this.#namespace.pull(names)),
    }),
    clear_request: () => {
      this.#namespace.clear();
      return { content: { status: 'ok' } };
    },
  };

  #execute({ content: { code, fileName } }: Message<'execute_request'>): Executed | Promise<Executed> {
    const answer = (value: unknown): Executed => {
      const { frames, cloneable } = encodeIfCloneable(value);
      const data = value === undefined ? {} : { 'text/plain': showValue(value) };
      return {
        content: { status: 'ok', execution_count: this.#namespace.executions, data, cloneable },
        buffers: frames,
      };
    };
    return afterwards(this.#namespace.execute(code, fileName), answer);
  }

  #apply({ content, buffers }: Message<'apply_request'>): Answer | Promise<Answer> {
    const given = (decodeValue(buffers) ?? []) as unknown[];
    const answer = (value: unknown): Answer => ({ content: { status: 'ok' }, buffers: encodeOwn(value) });
    const each = (ends: Awaited<ReturnType<typeof applyEach>>): Answer =>
      answerEach(ends, encodeOwn, (error) => describeFailure(error, true));
    const run = (apply: (...values: unknown[]) => unknown): Answer | Promise<Answer> => {
      if (!content.each) return afterwards(Reflect.apply(apply, undefined, given), answer);
      const ends = applyEach(apply, given);
      return ends instanceof Promise ? ends.then(each) : each(ends);
    };
    const reference = content.function;
    return 'source' in reference
      ? run(this.#namespace.fromSource(reference.source))
      : this.#namespace.resolve(reference).then(run);
  }

  #succeed(running: Running, answer: Answer): void {
    const { status } = answer.content as { status: ReplyStatus };
    try {
      this.#finish(running, status, answer);
    } catch (error) {
      // It could not be sent as it is: that is the answer then.
      this.#finish(running, ...this.#describe(running, error));
    }
  }

  /** What of an error goes into the reply. Looking at what was thrown may run code of the user. */
  #describe(running: Running, error: unknown): [ReplyStatus, Answer] {
    const isShort = running.type === 'command_request' && isShortage(error);
    return [
      isShort ? 'short' : 'error',
      { content: describeFailure(error, running.type === 'apply_request') },
    ];
  }

  #finish(running: Running, status: ReplyStatus, { content, buffers = [] }: Answer): void {
    this.#current = undefined;
    this.#slots.put(running.route.sequence, phase.done);
    this.output.end();
    this.#tellDropped(running);
    const type = replyTypeOf(running.type);
    const metadata = {
      started: running.started,
      engine: this.#session.id,
      engine_id: this.engineId,
      status: status === 'short' ? 'error' : status,
    };
    const frames = [this.#session.header(type), metadata, content].map((part) =>
      Buffer.from(JSON.stringify(part)),
    );
    const [header, meta, contentFrame] = frames as [Buffer, Buffer, Buffer];
    const body = encodeFrames([header, running.header, meta, contentFrame, ...buffers]);
    this.#send({ channel: 'reply', id: running.route.id, status, from: this.engineId }, body);
    const files = this.#namespace.loaded.news();
    if (files.length > 0) {
      this.#send({ channel: 'hub' }, this.#session.encode({ type: 'engine_loaded', content: { files } }));
    }
  }

  /** Output of a command: nobody's once its request is over. */
  #take(running: Running, name: 'stdout' | 'stderr', text: string, bytes: Buffer | undefined): void {
    if (this.#current !== running) return;
    if (!bytes) return this.output.write(name, text);
    this.output.flush();
    this.#slots.inside(() => this.#stream(name, text, bytes));
  }

  /** What was dropped is told at the request that it belongs to, where it is missing. */
  #tellDropped(running: Running): void {
    if (this.#dropped === 0) return;
    const notice =
      `[${this.#dropped} characters of output were dropped: they came faster than they could ` +
      'be taken]\n';
    this.#dropped = 0;
    this.#publish(running, 'stderr', notice);
  }

  #stream(name: 'stdout' | 'stderr', text: string, bytes?: Buffer): void {
    const running = this.#current ?? this.#last;
    if (!running) return;
    if (this.#backlog() > outputLimit) {
      this.#dropped += text.length;
      return;
    }
    this.#tellDropped(running);
    this.#publish(running, name, text, bytes);
  }

  #publish(running: Running, name: 'stdout' | 'stderr', text: string, bytes?: Buffer): void {
    // As bytes it is not sent twice: whoever wants a text makes it of them.
    const [content, buffers] = [{ name, text: bytes ? '' : text }, bytes ? [bytes] : []];
    const body = this.#session.encode({ type: 'stream', content, parent: running.header, buffers });
    this.#send(
      { channel: 'output', id: running.route.id, session: running.session, from: this.engineId },
      body,
    );
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** Goes on with a value of user code: now, or when it is there. */
function afterwards<T>(value: unknown, then: (value: unknown) => T): T | Promise<T> {
  if (!isThenable(value)) return then(value);
  return new Promise((resolve, reject) => {
    const hand = (settledValue: unknown): void => {
      try {
        resolve(then(settledValue));
      } catch (error) {
        reject(error);
      }
    };
    void settled(value, hand, reject);
  });
}

/** The value of executed code is a courtesy: what cannot travel is shown as text only. */
function encodeIfCloneable(value: unknown): { frames: Buffer[]; cloneable: boolean } {
  try {
    return { frames: encodeOwn(value), cloneable: true };
  } catch {
    return { frames: [], cloneable: false };
  }
}
