import { type Guard, list, maybe, object, text, whole, word } from './guards.js';
import type { Header } from './header.js';
import type { AbortedContent, ErrorContent, InterruptOutcome, OkContent } from './messages.js';

/* Fields that more than one table has. */

/** So many engines are beyond any machine; and so many requests can be named at once. */
export const mostEngines = 1 << 16;
const mostRequests = 10_000_000;

export const name: Guard<string> = text(256);
export const sentence: Guard<string> = text(65_536);
export const path: Guard<string> = text(4096);
export const requestId: Guard<string> = text(512);
export const engineId: Guard<number> = whole(0, 2 ** 31);
export const processId: Guard<number> = whole(-1, 2 ** 31);
export const engineIds: Guard<number[]> = list(engineId, mostEngines);
export const requestIds: Guard<string[]> = list(requestId, mostRequests);
/** Milliseconds since the epoch. */
export const moment: Guard<number> = whole(0, 2 ** 53);

/** How an interrupt can end. */
export const outcomes = [
  'removed',
  'interrupted',
  'abandoned',
  'killed',
  'restarted',
  'finished',
  'unknown',
] as const;
export const outcome: Guard<InterruptOutcome> = word(...outcomes);

export const header: Guard<Header> = object<Header>({
  msg_id: requestId,
  msg_type: name,
  username: name,
  session: name,
  date: text(64),
  version: text(64),
});

const failure = {
  status: word('error'),
  ename: name,
  evalue: sentence,
  traceback: list(sentence, 1000),
  suggestions: maybe(list(sentence, 100)),
};

/**
 * An answer that says what went wrong; of a peer only: engines' answers pass unread, those of calls for many
 * items among them.
 */
export const errorAnswer: Guard<Omit<ErrorContent, 'failures'>> = object(failure);
const aborted = object<AbortedContent>({ status: word('aborted'), how: maybe(outcome) });

/** An answer: its fields where it is good, and what every other answer has. */
export function answer<T extends OkContent>(good: Guard<T>): Guard<T | ErrorContent | AbortedContent> {
  return {
    words: good.words,
    ...(good.fields && { fields: good.fields }),
    read(value, path) {
      const status = (value as { status?: unknown } | null)?.status;
      return status === 'error'
        ? errorAnswer.read(value, path)
        : status === 'aborted'
          ? aborted.read(value, path)
          : good.read(value, path);
    },
  };
}
