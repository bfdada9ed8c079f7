import type { Session } from '../protocol/message.js';
import type { Route } from '../protocol/routes.js';
import type { Link } from '../transport/link.js';
import { keepsBody, type Store } from './store.js';

/** So many bytes may wait for a client that reads slowly; what comes then waits in the store. */
const highWater = 64 * 1024 * 1024;
/** How often it is looked whether the client has read on (milliseconds). */
const patience = 20;

type ReplyRoute = Extract<Route, { channel: 'reply' }>;

/** A reply that the store has and the client has not; without an engine, all replies to that request. */
interface Later {
  id: string;
  engine: number | undefined;
}

/**
 * What goes to one client. Its memory is bounded: replies wait in the store, output is dropped, and a notice
 * says so.
 */
export class Outbox {
  readonly link: Link;
  readonly #store: Store;
  readonly #session: Session;
  readonly #later: Later[] = [];
  #dropped = 0;
  #pumping = false;

  constructor(link: Link, store: Store, session: Session) {
    this.link = link;
    this.#session = session;
    this.#store = store;
  }

  /** Sends a reply that the store has too, now or when the client has read what came before. */
  reply(route: ReplyRoute, body: readonly Buffer[]): void {
    const behind = this.#later.length > 0 || this.link.backlog > highWater;
    if (!behind || !keepsBody(body.reduce((sum, { length }) => sum + length, 0)))
      return this.link.send(route, body);
    this.#later.push({ id: route.id, engine: route.from ?? -1 });
    void this.#pump();
  }

  /** Sends all replies to a request that the store has. */
  stored(id: string): void {
    this.#later.push({ id, engine: undefined });
    void this.#pump();
  }

  /** Sends output, unless the client is behind: there is no end to what code can print. */
  output(route: Route, body: readonly Buffer[], notice: (dropped: number) => Buffer[]): void {
    if (this.link.backlog > highWater / 4) {
      this.#dropped += body.reduce((sum, { length }) => sum + length, 0);
      return;
    }
    if (this.#dropped > 0) this.link.send(route, notice(this.#dropped));
    this.#dropped = 0;
    this.link.send(route, body);
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.link.open && this.#later.length > 0) {
      if (this.link.backlog > highWater / 2) {
        await new Promise((resolve) => setTimeout(resolve, patience));
        continue;
      }
      const { id, engine } = this.#later[0] as Later;
      const replies = await this.#store.ask({ kind: 'replies', id }).catch(() => []);
      this.#later.shift();
      if (replies.length === 0) this.#sendGone(id, engine);
      for (const { engine: from, status, body } of replies) {
        if (engine !== undefined && engine !== from) continue;
        if (!body) {
          this.#sendGone(id, from);
          continue;
        }
        const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
        this.link.send({ channel: 'reply', id, status, ...(from >= 0 && { from }) }, [bytes]);
      }
    }
    this.#pumping = false;
  }

  /**
   * The store has purged it, never kept it because of its size, or has failed: whoever waits must not wait
   * for ever.
   */
  #sendGone(id: string, engine = -1): void {
    const evalue =
      'The result is not in the store any more, or was too large for it, and this client was cut off ' +
      'before it had read it.';
    const content = { status: 'error' as const, ename: 'ResultGone', evalue, traceback: [] };
    const body = this.#session.encode({ type: 'error_reply', content });
    this.link.send({ channel: 'reply', id, status: 'error', ...(engine >= 0 && { from: engine }) }, body);
  }
}
