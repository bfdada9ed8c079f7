import { isUtf8 } from 'node:buffer';
import { curveKeyPair, Publisher, Router, Subscriber } from 'zeromq';
import { messageOf, systemCode } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Queue } from '../base/queue.js';
import { poll } from '../base/wait.js';

/** The keys of CurveZMQ: who has the public one may connect, and nobody else can read what is sent. */
export interface Curve {
  publicKey: string;
  secretKey: string;
}

export const makeCurve = (): Curve => curveKeyPair();

/** What a socket is for: requests and replies, news to everybody, news from everybody. */
type Kind = 'router' | 'publisher' | 'subscriber';

export interface EndpointOptions {
  kind: Kind;
  curve: Curve | undefined;
  /** The port to take where it is free; any other without it. */
  port: number | undefined;
  /** Messages that come, one at a time. */
  onMessage?: (parts: Buffer[]) => void;
  log: Log;
  /** Messages whose peer is not connected. */
  onUnroutable?: (parts: readonly Buffer[]) => void;
}

/** Where the gateway listens: other machines reach it by none of these sockets. */
const address = '127.0.0.1';

/**
 * A socket of ZeroMQ buries subscribers that have gone only when somebody asks it something, so one that
 * seldom publishes is asked so often (milliseconds): 20 KB of each would wait for the next message.
 */
const tidyTime = 500;

/** One listening socket. Sends go through one queue, since a socket of ZeroMQ takes one at a time. */
export class Endpoint {
  readonly port: number;
  readonly #socket: Router | Publisher | Subscriber;
  readonly #onUnroutable: (parts: readonly Buffer[]) => void;
  readonly #queue = new Queue<readonly Buffer[]>();
  #sending = false;
  #closed = false;
  readonly #tidying: NodeJS.Timeout | undefined;

  private constructor(socket: Router | Publisher | Subscriber, options: EndpointOptions) {
    this.#socket = socket;
    this.#onUnroutable = options.onUnroutable ?? (() => {});
    if (options.kind === 'publisher')
      this.#tidying = setInterval(() => void socket.writable, tidyTime).unref();
    this.port = Number((socket.lastEndpoint ?? '').split(':').at(-1));
  }

  /** Opens a socket on loopback. */
  static async open(options: EndpointOptions): Promise<Endpoint> {
    const socket = makeSocket(options);
    try {
      await socket.bind(`tcp://${address}:${options.port ?? '*'}`);
    } catch (error) {
      if (options.port === undefined || systemCode(error) !== 'EADDRINUSE') throw error;
      await socket.bind(`tcp://${address}:*`);
    }
    const endpoint = new Endpoint(socket, options);
    const { onMessage } = options;
    if (onMessage && 'receive' in socket) void endpoint.#receive(socket, onMessage, options.log);
    return endpoint;
  }

  /** Sends a message when those before it have gone. */
  send(parts: readonly Buffer[]): void {
    if (this.#closed) return;
    this.#queue.push(parts);
    if (!this.#sending) void this.#pump();
  }

  /** Settles when everything that was sent has been handed over, within `time` ms at most. */
  async flush(time: number): Promise<void> {
    await poll(() => (this.#sending ? undefined : true), { timeout: time }, 5);
  }

  /** Counts connections as they come and go. */
  watchConnections(changed: (difference: 1 | -1) => void): void {
    const { events } = this.#socket;
    events.on('accept', () => changed(1));
    events.on('disconnect', () => changed(-1));
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#tidying);
    this.#queue.clear();
    this.#socket.close();
  }

  async #pump(): Promise<void> {
    this.#sending = true;
    const socket = this.#socket as Router | Publisher;
    while (!this.#closed) {
      const parts = this.#queue.shift();
      if (!parts) break;
      try {
        await socket.send(parts.map(lend) as Buffer[]);
      } catch {
        // The peer is not connected (EHOSTUNREACH), or this socket is being closed.
        if (!this.#closed) this.#onUnroutable(parts);
      }
    }
    this.#sending = false;
  }

  async #receive(socket: Router | Subscriber, onMessage: (parts: Buffer[]) => void, log: Log): Promise<void> {
    // Ends when the socket is closed.
    for await (const parts of socket) {
      try {
        onMessage(parts as Buffer[]);
      } catch (error) {
        // Whatever somebody sends must not be the end of what all others send.
        log.warn('a message of Python could not be dealt with', messageOf(error));
      }
    }
  }
}

/**
 * A part as the binding takes it best. It keeps hold of a buffer, with all the memory that this is a piece
 * of, until the message is gone, and then wakes this thread to let go; a text it copies, and so all text goes
 * as such.
 */
function lend(part: Buffer): Buffer | string {
  return part.length > copied && part.length < longText && isUtf8(part) ? part.toString() : part;
}
/**
 * The binding copies buffers up to this size itself, and a large one costs more to copy than to keep (bytes).
 */
const copied = 128;
const longText = 65_536;

function makeSocket({ kind, curve }: EndpointOptions): Router | Publisher | Subscriber {
  const security = curve
    ? { curveServer: true, curvePublicKey: curve.publicKey, curveSecretKey: curve.secretKey }
    : {};
  // No limit on what waits, as IPython has it: a router would drop what is beyond it without a word.
  const common = { linger: 500, ...security };
  if (kind === 'publisher') return new Publisher({ ...common, sendHighWaterMark: 0 });
  if (kind === 'router')
    return new Router({
      ...common,
      sendHighWaterMark: 0,
      receiveHighWaterMark: 0,
      mandatory: true,
      handover: true,
    });
  const subscriber = new Subscriber({ ...common, receiveHighWaterMark: 0 });
  subscriber.subscribe();
  return subscriber;
}
