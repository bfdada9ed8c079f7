import type { Packet } from '../protocol/packets.js';
import type { Route } from '../protocol/routes.js';
import { type Carrier, Link } from './link.js';

/** What a packet takes beside its body, about (bytes): those without one must count, too. */
const packetSize = 128;

/** One end of a pair: what the other end writes waits here until its turn, or until reading goes on. */
class End implements Carrier {
  /** Both ends share a process, not the other's memory: large frames travel in the packets. */
  readonly local = false;
  other: End | undefined;
  #packets: Packet[] = [];
  #size = 0;
  #paused = false;
  #scheduled = false;
  #closed = false;
  readonly #onPacket: (packet: Packet) => void;
  readonly #onClose: () => void;

  constructor(onPacket: (packet: Packet) => void, onClose: () => void) {
    this.#onPacket = onPacket;
    this.#onClose = onClose;
  }

  backlog(): number {
    return this.other?.waiting ?? 0;
  }

  /** Bytes that this end has not taken. */
  get waiting(): number {
    return this.#size;
  }

  send(route: Route, body: readonly Buffer[]): void {
    this.other?.take({ route, body: body.length === 1 ? (body[0] as Buffer) : Buffer.concat(body) });
  }

  /** Nothing waits on this side. */
  flush(): void {}

  take(packet: Packet): void {
    this.#packets.push(packet);
    this.#size += packetSize + packet.body.length;
    this.#schedule();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  close(): void {
    this.destroy();
  }

  destroy(): void {
    this.other?.hangUp();
    this.#closed = true;
  }

  /** The other end has closed: what it wrote before is still read. */
  hangUp(): void {
    this.other = undefined;
    this.#closed = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused) return;
    this.#scheduled = true;
    // In this turn of the event loop, but not inside whoever writes.
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    const packets = this.#packets;
    this.#packets = [];
    this.#size = 0;
    for (const packet of packets) this.#onPacket(packet);
    if (this.#closed) this.#onClose();
  }
}

/** Two links that are each other's ends within one process, for a peer that lives with the controller. */
export function linkPair(): [Link, Link] {
  const ends: End[] = [];
  const open = (): Link =>
    new Link((receive, onClose) => {
      const end = new End((packet) => receive(() => [packet]), onClose);
      ends.push(end);
      return end;
    });
  const links: [Link, Link] = [open(), open()];
  const [first, second] = ends as [End, End];
  first.other = second;
  second.other = first;
  return links;
}
