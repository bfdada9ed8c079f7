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
  /** Bytes of the request that the store keeps with the reply. */
  size?: number;
}

/** Why a request failed that no engine could answer. */
export interface Failure {
  ename: string;
  evalue: string;
  engine?: number | undefined;
  /** What the engine said last. */
  lastLines?: readonly string[] | undefined;
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
  pass(
    { id, session, size = 0 }: Pick<Asked, 'id' | 'session' | 'size'>,
    status: ReplyStatus,
    engine: number,
    body: Buffer,
  ): void {
    this.#store.replied({ id, engine, status, requestLength: size }, body);
    this.#clients.reply(session, { channel: 'reply', id, status, from: engine }, [body]);
  }

  /** Fails a request with an error by name, such as EngineError. */
  fail(asked: Asked, { ename, evalue, engine, lastLines = [] }: Failure): void {
    this.#answer(asked, { status: 'error', ename, evalue, traceback: [...lastLines] }, engine);
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
    const { id, session, size = 0 } = asked;
    this.#store.replied({ id, engine: engine ?? -1, status, requestLength: size }, Buffer.concat(body));
    const from = engine === undefined ? {} : { from: engine };
    this.#clients.reply(session, { channel: 'reply', id, status, ...from }, body);
  }
}
