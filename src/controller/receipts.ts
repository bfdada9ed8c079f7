import type { Session } from '../protocol/message.js';
import type { Link } from '../transport/link.js';

/**
 * Tells peers how much of what they sent is committed: so many balanced tasks of a client, so many replies of a supervisor,
 * counted from the start of the link. Until then they keep it, and send it again to a controller that comes after this one.
 */
export class Receipts {
  readonly #session: Session;
  readonly #counts = new WeakMap<Link, number>();
  #changed = new Set<Link>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Something came that must be acknowledged; what it changes is in the store's next batch, or needs no batch. */
  count(link: Link): void {
    this.#counts.set(link, (this.#counts.get(link) ?? 0) + 1);
    this.#changed.add(link);
  }

  /** Everything counted so far is in the batch that goes out now: call what is answered when that is committed. */
  seal(): () => void {
    const sealed = [...this.#changed].map((link): [Link, number] => [link, this.#counts.get(link) ?? 0]);
    this.#changed = new Set();
    return () => {
      for (const [link, count] of sealed) {
        link.send({ channel: 'hub' }, this.#session.encode({ type: 'committed', content: { count } }));
      }
    };
  }
}
