import { rmSync } from 'node:fs';
import Libsql from 'libsql';
import type {
  Batch,
  KeepPolicy,
  ReplyRow,
  StoreAnswers,
  StoredReply,
  StoreOptions,
  StoreQuestion,
  SubmittedRow,
  UnfinishedTask,
} from './store-messages.js';
import { TaskListing } from './task-listing.js';
import { describeTask, type TaskRow, whereOf } from './task-records.js';

/** `main` is the file; `spare` is in memory, and takes what the file cannot while its disk is full or broken. */
type Place = 'main' | 'spare';

const tables = (place: Place): string => `
  CREATE TABLE IF NOT EXISTS ${place}.tasks (number INTEGER PRIMARY KEY, id TEXT UNIQUE, session TEXT, queue TEXT, type TEXT,
    label TEXT, submitted TEXT, targets INTEGER, body BLOB);
  CREATE TABLE IF NOT EXISTS ${place}.replies (number INTEGER PRIMARY KEY, id TEXT, engine INTEGER, status TEXT,
    request_length INTEGER, body BLOB);
  CREATE INDEX IF NOT EXISTS ${place}.tasks_of ON tasks (label) WHERE label IS NOT NULL;
  CREATE UNIQUE INDEX IF NOT EXISTS ${place}.replies_of ON replies (id, engine);`;

const views = `
  CREATE TEMP VIEW all_tasks AS SELECT * FROM main.tasks UNION ALL SELECT * FROM spare.tasks;
  CREATE TEMP VIEW all_replies AS SELECT * FROM main.replies UNION ALL SELECT * FROM spare.replies;`;

/** What the spare may hold of finished tasks: it is memory. */
const spareBytes = 64 * 1024 * 1024;
/** So many statements are kept ready. */
const mostPrepared = 50;
/** Finished tasks go in slices of this many, so that no commit waits long. */
const purgeSlice = 1000;

/** The database of one cluster: requests and replies as bytes, read only when somebody asks. One writer, one thread. */
export class Database {
  /** Where rows go now. */
  place: Place = 'main';
  readonly #database: InstanceType<typeof Libsql>;
  readonly #prepared = new Map<string, Reader>();
  readonly #keep: KeepPolicy;
  readonly #insert: Record<Place, ReturnType<typeof prepareInserts>>;
  readonly #listing = new TaskListing((sql) => this.#prepare(sql));
  #kept: Record<Place, { count: number; bytes: number }>;
  #taskNumber: number;
  #replyNumber: number;

  /** Opens it, empty unless it is to be used again. Throws what the system says when the file cannot be used. */
  constructor({ path, reuse, keep }: StoreOptions) {
    if (path !== ':memory:' && !reuse) for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
    this.#keep = keep;
    this.#database = new Libsql(path);
    this.#database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY;',
    );
    this.#database.exec(tables('main'));
    this.#database.exec("ATTACH ':memory:' AS spare");
    this.#database.exec(tables('spare'));
    this.#database.exec(views);
    this.#insert = { main: prepareInserts(this.#database, 'main'), spare: prepareInserts(this.#database, 'spare') };
    const [tasks, replies] = ['tasks', 'replies'].map((table) => this.#number(`SELECT max(number) AS n FROM main.${table}`));
    this.#taskNumber = tasks ?? 0;
    this.#replyNumber = replies ?? 0;
    this.#kept = { main: this.#measure('main'), spare: { count: 0, bytes: 0 } };
  }

  #measure(place: Place): { count: number; bytes: number } {
    const bytes = this.#number(`SELECT sum(request_length + coalesce(length(body), 0)) AS n FROM ${place}.replies`);
    return { count: this.#number(`SELECT count(*) AS n FROM ${place}.replies`), bytes };
  }

  /** A statement, made once: they hold memory that the garbage collector does not see. */
  #prepare(sql: string): Reader {
    const known = this.#prepared.get(sql);
    if (known) return known;
    if (this.#prepared.size >= mostPrepared) this.#prepared.clear();
    const made = this.#database.prepare(sql) as unknown as Reader;
    this.#prepared.set(sql, made);
    return made;
  }

  #number(sql: string): number {
    return (this.#database.prepare(sql).get() as { n: number | null }).n ?? 0;
  }

  /** Writes a batch, all of it or nothing. A row that is there already stays as it is: the first one counts. */
  commit({ submitted, replies, blob }: Batch): void {
    const bytes = ({ offset, length }: { offset: number; length: number }): Buffer | null =>
      length > 0 ? Buffer.from(blob.buffer, offset, length) : null;
    const { addTask, addReply } = this.#insert[this.place];
    const kept = this.#kept[this.place];
    this.#transaction(() => {
      for (const row of submitted) this.#addTask(addTask, row, bytes(row));
      for (const row of replies) this.#addReply(addReply, row, bytes(row));
    });
    kept.count += replies.length;
    for (const row of replies) kept.bytes += row.requestLength + row.length;
  }

  #addTask(statement: Statement, row: SubmittedRow, body: Buffer | null): void {
    const { id, session, queue, type, label, submitted, targets } = row;
    statement.run(++this.#taskNumber, id, session, queue, type, label, submitted, targets, body);
  }

  #addReply(statement: Statement, { id, engine, status, requestLength }: ReplyRow, body: Buffer | null): void {
    statement.run(++this.#replyNumber, id, engine, status, requestLength, body);
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      // A full disk may have rolled it back already.
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** Brings what the spare holds into the file, which can be written again. Throws when it cannot. */
  recover(): void {
    this.#transaction(() => {
      for (const table of ['tasks', 'replies']) {
        this.#database.exec(`INSERT OR IGNORE INTO main.${table} SELECT * FROM spare.${table}; DELETE FROM spare.${table}`);
      }
    });
    this.#kept.main.count += this.#kept.spare.count;
    this.#kept.main.bytes += this.#kept.spare.bytes;
    this.#kept.spare = { count: 0, bytes: 0 };
    this.place = 'main';
  }

  /** True when there are more finished tasks, or bytes of them, than are kept. */
  get isFull(): boolean {
    return this.#isBeyond(1);
  }

  #isBeyond(share: number): boolean {
    const { count, bytes } = this.#kept[this.place];
    const most = this.place === 'spare' ? Math.min(spareBytes, this.#keep.bytes) : this.#keep.bytes;
    return count > share * this.#keep.count || bytes > share * most;
  }

  /** Removes the oldest finished tasks that are beyond what is kept; answers whether there may be more to do. */
  purge(now = Date.now()): boolean {
    if (this.isFull) return this.#removeOldest();
    const oldest = this.#prepare(
      `SELECT t.submitted FROM ${this.place}.replies r JOIN all_tasks t ON t.id = r.id ORDER BY r.number LIMIT 1`,
    ).get() as { submitted: string } | undefined;
    return oldest !== undefined && Date.parse(oldest.submitted) < now - this.#keep.age && this.#removeOldest();
  }

  /** One slice of replies with their tasks; answers whether more should go, down to nine tenths of what is kept. */
  #removeOldest(): boolean {
    const kept = this.#kept[this.place];
    const slice = Math.min(purgeSlice, Math.ceil(kept.count / 10));
    const oldest = `(SELECT number, id, request_length + coalesce(length(body), 0) AS bytes FROM ${this.place}.replies ORDER BY number LIMIT ?)`;
    const { last, bytes, count } = this.#prepare(
      `SELECT max(number) AS last, sum(bytes) AS bytes, count(*) AS count FROM ${oldest}`,
    ).get(slice) as { last: number | null; bytes: number | null; count: number };
    if (last === null) return false;
    this.#transaction(() => {
      this.#prepare(`DELETE FROM ${this.place}.tasks WHERE id IN (SELECT id FROM ${this.place}.replies WHERE number <= ?)`).run(
        last,
      );
      this.#prepare(`DELETE FROM ${this.place}.replies WHERE number <= ?`).run(last);
    });
    kept.count -= count;
    kept.bytes -= bytes ?? 0;
    return this.#isBeyond(0.9);
  }

  answer(question: StoreQuestion): StoreAnswers[StoreQuestion['kind']] {
    switch (question.kind) {
      case 'query': {
        const { condition, values } = whereOf(question.query);
        const sql = `SELECT * FROM all_tasks t WHERE ${condition} ORDER BY number DESC LIMIT ?`;
        const rows = this.#prepare(sql).all(...values, question.query.limit ?? 1000) as TaskRow[];
        return rows.map((row) => describeTask(row, this.#replies(row.id)));
      }
      case 'result':
        return this.#result(question.id);
      case 'outcomes':
        return question.ids.flatMap((id) => this.#outcome(id) ?? []);
      case 'request': {
        const row = this.#task(question.id);
        return row && { body: row.body ?? new Uint8Array(), queue: row.queue };
      }
      case 'replies':
        return this.#replies(question.id);
      case 'bodies':
        return question.ids.flatMap((id) => {
          const body = this.#task(id)?.body;
          return body ? [{ id, body }] : [];
        });
      case 'unfinished':
        return this.#prepare(
          "SELECT number, body FROM main.tasks t WHERE queue = 'balanced' AND body NOT NULL AND number > ? AND NOT EXISTS (SELECT 1 FROM main.replies r WHERE r.id = t.id) ORDER BY number LIMIT ?",
        )
          .all(question.after, question.limit)
          .map((row) => withBytes(row as UnfinishedTask));
      case 'purge':
        return this.#purgeNamed(question.ids, question.engines ?? []);
      case 'records':
        return this.#listing.read(question, (id) => this.#replies(id));
      case 'close':
        this.#database.close();
        return true;
    }
  }

  /** Removes finished tasks: all, those named, and those that these engines have answered. */
  #purgeNamed(ids: string[] | 'all', engines: number[]): string[] {
    const gone = this.#listing.finished(ids, engines);
    this.#transaction(() => {
      for (const place of ['main', 'spare'] as const)
        for (const table of ['tasks', 'replies'])
          this.#prepare(`DELETE FROM ${place}.${table} WHERE id IN (SELECT value FROM json_each(?))`).run(JSON.stringify(gone));
    });
    this.#kept = { main: this.#measure('main'), spare: this.#measure('spare') };
    return gone;
  }

  #task(id: string): TaskRow | undefined {
    return this.#prepare('SELECT * FROM all_tasks WHERE id = ?').get(id) as TaskRow | undefined;
  }

  #replies(id: string): StoredReply[] {
    const sql = 'SELECT engine, status, body FROM all_replies WHERE id = ? ORDER BY engine';
    return (this.#prepare(sql).all(id) as StoredReply[]).map(withBytes);
  }

  #outcome(id: string): StoreAnswers['outcomes'][number] | undefined {
    const sql = 'SELECT engine, status FROM all_replies WHERE id = ? ORDER BY engine';
    const replies = this.#prepare(sql).all(id) as Pick<StoredReply, 'engine' | 'status'>[];
    const [first] = replies;
    if (!first) return undefined;
    const engine = first.engine < 0 ? undefined : first.engine;
    return { id, ok: first.status === 'ok', engine, engines: replies.map((reply) => reply.engine) };
  }

  #result(id: string): StoreAnswers['result'] {
    const row = this.#task(id);
    if (!row) return undefined;
    const replies = this.#replies(id);
    return { record: describeTask(row, replies), bodies: replies.flatMap(({ body }) => (body ? [body] : [])) };
  }
}

/** What is used of a prepared statement. */
interface Statement {
  run(...values: unknown[]): unknown;
}

/** What is used of one that reads. */
interface Reader extends Statement {
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
}

/** Blobs come as array buffers from `all`, whatever the types of the library say. */
function withBytes<T extends { body: Uint8Array | null }>(row: T): T {
  return { ...row, body: row.body && new Uint8Array(row.body) };
}

function prepareInserts(database: InstanceType<typeof Libsql>, place: Place): { addTask: Statement; addReply: Statement } {
  return {
    addTask: database.prepare(`INSERT OR IGNORE INTO ${place}.tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    addReply: database.prepare(`INSERT OR IGNORE INTO ${place}.replies VALUES (?, ?, ?, ?, ?, ?)`),
  };
}
