import { IpclusterError } from '../base/errors.js';
import { Timer } from '../base/timer.js';
import { type Deferred, deferred } from '../base/wait.js';
import { type Handlers, handle } from '../protocol/conversations/handlers.js';
import type { Header } from '../protocol/header.js';
import {
  checked,
  decodeMessage,
  type Message,
  type MessageTable,
  type Outgoing,
  type Session,
} from '../protocol/message.js';
import type { ErrorContent, GoodReply, ReplyTo, RequestType } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import { answer, refuse } from './answer.js';
import type { Link } from './link.js';

/** One end of a link that asks questions about the cluster and hears the answers. */
export class Peer {
  readonly link: Link;
  readonly session: Session;
  readonly #asked = new Map<string, Deferred<Message>>();
  #other: (packet: Packet) => void = () => {};

  /** What its answers must be, where whoever gives them is not trusted in all. */
  readonly #answers: MessageTable | undefined;

  constructor(link: Link, session: Session, answers?: MessageTable) {
    this.#answers = answers;
    this.link = link;
    this.session = session;
    link.onPacket((packet) => this.#receive(packet));
    void link.closed.then(() => this.#giveUp());
  }

  /** Packets that answer none of our questions. */
  onPacket(handle: (packet: Packet) => void): void {
    this.#other = handle;
  }

  /**
   * Asks and waits for the answer, which is good: an error in it is thrown.
   * Throws CLOSED when the link ends first, TIMEOUT after `timeout` ms.
   */
  async request<T extends RequestType>(
    outgoing: Outgoing<T>,
    timeout = 30_000,
  ): Promise<Message<ReplyTo<T>> & { content: GoodReply<T> }> {
    if (!this.link.open) throw closedError();
    const header = this.session.header(outgoing.type);
    const answer = deferred<Message>();
    this.#asked.set(header.msg_id, answer);
    this.link.send({ channel: 'hub' }, this.session.encode(outgoing, header));
    const timer = new Timer(timeout, () => answer.reject(timeoutError(outgoing.type, timeout)));
    try {
      const reply = await answer.promise;
      return goodReply(reply) as Message<ReplyTo<T>> & { content: GoodReply<T> };
    } finally {
      timer.end();
      this.#asked.delete(header.msg_id);
    }
  }

  /** Tells something that has no answer, or answers the request whose header is given. */
  tell<T extends Parameters<Session['header']>[0]>(outgoing: Outgoing<T>, to?: Header): void {
    const parent = to ? Buffer.from(JSON.stringify(to)) : undefined;
    const body = this.session.encode({ ...outgoing, parent });
    this.link.send(to ? { channel: 'reply', id: to.msg_id, status: 'ok' } : { channel: 'hub' }, body);
  }

  /**
   * Lets those handlers deal with a message of the other end. Questions are answered, and so is, with an
   * error, what no handler is for and what fails.
   */
  answer<Conversation extends object>(
    message: Message,
    handlers: Handlers<Conversation>,
    sender: string,
  ): Promise<void> {
    return answer(this.link, this.session, message.header, () => handle(handlers, message, sender));
  }

  /** Answers a message with what was wrong with it. */
  refuse({ header }: Message, error: unknown): void {
    refuse(this.link, this.session, header, error);
  }

  #receive(packet: Packet): void {
    const asked = packet.route.channel === 'reply' ? this.#asked.get(packet.route.id) : undefined;
    if (!asked) return this.#other(packet);
    try {
      const message = decodeMessage(packet.body);
      asked.resolve(this.#answers ? checked(message, this.#answers, 'whoever was asked') : message);
    } catch (error) {
      // An answer that cannot be read fails its question, and nothing else.
      asked.reject(error);
    }
  }

  #giveUp(): void {
    for (const answer of this.#asked.values()) answer.reject(closedError());
  }
}

const closedError = (): IpclusterError =>
  new IpclusterError('CLOSED', 'The connection to the controller was closed.', { transient: true });

const timeoutError = (type: string, timeout: number): IpclusterError =>
  new IpclusterError('TIMEOUT', `No answer to ${type} within ${timeout / 1000} s.`, { transient: true });

/** Turns an error in a reply to a question about the cluster into a thrown one. */
function goodReply(reply: Message): Message {
  const content = reply.content as { status?: string };
  if (content.status === 'ok') return reply;
  const { ename, evalue, suggestions } = content as ErrorContent;
  const code = hubErrors.find((name) => name === ename) ?? 'INTERNAL';
  throw new IpclusterError(code, evalue, suggestions ? { suggestions } : {});
}

/** Errors that the controller itself answers with, by name. */
const hubErrors = [
  'USAGE',
  'NOT_FOUND',
  'NO_ENGINES',
  'VERSION',
  'UNAUTHORIZED',
  'STORE',
  'PROTOCOL',
  'SUPERSEDED',
  'INTERNAL',
] as const;
