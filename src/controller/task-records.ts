import { messageOf } from '../base/errors.js';
import { decodeMessage } from '../protocol/message.js';
import type { ErrorContent, TaskQuery, TaskRecord } from '../protocol/messages.js';
import type { StoredReply, SubmittedRow } from './store-messages.js';

/** A task as the database gives it back. */
export interface TaskRow extends Omit<SubmittedRow, 'offset' | 'length'> {
  body: Uint8Array | null;
  /** Counts tasks in the order in which they came. */
  number: number;
}

/** The conditions of a query as SQL on `all_tasks t`, with their values. */
export function whereOf(query: TaskQuery): { condition: string; values: (string | number)[] } {
  const conditions: string[] = ['1'];
  const values: (string | number)[] = [];
  const where = (condition: string, ...given: (string | number)[]): void => {
    conditions.push(condition);
    values.push(...given);
  };
  // One parameter whatever their number: SQLite takes a limited number of them, and each number would be
  // another statement.
  if (query.ids) where('id IN (SELECT value FROM json_each(?))', JSON.stringify(query.ids));
  if (query.queue !== undefined) where('queue = ?', query.queue);
  if (query.label !== undefined) where('label = ?', query.label);
  if (query.since !== undefined) where('submitted >= ?', query.since);
  if (query.until !== undefined) where('submitted < ?', query.until);
  if (query.engine !== undefined)
    where('EXISTS (SELECT 1 FROM all_replies r WHERE r.id = t.id AND r.engine = ?)', query.engine);
  const count = '(SELECT count(*) FROM all_replies r WHERE r.id = t.id';
  if (query.status === 'pending') where(`${count}) < targets`);
  else if (query.status === 'ok') where(`${count} AND r.status = 'ok') >= targets`);
  else if (query.status !== undefined)
    where(`${count} AND r.status = ?) > 0 AND ${count}) >= targets`, query.status);
  return { condition: conditions.join(' AND '), values };
}

/**
 * A record from what was written down: errors are read from the replies themselves, and so is how long they
 * took; when is a matter of our own clock. A reply that cannot be read is said to be that, and no other
 * record suffers.
 */
export function describeTask(row: TaskRow, replies: readonly StoredReply[]): TaskRecord {
  const done = replies.length >= row.targets;
  const worst = replies.find(({ status }) => status !== 'ok') ?? replies.at(-1);
  const { runTime, ename, evalue } = read(worst);
  const ended = Math.max(0, ...replies.map((reply) => reply.ended));
  const at = (time: number): string => new Date(time).toISOString();
  return {
    id: row.id,
    session: row.session,
    queue: row.queue,
    type: row.type,
    label: row.label,
    submitted: row.submitted,
    started: worst && runTime !== undefined ? at(worst.ended - runTime) : null,
    completed: done && worst ? at(ended) : null,
    engine: worst && worst.engine >= 0 ? worst.engine : null,
    status: done ? (worst?.status ?? 'ok') : 'pending',
    ename,
    evalue,
  };
}

/** What a reply says of its run; its milliseconds are those of the engine's own clock. */
function read(reply: StoredReply | undefined): {
  runTime: number | undefined;
  ename: string | null;
  evalue: string | null;
} {
  if (!reply?.body) return { runTime: undefined, ename: null, evalue: null };
  try {
    const { metadata, header, content } = decodeMessage(Buffer.from(reply.body));
    const runTime = Date.parse(header.date) - Date.parse(String(metadata['started']));
    const failure = reply.status === 'error' ? (content as ErrorContent) : undefined;
    const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
    return {
      runTime: Number.isFinite(runTime) ? Math.max(0, Math.min(runTime, reply.ended)) : undefined,
      ename: text(failure?.ename),
      evalue: text(failure?.evalue),
    };
  } catch (error) {
    return {
      runTime: undefined,
      ename: 'StoreError',
      evalue: `Its stored reply cannot be read: ${messageOf(error)}`,
    };
  }
}
