import type { Answer } from '../protocol/conversations/handlers.js';
import type { Header } from '../protocol/header.js';
import { replyTypeOf, type Session } from '../protocol/message.js';
import { refusal } from '../protocol/refusal.js';
import type { Link } from './link.js';

type Outcome = Answer | undefined;

/**
 * Answers a message of the other end with what `work` gives. Whatever fails in it is said at once, to the
 * asker of a question and to the teller of news: nobody waits for what will not come. Never rejects.
 */
export async function answer(
  link: Link,
  session: Session,
  asked: Header,
  work: () => Outcome | Promise<Outcome>,
): Promise<void> {
  try {
    const given = await work();
    if (!given) return;
    const { content, buffers = [] } = given;
    const parent = Buffer.from(JSON.stringify(asked));
    const body = session.encode({ type: replyTypeOf(asked.msg_type), content, parent, buffers });
    link.send({ channel: 'reply', id: asked.msg_id, status: content.status }, body);
  } catch (error) {
    refuse(link, session, asked, error);
  }
}

/** Answers with what went wrong. */
export function refuse(link: Link, session: Session, asked: Pick<Header, 'msg_id'>, error: unknown): void {
  const { route, body } = refusal(session, asked, error);
  link.send(route, body);
}
