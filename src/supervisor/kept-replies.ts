import { decodeFrames } from '../protocol/frames.js';
import type { Header } from '../protocol/message.js';
import type { HeldRequest } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import type { Route } from '../protocol/routes.js';

type ReplyRoute = Extract<Route, { channel: 'reply' }>;

interface Kept {
  engine: number;
  queue: HeldRequest['queue'];
  route: ReplyRoute;
  body: Buffer;
}

/** Replies that the controller has not committed yet: one that comes after it must get them from here. */
export class KeptReplies {
  readonly #replies = new Map<string, Kept>();

  get size(): number {
    return this.#replies.size;
  }

  add(engine: number, queue: HeldRequest['queue'], { route, body }: Packet & { route: ReplyRoute }): void {
    this.#replies.set(`${engine} ${route.id}`, { engine, queue, route, body });
  }

  /** The controller has these. */
  noted(replies: readonly [engine: number, id: string][]): void {
    for (const [engine, id] of replies) this.#replies.delete(`${engine} ${id}`);
  }

  /** What an engine holds by way of replies that nobody has. */
  heldBy(engine: number): HeldRequest[] {
    const own = [...this.#replies.values()].filter((kept) => kept.engine === engine);
    return own.map(({ queue, body }) => ({ queue, header: JSON.parse(String(decodeFrames(body)[1])) as Header }));
  }

  /** All of them, in the order in which they came. */
  values(): Iterable<Kept> {
    return this.#replies.values();
  }
}
