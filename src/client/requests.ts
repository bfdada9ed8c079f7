import { IpclusterError, isIpclusterError, messageOf } from '../base/errors.js';
import { largeFrame, type MemoryFile, writeMemoryFile } from '../base/memory-files.js';
import { Queue } from '../base/queue.js';
import { tooLarge } from '../protocol/frames.js';
import { decodeMessage, type Message, type Metadata, type Outgoing } from '../protocol/message.js';
import type {
  AbortedContent,
  CommandReport,
  CommandResult,
  ErrorContent,
  MessageType,
} from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import { reuse } from '../protocol/spare-memory.js';
import { decodeValue } from '../protocol/values.js';
import type { Peer } from '../transport/peer.js';
import { Acceptance } from './acceptance.js';
import type { OutputEvent } from './async-result.js';
import type { Connection } from './connection.js';
import { RemoteError } from './remote-error.js';
import type { RequestState } from './request-states.js';

/** A good or bad answer of one engine to one request. */
export interface Answer {
  /** Which of the request's engines; 0 for a balanced task. */
  position: number;
  engineId: number | undefined;
  outcome: { message: Message; value: unknown } | { error: IpclusterError };
  /** Milliseconds that it ran. */
  runTime: number;
}

/** Who wants to hear of a request. */
export interface Listener {
  answer(answer: Answer): void;
  output(event: OutputEvent): void;
}

interface Pending {
  /** The engines asked; undefined for a balanced task. */
  to: readonly number[] | undefined;
  /** Those that have not answered. */
  left: Set<number> | undefined;
  /**
   * The message: of a balanced task until the controller has committed it, of a direct request until it is
   * answered.
   */
  body: readonly Buffer[] | undefined;
  files: readonly MemoryFile[];
  /** True when it went out twice, so that an answer does not mean that nobody reads the message any more. */
  repeated: boolean;
  /** False while it waits here for a connection. */
  sent: boolean;
  listener: Listener;
}

/** The store keeps balanced tasks as they are, and takes no larger ones (bytes). */
const largestTask = 990_000_000;

/** Requests to engines that are on their way: sends them, and brings answers and output back to who asked. */
export class Requests {
  readonly #connection: Connection;
  readonly #pending = new Map<string, Pending>();
  /**
   * Balanced tasks that were sent and are not committed, in the order in which they were sent on this link.
   */
  readonly #unaccepted = new Queue<string>();
  /** Tasks of earlier links that the controller knows, but has only in memory. */
  readonly #doubtful = new Set<string>();
  readonly #acceptance = new Acceptance();
  #accepted = 0;
  #resuming = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Where a request is, by the words of the table of states. */
  stateOf(id: string): RequestState {
    const asked = this.#pending.get(id);
    if (!asked) return 'over';
    if (!asked.sent) return 'waiting';
    if (this.#resuming) return 'resuming';
    if (!asked.left) return asked.body ? 'sent' : 'committed';
    return asked.left.size < (asked.to?.length ?? 0) ? 'partly' : 'sent';
  }

  /** Sends a request to the engines named, or to any when there are none; answers its id. */
  send<T extends MessageType>(
    outgoing: Outgoing<T>,
    to: readonly number[] | undefined,
    listener: Listener,
  ): string {
    const { session } = this.#connection;
    const header = session.header(outgoing.type);
    const id = header.msg_id;
    if (!to) {
      const body = session.encode(outgoing, header);
      const size = body.reduce((sum, { length }) => sum + length, 0);
      if (size > largestTask) throw tooLarge(size, largestTask, 'A task for any engine');
      const sent = this.#connection.send({ channel: 'balanced', id, to: [] }, body);
      this.#pending.set(id, { to, left: undefined, body, files: [], repeated: false, sent, listener });
      this.#unaccepted.push(id);
      this.#acceptance.sent(id);
      return id;
    }
    const { buffers, files } = this.#setAside(outgoing.buffers ?? []);
    const body = session.encode({ ...outgoing, buffers }, header);
    const sent = this.#connection.send(
      { channel: 'direct', id, to: [...to], ...(files.length > 0 && { files }) },
      body,
    );
    this.#pending.set(id, { to, left: new Set(to), body, files, repeated: false, sent, listener });
    return id;
  }

  /**
   * Settles when every balanced task that was sent so far would survive the controller's end: it is in the
   * file of the store. Rejects with NOT_KEPT when the store is only in memory, and with CLOSED when the
   * connection is over; the tasks go on all the same.
   */
  accepted(): Promise<void> {
    return this.#acceptance.all();
  }

  /**
   * The controller has committed so many of the tasks that were sent on this link: they need not be kept
   * here.
   */
  accept(count: number): void {
    for (; this.#accepted < count && this.#unaccepted.size > 0; this.#accepted++) {
      this.#letGo(this.#unaccepted.shift() ?? '');
    }
    // Whatever the controller knew before is in the file, too.
    for (const id of this.#doubtful) this.#letGo(id);
    this.#doubtful.clear();
  }

  #letGo(id: string): void {
    const pending = this.#pending.get(id);
    if (pending) pending.body = undefined;
    this.#acceptance.settled(id);
  }

  /**
   * So many of the tasks that were sent on this link are known to the controller, but only in its memory:
   * they are kept here.
   */
  doubt(count: number, reason: string): void {
    let left = count - this.#accepted;
    for (const id of this.#unaccepted) {
      if (left-- <= 0) break;
      this.#acceptance.doubted(id, reason);
    }
  }

  /**
   * The controller is there again, perhaps another process: asks it what it knows of what is on its way,
   * sends what never came to an engine, and gives up what nobody will answer. `known` are the engines as they
   * were before. Answers those that there are.
   */
  async resume(peer: Peer, known: ReadonlyMap<number, string>): Promise<{ id: number; uuid: string }[]> {
    const pending = [...this.#pending].flatMap(([id, { left, sent }]) =>
      sent ? [{ id, to: left ? [...left] : null }] : [],
    );
    this.#resuming = true;
    const { content } = await peer
      .request({ type: 'resume_request', content: { pending } }, 120_000)
      .finally(() => (this.#resuming = false));
    this.#restart(content.unknown, content.memory);
    for (const id of content.unknown) {
      const asked = this.#pending.get(id);
      if (!asked?.sent) continue;
      if (asked.body && !asked.left) peer.link.send({ channel: 'balanced', id, to: [] }, asked.body);
      else this.#failAll(id, asked, lost('The controller has lost this task.'));
    }
    // An engine that is still the one that was asked has never seen the request, else it would hold it or its
    // answer.
    const same = new Set(content.engines.flatMap(({ id, uuid }) => (known.get(id) === uuid ? [id] : [])));
    for (const { id, engines } of content.lost) this.#resend(peer, id, engines, same);
    // What waited here goes out right after this.
    for (const asked of this.#pending.values()) asked.sent = true;
    return content.engines;
  }

  #resend(peer: Peer, id: string, engines: readonly number[], same: ReadonlySet<number>): void {
    const asked = this.#pending.get(id);
    if (!asked?.left || !asked.sent) return;
    // What was answered while the question was on its way is over.
    const { left } = asked;
    const open = engines.filter((engine) => left.has(engine));
    const [to, gone] = [
      open.filter((engine) => same.has(engine)),
      open.filter((engine) => !same.has(engine)),
    ];
    for (const engine of gone)
      this.#fail(id, asked, engine, lost(`Engine ${engine} ended before it answered.`));
    const files = [...asked.files];
    asked.repeated = true;
    if (to.length > 0)
      peer.link.send({ channel: 'direct', id, to, ...(files.length > 0 && { files }) }, asked.body ?? []);
  }

  /**
   * Leaves large frames in memory of this host, where every engine reads them for itself; their places stay,
   * empty.
   */
  #setAside(buffers: readonly Buffer[]): { buffers: readonly Buffer[]; files: MemoryFile[] } {
    const memory = this.#connection.local ? this.#connection.file.memory : '';
    if (memory === '' || !buffers.some(({ length }) => length >= largeFrame)) return { buffers, files: [] };
    const files: MemoryFile[] = [];
    const kept = buffers.map((buffer, index) => {
      const file = buffer.length >= largeFrame ? writeMemoryFile(memory, index, buffer) : undefined;
      if (file) files.push(file);
      return file ? Buffer.alloc(0) : buffer;
    });
    return { buffers: kept, files };
  }

  /** Takes a packet that belongs to a request; false when it belongs to none. */
  receive({ route, body }: Packet): boolean {
    if (route.channel !== 'reply' && route.channel !== 'output') return false;
    const pending = this.#pending.get(route.id);
    if (!pending) return false;
    if (route.channel === 'output') {
      pending.listener.output({ ...readOutput(body), engineId: route.from, id: route.id });
      return true;
    }
    // The first answer of an engine counts; after a broken connection it may come twice.
    const answer = readReply(body, route.from);
    // Without an engine it is the controller's, and for all that have not answered.
    const engines = route.from === undefined && pending.left ? [...pending.left] : [route.from];
    for (const engineId of engines)
      if (!pending.left || pending.left.has(engineId ?? -1))
        this.#answer(route.id, pending, { engineId, ...answer });
    // Whoever has answered has had all of the message.
    if (pending.left?.size === 0 && !pending.repeated) reuse(pending.body ?? []);
    return true;
  }

  /**
   * A new link: what the controller knows of the sent ones is committed; those it does not know are sent
   * first.
   */
  #restart(unknown: readonly string[], memory: string | null): void {
    const before = [...this.#doubtful, ...this.#unaccepted];
    const waiting = before.filter((id) => this.#pending.get(id)?.sent === false);
    const sent = new Set([...unknown, ...waiting]);
    this.#unaccepted.clear();
    this.#doubtful.clear();
    this.#accepted = 0;
    for (const id of before) {
      if (sent.has(id)) continue;
      if (memory === null || !this.#pending.has(id)) this.#letGo(id);
      else {
        this.#doubtful.add(id);
        this.#acceptance.doubted(id, memory);
      }
    }
    for (const id of unknown) {
      if (!this.#pending.get(id)?.body) continue;
      this.#unaccepted.push(id);
      this.#acceptance.sent(id);
    }
    for (const id of waiting) this.#unaccepted.push(id);
  }

  #answer(id: string, pending: Pending, answer: Omit<Answer, 'position'>): void {
    const engine = answer.engineId ?? -1;
    pending.left?.delete(engine);
    if (!pending.left?.size) this.#pending.delete(id);
    pending.listener.answer({ position: Math.max(0, pending.to?.indexOf(engine) ?? 0), ...answer });
  }

  #fail(id: string, pending: Pending, engineId: number | undefined, error: IpclusterError): void {
    this.#answer(id, pending, { engineId, outcome: { error }, runTime: 0 });
  }

  #failAll(id: string, pending: Pending, error: IpclusterError): void {
    for (const engine of pending.left ? [...pending.left] : [undefined])
      this.#fail(id, pending, engine, error);
  }

  /** The connection is over for good: whoever waits is told. */
  failAll(error: IpclusterError): void {
    for (const [id, pending] of [...this.#pending]) this.#failAll(id, pending, error);
    this.#acceptance.end(error);
  }
}

/** What code has written; where that cannot be read, a notice instead. */
function readOutput(body: Buffer): Pick<OutputEvent, 'name' | 'text' | 'bytes'> {
  try {
    const { content, buffers } = decodeMessage(body);
    const { name, text } = content as OutputEvent;
    const bytes = copyOf(buffers[0]);
    if ((name === 'stdout' || name === 'stderr') && typeof text === 'string')
      return bytes ? { name, text: bytes.toString(), bytes } : { name, text };
  } catch {
    // It is told like any other.
  }
  return { name: 'stderr', text: '[output that cannot be read was dropped]\n' };
}

const lost = (evalue: string): IpclusterError =>
  new RemoteError({ status: 'error', ename: 'EngineError', evalue, traceback: [] }, undefined);

/** Opens an engine's reply; one that cannot be read is an answer, too: its error. */
export function readReply(body: Buffer, engineId: number | undefined): Pick<Answer, 'outcome' | 'runTime'> {
  try {
    const message = decodeMessage(body);
    const content = message.content as { status: string };
    const runTime = runTimeOf(message.metadata, message.header.date);
    if (content.status === 'ok') return { outcome: { message, value: replyValue(message) }, runTime };
    const error = new RemoteError(message.content as ErrorContent | AbortedContent, engineId);
    const { failures } = message.content as ErrorContent;
    if (failures) error.parts = { failures, values: decodeValue(message.buffers) as unknown[] };
    return { outcome: { error }, runTime };
  } catch (cause) {
    const error = isIpclusterError(cause)
      ? cause
      : new IpclusterError('PROTOCOL', messageOf(cause), { cause });
    return { outcome: { error }, runTime: 0 };
  }
}

function runTimeOf(metadata: Metadata, completed: string): number {
  const started = metadata['started'];
  return typeof started === 'string' ? Math.max(0, Date.parse(completed) - Date.parse(started)) : 0;
}

/** The value that a good reply carries. */
function replyValue({ buffers, content }: Message): unknown {
  if ('result' in content) return commandResult(content.result, buffers);
  return decodeValue(buffers);
}

/** Of bytes that came as such a text is made up to this: 16 MiB. */
const mostText = 16 * 1024 * 1024;
const textOf = (bytes: Buffer, text: string): string => (bytes.length > mostText ? text : bytes.toString());

/**
 * A command's result with what it wrote as bytes; they came along where they are no text, and the texts are
 * made of them when asked for.
 */
function commandResult(report: CommandReport, [stdout, stderr]: readonly Buffer[]): CommandResult {
  const texts = stdout &&
    stderr && { stdout: lazily(stdout, report.stdout), stderr: lazily(stderr, report.stderr) };
  return Object.defineProperties({ ...report } as CommandResult, {
    ...texts,
    stdoutBytes: { get: () => copyOf(stdout) ?? Buffer.from(report.stdout) },
    stderrBytes: { get: () => copyOf(stderr) ?? Buffer.from(report.stderr) },
  });
}

const lazily = (bytes: Buffer, text: string): PropertyDescriptor => ({
  enumerable: true,
  configurable: true,
  get: () => textOf(bytes, text),
});

/** Bytes of their own: what a reply has carried is part of a larger buffer. */
const copyOf = (bytes: Buffer | undefined): Buffer | undefined =>
  bytes && Buffer.from(new Uint8Array(bytes).buffer);
