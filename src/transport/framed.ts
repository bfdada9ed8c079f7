import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { encodePacket, joinSmall, PacketReader } from '../protocol/packets.js';
import type { Route } from '../protocol/routes.js';
import { type Carrier, Link } from './link.js';

/** How bytes leave and enter: a Unix socket as it is, or a WebSocket that carries the same stream. */
interface Stream extends Omit<Carrier, 'send' | 'flush'> {
  write(chunks: Buffer[]): void;
}

/** Packets as bytes of a stream, put together as well as that can be without making anybody wait. */
class Framed implements Carrier {
  readonly local: boolean;
  readonly #stream: Stream;
  #waiting: Buffer[] = [];
  /** True when something has been sent in this turn of the event loop. */
  #busy = false;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.local = stream.local;
  }

  /**
   * The first packet of a turn of the event loop goes at once, for who waits for it; the others of that turn
   * together at its end, since there are many of them.
   */
  send(route: Route, body: readonly Buffer[]): void {
    this.#waiting.push(...encodePacket(route, body));
    if (this.#busy) return;
    this.#busy = true;
    this.flush();
    setImmediate(() => {
      this.#busy = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const chunks = joinSmall(this.#waiting);
    this.#waiting = [];
    this.#stream.write(chunks);
  }

  backlog(): number {
    return this.#stream.backlog();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(): void {
    this.drop();
    this.#stream.close();
  }

  destroy(): void {
    this.drop();
    this.#stream.destroy();
  }

  /** Forgets what waits: nobody is there to take it. */
  drop(): void {
    this.#waiting = [];
  }
}

function framedLink(
  open: (onBytes: (chunk: Buffer) => void, onClose: (error?: Error) => void) => Stream,
): Link {
  const reader = new PacketReader();
  return new Link((receive, onClose) => {
    const gone = (error?: Error): void => {
      framed.drop();
      onClose(error);
    };
    const framed = new Framed(open((chunk) => receive(() => reader.push(chunk)), gone));
    return framed;
  });
}

/** A link over a plain socket, after its upgrade. */
export function socketLink(socket: Duplex, first: Buffer): Link {
  return framedLink((onBytes, onClose) => {
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
  return framedLink((onBytes, onClose) => {
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
