import type { MemoryFile } from '../base/memory-files.js';
import { Pace } from '../base/pace.js';
import { headerOf } from '../protocol/message.js';
import type { HeldRequest } from '../protocol/messages.js';
import { encodePacket, type Packet } from '../protocol/packets.js';
import { sequenceLimit } from '../protocol/routes.js';
import { stopsOnError, takeStopped } from '../protocol/stop-on-error.js';

/** A request of an engine that is not answered: the engine has it, or it waits here. */
export interface Held {
  id: string;
  queue: HeldRequest['queue'];
  body: Buffer;
  files: MemoryFile[] | undefined;
  /** Its number on the engine's connection once it was handed over. */
  sequence: number;
  handedAt: number;
}

/**
 * Requests that take less than so many milliseconds on average are handed over so many at a time; those of
 * Python take longer.
 */
const ownPace = { short: 0.5, most: 16 };
const foreignPace = { short: 5, most: 4 };

/** The requests of one engine, in the order in which it runs them. */
export class HeldRequests {
  /** Those that the engine does not have yet. */
  readonly waiting: Held[] = [];
  /** Those that it has; the first of them is the one it runs. */
  readonly inEngine: Held[] = [];
  readonly #pace: Pace;
  #sequence = 0;

  constructor(isForeign: boolean) {
    this.#pace = new Pace(isForeign ? foreignPace : ownPace);
  }

  /** Puts a request behind the others. */
  add(id: string, queue: HeldRequest['queue'], body: Buffer, files?: MemoryFile[]): void {
    this.waiting.push({ id, queue, body, files, sequence: -1, handedAt: 0 });
  }

  /** How many requests the engine may have: none behind code whose failure stops what follows. */
  get #window(): number {
    const last = this.inEngine.at(-1);
    return last?.queue === 'direct' && stopsOnError(last.body) ? 1 : this.#pace.window;
  }

  /**
   * Takes what is to be handed to the engine now, as packets: one request, or a few where they are short, so
   * that it need not wait for each.
   */
  next(): Buffer[] {
    const parts: Buffer[] = [];
    while (this.waiting.length > 0 && this.inEngine.length < this.#window) {
      const next = this.waiting.shift();
      if (!next) break;
      this.#sequence = (this.#sequence + 1) % sequenceLimit;
      next.sequence = this.#sequence;
      next.handedAt = performance.now();
      this.inEngine.push(next);
      const { id, sequence, files } = next;
      parts.push(...encodePacket({ channel: 'engine', id, sequence, ...(files && { files }) }, [next.body]));
    }
    return parts;
  }

  /**
   * Takes note of a reply: which request it ends, and how long such requests take. Answers those that will
   * not run because of it.
   */
  answered(packet: Packet): Held[] {
    if (packet.route.channel !== 'reply') return [];
    const { id, status } = packet.route;
    const index = this.inEngine.findIndex((held) => held.id === id);
    const [over] = index >= 0 ? this.inEngine.splice(index, 1) : [];
    if (!over) return [];
    this.#pace.answered(over.handedAt);
    if (status !== 'error' || over.queue !== 'direct' || !stopsOnError(over.body)) return [];
    return takeStopped(this.waiting, headerOf(over.body).header.session);
  }

  /** The request of that id that the engine has. */
  find(id: string): Held | undefined {
    return this.inEngine.find((held) => held.id === id);
  }

  /** Removes a request that waits; false when it does not. */
  takeBack(id: string): boolean {
    return remove(this.waiting, id);
  }

  /** The engine will not run that request, which it had; false when it had it not. */
  drop(id: string): boolean {
    return remove(this.inEngine, id);
  }

  /** Nobody asks for what has not begun. */
  forgetWaiting(): void {
    this.waiting.length = 0;
  }
}

function remove(from: Held[], id: string): boolean {
  const index = from.findIndex((held) => held.id === id);
  if (index >= 0) from.splice(index, 1);
  return index >= 0;
}
