import { IpclusterError, messageOf } from '../base/errors.js';
import { largeFrame, type MemoryFile, writeMemoryFile } from '../base/memory-files.js';
import { decodeMessage, type Message, type Metadata, type Outgoing } from '../protocol/message.js';
import type { AbortedContent, ErrorContent, MessageType } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import { decodeValue } from '../protocol/values.js';
import type { Peer } from '../transport/peer.js';
import type { OutputEvent } from './async-result.js';
import { RemoteError } from './remote-error.js';

/** A good or bad answer of one engine to one request. */
export interface Answer {
  /** Which of the request's engines; 0 for a balanced task. */
  position: number;
  engineId: number | undefined;
  outcome: { message: Message } | { error: IpclusterError };
  /** Milliseconds that it ran. */
  runTime: number;
}

/** Who wants to hear of a request. */
export interface Listener {
  answer(answer: Answer): void;
  output(event: OutputEvent): void;
}

interface Pending {
  to: readonly number[];
  left: number;
  listener: Listener;
}

/** Requests to engines that are on their way: sends them, and brings answers and output back to who asked. */
export class Requests {
  readonly #peer: Peer;
  /** Where large frames may be left for peers on this host; empty for nowhere. */
  readonly #memory: string;
  readonly #pending = new Map<string, Pending>();

  constructor(peer: Peer, memory: string) {
    this.#peer = peer;
    this.#memory = peer.link.local ? memory : '';
    void peer.link.closed.then((error) => this.#failAll(error));
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Sends a request to the engines named, or to any when there are none; answers its id. */
  send<T extends MessageType>(outgoing: Outgoing<T>, to: readonly number[] | undefined, listener: Listener): string {
    if (!this.#peer.link.open) throw new IpclusterError('CLOSED', 'This client is closed.');
    const header = this.#peer.session.header(outgoing.type);
    const id = header.msg_id;
    this.#pending.set(id, { to: to ?? [], left: to?.length ?? 1, listener });
    if (!to) {
      this.#peer.link.send({ channel: 'balanced', id, to: [] }, this.#peer.session.encode(outgoing, header));
      return id;
    }
    const { buffers, files } = this.#setAside(outgoing.buffers ?? []);
    const body = this.#peer.session.encode({ ...outgoing, buffers }, header);
    this.#peer.link.send({ channel: 'direct', id, to: [...to], ...(files.length > 0 ? { files } : {}) }, body);
    return id;
  }

  /** Leaves large frames in memory of this host, where every engine reads them for itself; their places stay, empty. */
  #setAside(buffers: readonly Buffer[]): { buffers: readonly Buffer[]; files: MemoryFile[] } {
    if (this.#memory === '' || !buffers.some(({ length }) => length >= largeFrame)) return { buffers, files: [] };
    const files: MemoryFile[] = [];
    const kept = buffers.map((buffer, index) => {
      const file = buffer.length >= largeFrame ? writeMemoryFile(this.#memory, index, buffer) : undefined;
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
      const { name, text } = decodeMessage(body).content as OutputEvent;
      pending.listener.output({ name, text, engineId: route.from, id: route.id });
      return true;
    }
    pending.left -= 1;
    if (pending.left === 0) this.#pending.delete(route.id);
    const position = Math.max(0, pending.to.indexOf(route.from ?? -1));
    pending.listener.answer({ position, engineId: route.from, ...readReply(body, route.from) });
    return true;
  }

  #failAll(cause: Error | undefined): void {
    const why = cause ? ` (${messageOf(cause)})` : '';
    const error = new IpclusterError('CLOSED', `The connection to the controller was closed${why} before the answer came.`, {
      cause,
    });
    for (const { to, listener } of this.#pending.values()) {
      for (let position = 0; position < Math.max(1, to.length); position++) {
        listener.answer({ position, engineId: to[position], outcome: { error }, runTime: 0 });
      }
    }
    this.#pending.clear();
  }
}

/** Opens an engine's reply. */
export function readReply(body: Buffer, engineId: number | undefined): Pick<Answer, 'outcome' | 'runTime'> {
  const message = decodeMessage(body);
  const content = message.content as { status: string };
  const runTime = runTimeOf(message.metadata, message.header.date);
  if (content.status === 'ok') return { outcome: { message }, runTime };
  return { outcome: { error: new RemoteError(message.content as ErrorContent | AbortedContent, engineId) }, runTime };
}

function runTimeOf(metadata: Metadata, completed: string): number {
  const started = metadata['started'];
  return typeof started === 'string' ? Math.max(0, Date.parse(completed) - Date.parse(started)) : 0;
}

/** The value that a good reply carries. */
export function replyValue({ buffers, content }: Message): unknown {
  if ('result' in content) return content.result;
  return decodeValue(buffers);
}
