import type { Session } from '../protocol/message.js';
import type { Link } from '../transport/link.js';

/** What became of a batch: in the file, or only in memory and why. */
export type Commitment = { durable: true } | { durable: false; reason: string };

/**
 * Tells peers how much of what they sent is committed: so many balanced tasks of a client, so many replies of
 * a supervisor, counted from the start of the link. Until then they keep it, and send it again to a
 * controller that comes after this one.
 */
export class Receipts {
  readonly #session: Session;
  readonly #lasting: boolean;
  readonly #counts = new WeakMap<Link, number>();
  #changed = new Set<Link>();
  /** What is only in memory until the store has its disk again. */
  readonly #held = new Map<Link, number>();

  /** With `lasting` only what is in the file is committed: what is in memory does not survive us. */
  constructor(session: Session, lasting: boolean) {
    this.#session = session;
    this.#lasting = lasting;
  }

  /**
   * Something came that must be acknowledged; what it changes is in the store's next batch, or needs no
   * batch.
   */
  count(link: Link): void {
    this.#counts.set(link, (this.#counts.get(link) ?? 0) + 1);
    this.#changed.add(link);
  }

  /**
   * That peer is to hear when everything up to now is in the file, although it has sent nothing on this link.
   */
  expect(link: Link): void {
    this.#changed.add(link);
  }

  /**
   * Everything counted so far is in the batch that goes out now: call what is answered when it is known what
   * became of that.
   */
  seal(): (commitment: Commitment) => void {
    const sealed = [...this.#changed].map((link): [Link, number] => [link, this.#counts.get(link) ?? 0]);
    this.#changed = new Set();
    return (commitment) => {
      for (const [link, count] of sealed) {
        if (commitment.durable || !this.#lasting) this.#confirm(link, count);
        else this.#hold(link, count, commitment.reason);
      }
    };
  }

  /** The store has its disk again, and what was in memory is in the file. */
  recovered(): void {
    for (const [link, count] of this.#held) this.#confirm(link, count);
  }

  #confirm(link: Link, count: number): void {
    this.#held.delete(link);
    link.send({ channel: 'hub' }, this.#session.encode({ type: 'committed', content: { count } }));
  }

  #hold(link: Link, count: number, reason: string): void {
    for (const other of this.#held.keys()) if (!other.open) this.#held.delete(other);
    this.#held.set(link, count);
    link.send(
      { channel: 'hub' },
      this.#session.encode({ type: 'kept_in_memory', content: { count, reason } }),
    );
  }
}
