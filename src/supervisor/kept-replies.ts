import { Queue } from '../base/queue.js';
import { decodeFrames } from '../protocol/frames.js';
import type { Header } from '../protocol/header.js';
import type { HeldRequest } from '../protocol/messages.js';
import type { Route } from '../protocol/routes.js';

/** A reply on its way to the controller. */
interface Kept {
  engine: number;
  queue: HeldRequest['queue'];
  route: Extract<Route, { channel: 'reply' }>;
  body: Buffer;
}

/** Replies that the controller has not committed yet: one that comes after it must get them from here. */
export class KeptReplies {
  readonly #replies = new Queue<Kept>();
  #committed = 0;

  get size(): number {
    return this.#replies.size;
  }

  add(reply: Kept): void {
    this.#replies.push(reply);
  }

  /** A new connection: all that is kept is about to be sent on it, in order, and is counted from there. */
  restart(): Iterable<Kept> {
    this.#committed = 0;
    return this.#replies;
  }

  /** The controller has committed so many of this connection. */
  committed(count: number): void {
    for (; this.#committed < count; this.#committed++) this.#replies.shift();
  }

  /** Engines go by other ids now: what is kept of theirs is sent under those. */
  renumber(ids: ReadonlyMap<number, number>): void {
    for (const kept of this.#replies) {
      kept.engine = ids.get(kept.engine) ?? kept.engine;
      kept.route = { ...kept.route, from: kept.engine };
    }
  }

  /** What an engine holds by way of replies that nobody has. */
  heldBy(engine: number): HeldRequest[] {
    const own = [...this.#replies].filter((kept) => kept.engine === engine);
    return own.map(({ queue, body }) => ({
      queue,
      header: JSON.parse(String(decodeFrames(body)[1])) as Header,
    }));
  }
}
