import { isIpclusterError, messageOf } from '../base/errors.js';
import type { ErrorContent } from './contents/answers.js';
import type { Header } from './header.js';
import { type Session, unknownMessage } from './message.js';
import type { Route } from './routes.js';

/** What went wrong, as an answer. */
function errorContent(error: unknown): ErrorContent {
  const evalue = messageOf(error);
  if (!isIpclusterError(error)) return { status: 'error', ename: 'INTERNAL', evalue, traceback: [] };
  return { status: 'error', ename: error.code, evalue, traceback: [], suggestions: [...error.suggestions] };
}

/**
 * The answer to a message that cannot be dealt with, as it goes out. Of the header of that message only the
 * id need be known.
 */
export function refusal(
  session: Session,
  asked: Pick<Header, 'msg_id'>,
  error: unknown,
): { route: Route; body: Buffer[] } {
  const parent = Buffer.from(JSON.stringify(asked));
  return {
    route: { channel: 'reply', id: asked.msg_id, status: 'error' },
    body: session.encode({ type: 'error_reply', content: errorContent(error), parent }),
  };
}

/** The answer to a message that there is no handler for, as it goes out; `sender` says whose it was. */
export const refusalOfUnknown = (
  session: Session,
  asked: Header,
  sender: string,
): ReturnType<typeof refusal> => refusal(session, asked, unknownMessage(asked.msg_type, sender));
