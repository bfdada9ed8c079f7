import type { ReplyRow, SubmittedRow } from './store-messages.js';

/**
 * Why this is no row; undefined for a good one. It is asked before the database is: some values that it does
 * not know end the whole process, and every refusal of its own looks like a fault of the disk.
 */
export function checkRow(row: SubmittedRow | ReplyRow): string | undefined {
  return 'queue' in row ? checkSubmitted(row) : checkReply(row);
}

function checkSubmitted({
  id,
  session,
  queue,
  type,
  label,
  submitted,
  targets,
}: SubmittedRow): string | undefined {
  for (const value of [id, session, queue, type, submitted, label ?? ''])
    if (typeof value !== 'string') return 'a word of its header is no text';
  return Number.isSafeInteger(targets) ? undefined : 'the number of its engines is no number';
}

function checkReply({ id, status, engine, requestLength }: ReplyRow): string | undefined {
  if (typeof id !== 'string' || typeof status !== 'string') return 'a word of its header is no text';
  return Number.isSafeInteger(engine) && Number.isSafeInteger(requestLength)
    ? undefined
    : 'its engine is no number';
}
