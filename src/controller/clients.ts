import type { Header, Session } from '../protocol/message.js';
import type { ClusterEvent } from '../protocol/messages.js';
import type { Route } from '../protocol/routes.js';
import type { Link } from '../transport/link.js';

/** Who is connected as a client, by the session under which it sends, and who watches. */
export class Clients {
  readonly #links = new Map<string, Link>();
  readonly #watchers = new Set<Link>();
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  get size(): number {
    return this.#links.size;
  }

  /** A question came from that link under that session, as the first thing of every client: answers go back there. */
  seen({ session }: Header, link: Link): void {
    if (this.#links.get(session) !== link) this.#links.set(session, link);
  }

  left(link: Link): void {
    this.#watchers.delete(link);
    for (const [session, other] of this.#links) if (other === link) this.#links.delete(session);
  }

  watch(link: Link, on: boolean): void {
    if (on) this.#watchers.add(link);
    else this.#watchers.delete(link);
  }

  /** Sends to a client if it is still there. */
  send(session: string, route: Route, body: readonly Buffer[]): void {
    this.#links.get(session)?.send(route, body);
  }

  /** Tells what happened: comings and goings of engines to everybody, states of tasks to watchers. */
  tell(event: ClusterEvent): void {
    const links = event.event === 'task' ? this.#watchers : new Set(this.#links.values());
    if (links.size === 0) return;
    const body = this.#session.encode({ type: 'event', content: event });
    for (const link of links) link.send({ channel: 'hub' }, body);
  }
}
