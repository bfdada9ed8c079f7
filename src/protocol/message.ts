import { IpclusterError } from '../base/errors.js';
import { userName } from '../base/owner.js';
import { decodeFrames, encodeFrames, firstFrames } from './frames.js';
import type { Guard } from './guards.js';
import type { Header } from './header.js';
import type { MessageContents, MessageType } from './messages.js';

/** Facts beside the content that relays may read: scheduling wishes on requests, timing on replies. */
export type Metadata = Record<string, unknown>;

/** IPython's message; `parent` is the header of the request that it belongs to, absent for none. */
export interface Message<T extends MessageType = MessageType> {
  header: Header<T>;
  parent: Header | undefined;
  metadata: Metadata;
  content: MessageContents[T];
  buffers: Buffer[];
}

/** What a sender gives; the rest of the message is made by its {@link Session}. */
export interface Outgoing<T extends MessageType> {
  type: T;
  content: MessageContents[T];
  parent?: Buffer | undefined;
  metadata?: Metadata;
  buffers?: readonly Buffer[];
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const empty = Buffer.from('{}');

/** The identity under which one process sends; numbers its messages. */
export class Session {
  readonly id: string;
  readonly #username: string;
  readonly #name: string;
  #count = 0;

  /** `name` begins the ids of its messages, where another process sends under the same session. */
  constructor(id: string, name = id) {
    this.id = id;
    this.#name = name;
    this.#username = userName();
  }

  /** A header for the next message of that type, with an id that nobody else uses. */
  header<T extends MessageType>(type: T): Header<T> {
    this.#count += 1;
    return {
      msg_id: `${this.#name}_${process.pid}_${this.#count}`,
      msg_type: type,
      username: this.#username,
      session: this.id,
      date: new Date().toISOString(),
      version: '5.3',
    };
  }

  /** Encodes a message as a body, under a new header or the one given. */
  encode<T extends MessageType>(
    outgoing: Outgoing<T>,
    header: Header<T> = this.header(outgoing.type),
  ): Buffer[] {
    return encodeFrames([
      json(header),
      outgoing.parent ?? empty,
      outgoing.metadata ? json(outgoing.metadata) : empty,
      json(outgoing.content),
      ...(outgoing.buffers ?? []),
    ]);
  }
}

/** Reads a body whole. Throws PROTOCOL when it is no message. */
export function decodeMessage(body: Buffer): Message {
  const [header, parent, metadata, content, ...buffers] = decodeFrames(body);
  const parentHeader = parseFrame(parent) as unknown as Header;
  return {
    // Of what type it is at all, is for whoever handles it to see.
    header: parseHeader(header) as Header<MessageType>,
    parent: 'msg_id' in parentHeader ? parentHeader : undefined,
    metadata: parseFrame(metadata),
    content: parseFrame(content) as unknown as MessageContents[MessageType],
    buffers,
  };
}

/** The head of a body: what relays may read of a message. */
export interface Head {
  header: Header;
  bytes: Buffer;
  metadata: () => Metadata;
}

/** The header of a body and its bytes, without reading the rest. */
export function headerOf(body: Buffer): Head {
  const [bytes, , metadata] = firstFrames(body, 3);
  return { header: parseHeader(bytes), bytes: bytes as Buffer, metadata: () => parseFrame(metadata) };
}

/** What a header's fields may have of characters: they are written down, and stand in every reply. */
const longest = { msg_id: 512, msg_type: 256, session: 256, date: 64, username: 256, version: 64 } as const;

function parseHeader(frame: Buffer | undefined): Header {
  const header = parseFrame(frame);
  for (const name of ['msg_id', 'msg_type', 'session'] as const) {
    const value = header[name];
    if (typeof value !== 'string')
      throw new IpclusterError('PROTOCOL', `A message has a header without ${name}.`);
    if (value.length > longest[name])
      throw new IpclusterError('PROTOCOL', `A message has a header with too long a ${name}.`);
  }
  for (const name of ['date', 'username', 'version'] as const) {
    const value = header[name];
    if (value !== undefined && (typeof value !== 'string' || value.length > longest[name]))
      throw new IpclusterError('PROTOCOL', `A message has a header whose ${name} is no short text.`);
  }
  // What is written down has a date, if only an empty one.
  header['date'] ??= '';
  return header as unknown as Header;
}

/** A table of guards for what one role may send, by type. */
export type MessageTable = { readonly [T in MessageType]?: Guard<MessageContents[T]> };

/**
 * The message with what its content is known to have, by the table of whoever sent it. Throws PROTOCOL for a
 * type that is not in it, and USAGE for a field that is wrong.
 */
export function checked(message: Message, table: MessageTable, sender: string): Message {
  const type = message.header.msg_type;
  const guard = Object.hasOwn(table, type) ? table[type] : undefined;
  if (!guard) throw unknownMessage(type, sender);
  return { ...message, content: guard.read(message.content, type) };
}

/** What is said of a message that nobody handles. */
export const unknownMessage = (type: string, sender: string): IpclusterError =>
  new IpclusterError('PROTOCOL', `Nobody here knows a ${type} from ${sender}.`);

function parseFrame(frame: Buffer | undefined): Metadata {
  try {
    const value: unknown = JSON.parse((frame ?? empty).toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Metadata;
  } catch (cause) {
    throw new IpclusterError('PROTOCOL', 'A message has a part that is no JSON.', { cause });
  }
  throw new IpclusterError('PROTOCOL', 'A message has a part that is no object.');
}

/** The type of the reply to a request. */
export function replyTypeOf(type: string): MessageType {
  return type.replace(/_request$/, '_reply') as MessageType;
}

/** True when the message is of that type; narrows its content. */
export function isMessage<T extends MessageType>(message: Message, type: T): message is Message<T> {
  return message.header.msg_type === type;
}
