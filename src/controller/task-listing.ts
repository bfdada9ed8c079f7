import { decodeFrames, encodeFrames, messageFrames } from '../protocol/frames.js';
import { decodeMessage } from '../protocol/message.js';
import type { StoredTask } from '../protocol/messages.js';
import type { StoreAnswers, StoredReply, StoreQuestion } from './store-messages.js';
import type { TaskRow } from './task-records.js';

/** Tasks of one page, with their messages and without. */
const messagePage = 100;
const listPage = 1000;

/** Makes a statement that reads. */
type Prepare = (sql: string) => { all(...values: unknown[]): unknown[] };

/** Reads the store's tasks one after another, as those who look at the past want them. */
export class TaskListing {
  readonly #prepare: Prepare;

  constructor(prepare: Prepare) {
    this.#prepare = prepare;
  }

  /**
   * Ids of finished tasks: all, those named, and those that these engines have answered; of one session, or
   * of all.
   */
  finished(ids: string[] | 'all', engines: number[], session: string | undefined): string[] {
    const answered = '(SELECT count(*) FROM all_replies r WHERE r.id = t.id) >= targets';
    const named = 'id IN (SELECT value FROM json_each(?))';
    const byEngine =
      'EXISTS (SELECT 1 FROM all_replies r WHERE r.id = t.id AND r.engine IN (SELECT value FROM ' +
      'json_each(?)))';
    const own = session === undefined ? '' : ' AND session = ?';
    const condition = `${ids === 'all' ? answered : `${answered} AND (${named} OR ${byEngine})`}${own}`;
    const values = ids === 'all' ? [] : [JSON.stringify(ids), JSON.stringify(engines)];
    if (session !== undefined) values.push(session);
    const rows = this.#prepare(`SELECT id FROM all_tasks t WHERE ${condition}`).all(...values) as {
      id: string;
    }[];
    return rows.map(({ id }) => id);
  }

  /** A page of tasks, with their messages where they are wanted; `repliesOf` reads those to one. */
  read(
    { after = 0, ids, messages }: Extract<StoreQuestion, { kind: 'records' }>,
    repliesOf: (id: string) => StoredReply[],
  ): StoreAnswers['records'] {
    const bare = messages === 'none';
    const condition = ids ? 'id IN (SELECT value FROM json_each(?))' : 'number > ?';
    const columns = `number, id, session, queue, type, label, submitted, targets, ${bare ? 'NULL AS body' : 'body'}`;
    const limit = ids ? '' : `LIMIT ${bare ? listPage : messagePage}`;
    const sql = `SELECT ${columns} FROM all_tasks t WHERE ${condition} ORDER BY number ${limit}`;
    const rows = this.#prepare(sql).all(ids ? JSON.stringify(ids) : after) as TaskRow[];
    const tasks: StoredTask[] = [];
    const bodies: Uint8Array[] = [];
    for (const { number: _number, body, ...row } of rows) {
      const replies = bare ? [] : repliesOf(row.id);
      const messageOf = (bytes: Uint8Array | null): Uint8Array | undefined =>
        readable(bytes, messages === 'whole');
      const request = messageOf(body);
      const kept = replies.map((reply) => messageOf(reply.body));
      tasks.push({
        ...row,
        request: request !== undefined,
        replies: replies.map(({ engine, status }, index) => ({
          engine,
          status,
          kept: kept[index] !== undefined,
        })),
      });
      for (const bytes of [request, ...kept]) if (bytes) bodies.push(bytes);
    }
    return { tasks, bodies, last: ids ? null : (rows.at(-1)?.number ?? null) };
  }
}

/** A message as it was, or less its buffers; undefined for one that is not there or that nobody can read. */
function readable(bytes: Uint8Array | null, whole: boolean): Uint8Array | undefined {
  if (!bytes) return undefined;
  const copy = new Uint8Array(bytes);
  const message = Buffer.from(copy.buffer);
  try {
    decodeMessage(message);
    return whole ? copy : Buffer.concat(encodeFrames(decodeFrames(message).slice(0, messageFrames)));
  } catch {
    return undefined;
  }
}
