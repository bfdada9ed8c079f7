import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { IpclusterError } from '../base/errors.js';
import { Lease } from '../base/lease.js';
import { deferred } from '../base/wait.js';
import { encodePacket, joinSmall, type Packet, PacketReader } from '../protocol/packets.js';
import type { Route } from '../protocol/routes.js';

/** How bytes leave and enter: a Unix socket as it is, or a WebSocket that carries the same stream. */
export interface Carrier {
  /** True when the other side is on this host for sure. */
  local: boolean;
  /** Bytes that were written and that the system has not taken yet. */
  backlog(): number;
  write(chunks: Buffer[]): void;
  /** Hands a packet over as it is, where the other side is in this process; bytes are written where this is missing. */
  pass?(packet: Packet): void;
  /** Stops and goes on reading: the other side feels it as a full pipe. */
  pause(): void;
  resume(): void;
  close(): void;
  /** Ends it without waiting for anything. */
  destroy(): void;
}

/** A connection between two peers that exchanges packets. */
export class Link {
  /** Settles when the connection is over, with what ended it if that was a failure. */
  readonly closed: Promise<Error | undefined>;
  readonly #carrier: Carrier;
  readonly #reader = new PacketReader();
  readonly #close = deferred<Error | undefined>();
  #waiting: Buffer[] = [];
  /** True when something has been sent in this turn of the event loop. */
  #busy = false;
  #open = true;
  readonly #pauses = new Set<string>();
  #lapsed = false;
  /** True when something was sent since the last sign of life was due. */
  #spoke = false;
  #lease: Lease | undefined;
  #signs: NodeJS.Timeout | undefined;
  #handle: (packet: Packet) => void = () => {};

  constructor(
    makeCarrier: (
      onBytes: (chunk: Buffer) => void,
      onClose: (error?: Error) => void,
      onPacket: (packet: Packet) => void,
    ) => Carrier,
  ) {
    this.closed = this.#close.promise;
    this.#carrier = makeCarrier(
      (chunk) => this.#receive(() => this.#reader.push(chunk)),
      (error) => this.#end(error),
      (packet) => this.#receive(() => [packet]),
    );
  }

  get open(): boolean {
    return this.#open;
  }

  /** True when the other side is on this host for sure. */
  get local(): boolean {
    return this.#carrier.local;
  }

  /** Bytes that were sent and that the system has not taken yet. */
  get backlog(): number {
    return this.#carrier.backlog();
  }

  /** True when it ended because nothing was heard for a whole lease. */
  get lapsed(): boolean {
    return this.#lapsed;
  }

  /**
   * Stops reading until {@link resume} for the same reason, and every other one; silence that we made ourselves does not count
   * against the lease.
   */
  pause(reason: string): void {
    if (!this.#open) return;
    this.#pauses.add(reason);
    if (this.#pauses.size > 1) return;
    this.#lease?.hold(true);
    this.#carrier.pause();
  }

  resume(reason: string): void {
    if (!this.#pauses.delete(reason) || this.#pauses.size > 0) return;
    this.#lease?.hold(false);
    this.#carrier.resume();
  }

  /** From now on a silence of `duration` ms ends the link; a sign of life goes out whenever nothing was sent for a quarter of it. */
  keepLease(duration: number): void {
    if (!this.#open || this.#lease) return;
    this.#lease = new Lease(duration, () => {
      this.#lapsed = true;
      this.#carrier.destroy();
      this.#end(new IpclusterError('CLOSED', `Nothing was heard for ${duration / 1000} s.`, { transient: true }));
    });
    this.#signs = setInterval(() => {
      if (!this.#spoke) this.send({ channel: 'alive' }, []);
      this.#spoke = false;
    }, duration / 4);
  }

  /** Every packet from now on goes there. Set it in the turn in which the link is handed out. */
  onPacket(handle: (packet: Packet) => void): void {
    this.#handle = handle;
  }

  /**
   * Sends a packet: the first of a turn of the event loop at once, for who waits for it; the others of that turn together at its
   * end, since there are many of them. Nothing is sent once the link is closed.
   */
  send(route: Route, body: readonly Buffer[]): void {
    if (!this.#open) return;
    this.#spoke = true;
    if (this.#carrier.pass)
      return this.#carrier.pass({ route, body: body.length === 1 ? (body[0] as Buffer) : Buffer.concat(body) });
    this.#waiting.push(...encodePacket(route, body));
    if (this.#busy) return;
    this.#busy = true;
    this.flush();
    setImmediate(() => {
      this.#busy = false;
      this.flush();
    });
  }

  /** Hands everything to the system now. */
  flush(): void {
    if (this.#waiting.length === 0 || !this.#open) return;
    const chunks = joinSmall(this.#waiting);
    this.#waiting = [];
    this.#carrier.write(chunks);
  }

  /** Sends what waits and closes. */
  close(): void {
    this.flush();
    this.#carrier.close();
    this.#end();
  }

  /** Ends it at once: the other side is not worth a farewell. */
  destroy(error?: Error): void {
    this.#carrier.destroy();
    this.#end(error);
  }

  #receive(read: () => Packet[]): void {
    this.#lease?.renew();
    try {
      for (const packet of read()) if (packet.route.channel !== 'alive') this.#handle(packet);
    } catch (error) {
      // Whatever a peer sends ends its own link at most, never the program.
      this.#carrier.close();
      this.#end(error instanceof Error ? error : new IpclusterError('PROTOCOL', String(error)));
    }
  }

  #end(error?: Error): void {
    if (!this.#open) return;
    this.#open = false;
    this.#lease?.end();
    clearInterval(this.#signs);
    this.#waiting = [];
    this.#close.resolve(error);
  }
}

/** A link over a plain socket, after its upgrade. */
export function socketLink(socket: Duplex, first: Buffer): Link {
  return new Link((onBytes, onClose) => {
    socket.on('data', onBytes);
    socket.on('error', onClose);
    socket.on('close', () => onClose());
    // Sockets of Node's HTTP server stay half open when the other side ends.
    socket.on('end', () => socket.end());
    if (first.length > 0) setImmediate(() => onBytes(first));
    return {
      local: true,
      write(chunks) {
        socket.cork();
        for (const chunk of chunks) socket.write(chunk);
        socket.uncork();
      },
      backlog: () => socket.writableLength,
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      close: () => socket.end(() => socket.destroy()),
      destroy: () => void socket.destroy(),
    };
  });
}

/** One WebSocket message holds at most this much of the stream. */
const messageSize = 1 << 20;

/** A link over a WebSocket: its messages are pieces of the stream, wherever they are cut. */
export function webSocketLink(webSocket: WebSocket): Link {
  return new Link((onBytes, onClose) => {
    webSocket.on('message', (data: Buffer) => onBytes(data));
    webSocket.on('error', onClose);
    webSocket.on('close', () => onClose());
    return {
      local: false,
      write(chunks) {
        for (const chunk of chunks) {
          for (let offset = 0; offset < chunk.length; offset += messageSize) {
            webSocket.send(chunk.subarray(offset, offset + messageSize), { binary: true, compress: false });
          }
        }
      },
      backlog: () => webSocket.bufferedAmount,
      pause: () => webSocket.pause(),
      resume: () => webSocket.resume(),
      close: () => webSocket.close(),
      destroy: () => webSocket.terminate(),
    };
  });
}
