import { connect, type Socket } from 'node:net';
import { pin } from '../base/pristine.js';
import { encodePacket, joinSmall } from '../protocol/packets.js';
import type { Route } from '../protocol/routes.js';

/**
 * The engine's connection to its supervisor. What the system does not take at once waits here: a stream of
 * Node would keep it in an array of the user's realm, with the user's `push`.
 */
export class Link {
  readonly socket: Socket;
  #waiting: Buffer[] = [];
  #size = 0;

  constructor(path: string) {
    // With the least mark, `drain` follows each write that the system did not take whole.
    this.socket = pin(connect({ path, writableHighWaterMark: 1 } as { path: string }));
    this.socket.on('drain', () => this.#flush());
  }

  /** Bytes that were sent and that the supervisor has not taken yet. */
  get backlog(): number {
    return this.#size + this.socket.writableLength;
  }

  send(route: Route, body: readonly Buffer[]): void {
    for (const chunk of joinSmall(encodePacket(route, body))) {
      this.#waiting.push(chunk);
      this.#size += chunk.length;
    }
    this.#flush();
  }

  #flush(): void {
    if (this.#waiting.length === 0) return;
    const chunks = joinSmall(this.#waiting.splice(0));
    let next = 0;
    while (next < chunks.length && this.socket.writableLength === 0) {
      const chunk = chunks[next++] as Buffer;
      this.#size -= chunk.length;
      this.socket.write(chunk);
    }
    this.#waiting = chunks.slice(next);
  }
}
