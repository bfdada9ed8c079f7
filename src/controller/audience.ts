import type { Session } from '../protocol/message.js';
import type { ClusterEvent } from '../protocol/messages.js';
import type { Link } from '../transport/link.js';

/** Events wait for a link up to so many bytes; what comes then is dropped and counted. */
const most = 2 * 1024 * 1024;
/** How often it is looked whether somebody who missed events has read on (milliseconds). */
const patience = 250;

/**
 * Tells links of events. One that does not read costs a bounded number of bytes, and is told how many it has
 * missed.
 */
export class Audience {
  readonly #session: Session;
  readonly #missed = new Map<Link, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  tell(links: Iterable<Link>, event: ClusterEvent): void {
    let body: Buffer[] | undefined;
    for (const link of links) {
      if (this.#missed.has(link) || link.backlog > most) {
        this.#miss(link);
        continue;
      }
      body ??= this.#session.encode({ type: 'event', content: event });
      link.send({ channel: 'hub' }, body);
    }
  }

  left(link: Link): void {
    this.#missed.delete(link);
    this.#rest();
  }

  #miss(link: Link): void {
    this.#missed.set(link, (this.#missed.get(link) ?? 0) + 1);
    this.#timer ??= setInterval(() => this.#look(), patience).unref();
  }

  /** Whoever has read half of it can hear again, and first of all what it has missed. */
  #look(): void {
    for (const [link, count] of [...this.#missed]) {
      if (link.open && link.backlog > most / 2) continue;
      this.#missed.delete(link);
      link.send(
        { channel: 'hub' },
        this.#session.encode({ type: 'event', content: { event: 'missed', count } }),
      );
    }
    this.#rest();
  }

  #rest(): void {
    if (this.#missed.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
