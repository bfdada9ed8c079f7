import { IpclusterError } from '../base/errors.js';
import type { Header } from '../protocol/header.js';
import type { Session } from '../protocol/message.js';
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
  /** The one session of each connection, and what whoever comes back under it must show. */
  readonly #sessions = new WeakMap<Link, string>();
  readonly #keys = new Map<string, string>();
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

  /**
   * A question came from that link under that session, as the first thing of every client: answers go back
   * there. Throws PROTOCOL for a second session on a link, and where another connection that is still there
   * speaks under it and did not show the same key.
   */
  seen({ session }: Header, link: Link, key: string | undefined): void {
    if ((this.#sessions.get(link) ?? session) !== session)
      throw new IpclusterError('PROTOCOL', 'A connection speaks under one session.');
    const known = this.#outboxes.get(session);
    if (known?.link === link) return;
    if (known?.link.open && (key === undefined || key !== this.#keys.get(session)))
      throw new IpclusterError('PROTOCOL', 'Another client speaks under this session.');
    this.#sessions.set(link, session);
    if (key !== undefined) this.#keys.set(session, key);
    this.#outboxes.set(session, new Outbox(link, this.#store, this.#session));
  }

  /** Throws PROTOCOL when a request under that session may not come from that link. */
  mayAsk({ session }: Header, link: Link): void {
    if (this.#sessions.get(link) !== session)
      throw new IpclusterError(
        'PROTOCOL',
        'A client introduces itself first, and sends under its own session.',
      );
    if (this.#observers.has(session))
      throw new IpclusterError('PROTOCOL', 'An observer sends nothing to engines.');
  }

  /** True for a session that only looks on. */
  isObserver(session: string): boolean {
    return this.#observers.has(session);
  }

  left(link: Link): void {
    this.#watchers.delete(link);
    this.#audience.left(link);
    for (const [session, outbox] of this.#outboxes) {
      if (outbox.link !== link) continue;
      this.#outboxes.delete(session);
      this.#observers.delete(session);
      this.#keys.delete(session);
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
