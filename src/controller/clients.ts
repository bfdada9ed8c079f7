import type { Header, Session } from '../protocol/message.js';
import type { ClusterEvent } from '../protocol/messages.js';
import type { Route } from '../protocol/routes.js';
import type { Link } from '../transport/link.js';
import { Audience } from './audience.js';
import { Outbox } from './outbox.js';
import type { Store } from './store.js';

/** Who is connected as a client, by the session under which it sends, and who watches. */
export class Clients {
  readonly #outboxes = new Map<string, Outbox>();
  readonly #watchers = new Set<Link>();
  readonly #observers = new Set<string>();
  readonly #audience: Audience;
  readonly #session: Session;
  readonly #store: Store;

  constructor(session: Session, store: Store) {
    this.#session = session;
    this.#audience = new Audience(session);
    this.#store = store;
  }

  /** Clients that count: observers do not. */
  get size(): number {
    return this.#outboxes.size - this.#observers.size;
  }

  /** That session only looks on. */
  observe(session: string): void {
    this.#observers.add(session);
  }

  /** A question came from that link under that session, as the first thing of every client: answers go back there. */
  seen({ session }: Header, link: Link): void {
    if (this.#outboxes.get(session)?.link !== link) this.#outboxes.set(session, new Outbox(link, this.#store, this.#session));
  }

  left(link: Link): void {
    this.#watchers.delete(link);
    this.#audience.left(link);
    for (const [session, outbox] of this.#outboxes) {
      if (outbox.link !== link) continue;
      this.#outboxes.delete(session);
      this.#observers.delete(session);
    }
  }

  watch(link: Link, on: boolean): void {
    if (on) this.#watchers.add(link);
    else this.#watchers.delete(link);
  }

  /** Sends a reply to a client if it is still there; otherwise the store keeps it. */
  reply(session: string, route: Extract<Route, { channel: 'reply' }>, body: readonly Buffer[]): void {
    this.#outboxes.get(session)?.reply(route, body);
  }

  /** Sends all replies to a request that the store has. */
  stored(session: string, id: string): void {
    this.#outboxes.get(session)?.stored(id);
  }

  output(route: Extract<Route, { channel: 'output' }>, body: readonly Buffer[]): void {
    this.#outboxes.get(route.session)?.output(route, body, (dropped) => {
      const text = `[${dropped} bytes of output were dropped: this client reads too slowly]\n`;
      return this.#session.encode({ type: 'stream', content: { name: 'stderr', text } });
    });
  }

  /** Tells what happened: comings and goings of engines to everybody, states of tasks to watchers. */
  tell(event: ClusterEvent): void {
    const all = (): Set<Link> => new Set([...this.#outboxes.values()].map(({ link }) => link));
    const links = event.event === 'task' ? this.#watchers : all();
    if (links.size > 0) this.#audience.tell(links, event);
  }

  /** The controller is about to end: nobody need wait for it to come back. */
  farewell(reason: string): void {
    const body = this.#session.encode({ type: 'controller_ending', content: { reason } });
    for (const { link } of this.#outboxes.values()) link.send({ channel: 'hub' }, body);
  }
}
