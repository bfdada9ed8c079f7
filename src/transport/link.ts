import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { IpclusterError } from '../base/errors.js';
import { deferred } from '../base/wait.js';
import { encodePacket, largePacket, type Packet, PacketReader } from '../protocol/packets.js';
import type { Route } from '../protocol/routes.js';

/** How bytes leave and enter: a Unix socket as it is, or a WebSocket that carries the same stream. */
export interface Carrier {
  write(chunks: Buffer[]): void;
  /** Bytes accepted and not yet sent. */
  backlog(): number;
  close(): void;
}

/** A connection between two peers that exchanges packets. */
export class Link {
  /** Settles when the connection is over, with what ended it if that was a failure. */
  readonly closed: Promise<Error | undefined>;
  readonly #carrier: Carrier;
  readonly #reader = new PacketReader();
  readonly #close = deferred<Error | undefined>();
  #waiting: Buffer[] = [];
  #scheduled = false;
  #open = true;
  #handle: (packet: Packet) => void = () => {};

  constructor(makeCarrier: (onBytes: (chunk: Buffer) => void, onClose: (error?: Error) => void) => Carrier) {
    this.closed = this.#close.promise;
    this.#carrier = makeCarrier(
      (chunk) => this.#receive(chunk),
      (error) => this.#end(error),
    );
  }

  get open(): boolean {
    return this.#open;
  }

  get backlog(): number {
    return this.#carrier.backlog();
  }

  /** Every packet from now on goes there. Set it in the turn in which the link is handed out. */
  onPacket(handle: (packet: Packet) => void): void {
    this.#handle = handle;
  }

  /** Sends a packet; those of one turn of the event loop leave together. Nothing is sent once the link is closed. */
  send(route: Route, body: readonly Buffer[]): void {
    if (!this.#open) return;
    this.#waiting.push(...encodePacket(route, body));
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.flush());
  }

  /** Hands everything to the system now. */
  flush(): void {
    this.#scheduled = false;
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

  #receive(chunk: Buffer): void {
    try {
      for (const packet of this.#reader.push(chunk)) this.#handle(packet);
    } catch (error) {
      if (!(error instanceof IpclusterError && error.code === 'PROTOCOL')) throw error;
      this.#carrier.close();
      this.#end(error);
    }
  }

  #end(error?: Error): void {
    if (!this.#open) return;
    this.#open = false;
    this.#close.resolve(error);
  }
}

/** Joins runs of small buffers, so that thousands of messages cost one write; large ones stay as they are. */
export function joinSmall(parts: readonly Buffer[]): Buffer[] {
  const chunks: Buffer[] = [];
  let run: Buffer[] = [];
  let size = 0;
  const endRun = (): void => {
    if (run.length > 0) chunks.push(run.length === 1 ? (run[0] as Buffer) : Buffer.concat(run, size));
    run = [];
    size = 0;
  };
  for (const part of parts) {
    if (part.length >= largePacket) {
      endRun();
      chunks.push(part);
      continue;
    }
    run.push(part);
    size += part.length;
    if (size >= largePacket) endRun();
  }
  endRun();
  return chunks;
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
      write(chunks) {
        socket.cork();
        for (const chunk of chunks) socket.write(chunk);
        socket.uncork();
      },
      backlog: () => socket.writableLength,
      close: () => socket.end(() => socket.destroy()),
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
      write(chunks) {
        for (const chunk of chunks) {
          for (let offset = 0; offset < chunk.length; offset += messageSize) {
            webSocket.send(chunk.subarray(offset, offset + messageSize), { binary: true, compress: false });
          }
        }
      },
      backlog: () => webSocket.bufferedAmount,
      close: () => webSocket.close(),
    };
  });
}
