import { IpclusterError } from '../base/errors.js';
import { newToken } from '../base/identifiers.js';
import { packageVersion } from '../base/package.js';
import { Queue } from '../base/queue.js';
import { type Outgoing, Session } from '../protocol/message.js';
import {
  type GoodReply,
  type MessageContents,
  protocolVersion,
  type RequestType,
} from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import type { Route } from '../protocol/routes.js';
import type { Link } from '../transport/link.js';
import { Peer } from '../transport/peer.js';
import type { Broadcast } from './broadcast.js';
import type { Endpoint } from './endpoint.js';
import type { WireHeader } from './wire.js';

/** A request of a client of Python that is not answered yet. */
export interface Asked {
  /** Where the answer goes out, and to whom. */
  socket: Endpoint;
  to: Buffer;
  /** True for a task that any engine may have. */
  balanced: boolean;
  header: WireHeader;
  headerFrame: Buffer;
  /** True when nothing but output was asked for by code that is run. */
  silent: boolean;
  broadcast: Broadcast | undefined;
}

/** Shows the controller that a session which comes back is one of this gateway. */
const key = newToken();

/** So many answered requests are remembered by their ids. */
const mostAnswered = 100;

/**
 * One client of Python: a native client of its own towards the controller, under its own session, from when
 * it asks for something that the controller must see.
 */
export class PythonClient {
  readonly session: string;
  readonly asked = new Map<string, Asked>();
  /** Questions of it that are not answered yet. */
  questions = 0;
  readonly #answered = new Set<string>();
  readonly #waiting = new Queue<{ route: Route; body: readonly Buffer[] }>();
  readonly #connect: () => Promise<Link>;
  readonly #lease: number;
  readonly #onPacket: (packet: Packet) => void;
  #opened: Promise<Peer> | undefined;
  #link: Link | undefined;

  constructor(
    session: string,
    connect: () => Promise<Link>,
    lease: number,
    onPacket: (packet: Packet) => void,
  ) {
    this.session = session;
    this.#connect = connect;
    this.#lease = lease;
    this.#onPacket = onPacket;
  }

  #peer(): Promise<Peer> {
    if (!this.#opened) {
      this.#opened = this.#open();
      // Whoever asks hears of a connection that failed; nobody has to.
      this.#opened.catch(() => {});
    }
    return this.#opened;
  }

  async #open(): Promise<Peer> {
    const link = await this.#connect();
    link.keepLease(this.#lease);
    // Python's client numbers its own messages under this session.
    const peer = new Peer(link, new Session(this.session, `gateway-${this.session}`));
    peer.onPacket(this.#onPacket);
    const greeted = peer.request({
      type: 'connection_request',
      content: { version: packageVersion(), protocol: protocolVersion, key },
    });
    this.#link = link;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift())
      link.send(next.route, next.body);
    await greeted;
    return peer;
  }

  /** True for a request that has come, whether it is answered or not. */
  knows(id: string): boolean {
    return this.asked.has(id) || this.#answered.has(id);
  }

  /** A request has all its answers. */
  settle(id: string): void {
    this.asked.delete(id);
    this.#answered.add(id);
    if (this.#answered.size > mostAnswered)
      this.#answered.delete(this.#answered.values().next().value as string);
  }

  /** Sends a request to engines, in the order in which they came. */
  send(route: Route, body: readonly Buffer[]): void {
    if (this.#link) return this.#link.send(route, body);
    this.#waiting.push({ route, body });
    void this.#peer();
  }

  /** Settles when the controller knows its session: from then on answers come back to it. */
  async ready(): Promise<void> {
    await this.#peer();
  }

  /** Asks the controller something; an error in the answer is thrown. */
  async ask<T extends RequestType>(
    type: T,
    content: MessageContents[T],
  ): Promise<{ content: GoodReply<T>; buffers: Buffer[] }> {
    const peer = await this.#peer();
    const request = peer.request.bind(peer) as (outgoing: Outgoing<T>, timeout: number) => Promise<unknown>;
    return (await request({ type, content }, 60_000)) as { content: GoodReply<T>; buffers: Buffer[] };
  }

  /** One that never needed its connection gets none any more: whoever still asks hears that it is closed. */
  close(): void {
    this.#opened ??= Promise.reject(new IpclusterError('CLOSED', 'This client of Python has gone.'));
    this.#opened.then(({ link }) => link.close()).catch(() => {});
  }
}
