import { type Metadata, replyTypeOf, type Session } from '../protocol/message.js';
import type { AbortedContent, ErrorContent, InterruptOutcome } from '../protocol/messages.js';
import type { ReplyStatus } from '../protocol/routes.js';
import type { Clients } from './clients.js';
import type { Store } from './store.js';

/** A request that somebody waits for an answer to. */
export interface Asked {
  id: string;
  session: string;
  type: string;
  /** The bytes of its header. */
  header: Buffer;
}

/** Answers that the controller gives in an engine's place. */
export class Replies {
  readonly #session: Session;
  readonly #clients: Clients;
  readonly #store: Store;

  constructor(session: Session, clients: Clients, store: Store) {
    this.#session = session;
    this.#clients = clients;
    this.#store = store;
  }

  /** Passes an engine's reply on and writes it down. */
  pass({ id, session }: Pick<Asked, 'id' | 'session'>, status: ReplyStatus, engine: number, body: Buffer): void {
    this.#clients.send(session, { channel: 'reply', id, status, from: engine }, [body]);
    this.#store.replied({ id, engine, status }, body);
  }

  /** Fails a request with an error by name, such as EngineError. */
  fail(asked: Asked, ename: string, evalue: string, engine?: number): void {
    this.#answer(asked, { status: 'error', ename, evalue, traceback: [] }, engine);
  }

  /** Tells that a request was cancelled, and how. */
  aborted(asked: Asked, how: InterruptOutcome, engine?: number): void {
    this.#answer(asked, { status: 'aborted', how }, engine);
  }

  #answer(asked: Asked, content: ErrorContent | AbortedContent, engine: number | undefined): void {
    const { status } = content;
    const metadata: Metadata = engine === undefined ? { status } : { status, engine_id: engine };
    const type = replyTypeOf(asked.type);
    const body = this.#session.encode({ type, content, metadata, parent: asked.header });
    this.#store.replied({ id: asked.id, engine: engine ?? -1, status }, Buffer.concat(body));
    const from = engine === undefined ? {} : { from: engine };
    this.#clients.send(asked.session, { channel: 'reply', id: asked.id, status, ...from }, body);
  }
}
