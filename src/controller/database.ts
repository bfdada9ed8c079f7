import { rmSync } from 'node:fs';
import Libsql from 'libsql';
import { decodeMessage } from '../protocol/message.js';
import type { ErrorContent, TaskQuery, TaskRecord } from '../protocol/messages.js';
import type { Batch, StoreAnswers, StoreQuestion, SubmittedRow } from './store-messages.js';

interface TaskRow extends Omit<SubmittedRow, 'offset' | 'length'> {
  body: Uint8Array | null;
}

interface ReplyRow {
  engine: number;
  status: 'ok' | 'error' | 'aborted';
  body: Uint8Array | null;
}

const schema = `
  CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, session TEXT, queue TEXT, type TEXT, label TEXT, submitted TEXT,
    targets INTEGER, body BLOB) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS replies (id TEXT, engine INTEGER, status TEXT, body BLOB);
  CREATE INDEX IF NOT EXISTS replies_of ON replies (id);
  CREATE INDEX IF NOT EXISTS tasks_by_time ON tasks (submitted);`;

/** The database of one cluster: requests and replies as bytes, read only when somebody asks. One writer, one thread. */
export class Database {
  readonly #database: InstanceType<typeof Libsql>;
  readonly #addTask;
  readonly #addReply;

  constructor(path: string) {
    // One start, one database: what an earlier cluster of that id left is not ours to answer for.
    if (path !== ':memory:') for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
    this.#database = new Libsql(path);
    this.#database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2000;',
    );
    this.#database.exec(schema);
    this.#addTask = this.#database.prepare('INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    this.#addReply = this.#database.prepare('INSERT INTO replies VALUES (?, ?, ?, ?)');
  }

  /** Writes a batch, all of it or nothing. */
  commit({ submitted, replies, blob }: Batch): void {
    const bytes = ({ offset, length }: { offset: number; length: number }): Buffer | null =>
      length > 0 ? Buffer.from(blob.buffer, offset, length) : null;
    this.#database.exec('BEGIN');
    try {
      for (const row of submitted) {
        this.#addTask.run(row.id, row.session, row.queue, row.type, row.label, row.submitted, row.targets, bytes(row));
      }
      for (const row of replies) this.#addReply.run(row.id, row.engine, row.status, bytes(row));
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  answer(question: StoreQuestion): StoreAnswers[StoreQuestion['kind']] {
    switch (question.kind) {
      case 'query':
        return this.#query(question.query);
      case 'result':
        return this.#result(question.id);
      case 'outcomes':
        return question.ids.flatMap((id) => this.#outcome(id) ?? []);
      case 'request': {
        const row = this.#task(question.id);
        return row && { body: row.body ?? new Uint8Array(), queue: row.queue };
      }
      case 'close':
        this.#database.close();
        return true;
    }
  }

  #task(id: string): TaskRow | undefined {
    return this.#database.prepare('SELECT * FROM tasks WHERE id = ?').get(id) as TaskRow | undefined;
  }

  #replies(id: string): ReplyRow[] {
    return this.#database.prepare('SELECT * FROM replies WHERE id = ? ORDER BY engine').all(id) as ReplyRow[];
  }

  #outcome(id: string): StoreAnswers['outcomes'][number] | undefined {
    const [reply] = this.#replies(id);
    return reply && { id, ok: reply.status === 'ok', engine: reply.engine < 0 ? undefined : reply.engine };
  }

  #result(id: string): StoreAnswers['result'] {
    const row = this.#task(id);
    if (!row) return undefined;
    const replies = this.#replies(id);
    return { record: describe(row, replies), bodies: replies.flatMap(({ body }) => (body ? [new Uint8Array(body)] : [])) };
  }

  #query(query: TaskQuery): TaskRecord[] {
    const conditions: string[] = ['1'];
    const values: (string | number)[] = [];
    const where = (condition: string, ...given: (string | number)[]): void => {
      conditions.push(condition);
      values.push(...given);
    };
    if (query.ids) where(`id IN (${query.ids.map(() => '?').join(', ')})`, ...query.ids);
    if (query.queue !== undefined) where('queue = ?', query.queue);
    if (query.label !== undefined) where('label = ?', query.label);
    if (query.since !== undefined) where('submitted >= ?', query.since);
    if (query.until !== undefined) where('submitted < ?', query.until);
    if (query.engine !== undefined)
      where('EXISTS (SELECT 1 FROM replies r WHERE r.id = tasks.id AND r.engine = ?)', query.engine);
    const count = '(SELECT count(*) FROM replies r WHERE r.id = tasks.id';
    if (query.status === 'pending') where(`${count}) < targets`);
    else if (query.status === 'ok') where(`${count} AND r.status = 'ok') >= targets`);
    else if (query.status !== undefined) where(`${count} AND r.status = ?) > 0 AND ${count}) >= targets`, query.status);
    const sql = `SELECT * FROM tasks WHERE ${conditions.join(' AND ')} ORDER BY submitted DESC LIMIT ?`;
    const rows = this.#database.prepare(sql).all(...values, query.limit ?? 1000) as TaskRow[];
    return rows.map((row) => describe(row, this.#replies(row.id)));
  }
}

/** A record from what was written down: times and errors are read from the replies themselves. */
function describe(row: TaskRow, replies: readonly ReplyRow[]): TaskRecord {
  const done = replies.length >= row.targets;
  const worst = replies.find(({ status }) => status !== 'ok') ?? replies.at(-1);
  const message = worst?.body ? decodeMessage(Buffer.from(worst.body)) : undefined;
  const failure = worst?.status === 'error' ? (message?.content as ErrorContent | undefined) : undefined;
  const started = message?.metadata['started'];
  return {
    ...{ id: row.id, session: row.session, queue: row.queue, type: row.type, label: row.label, submitted: row.submitted },
    started: typeof started === 'string' ? started : null,
    completed: done ? (message?.header.date ?? null) : null,
    engine: worst && worst.engine >= 0 ? worst.engine : null,
    status: done ? (worst?.status ?? 'ok') : 'pending',
    ename: failure?.ename ?? null,
    evalue: failure?.evalue ?? null,
  };
}
