import { statSync } from 'node:fs';
import type Libsql from 'libsql';
import { openStore, storeVersion, unfinishedTasks } from './store-file.js';
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
import { checkRow } from './store-rows.js';
import { TaskListing } from './task-listing.js';
import { describeTask, type TaskRow, whereOf } from './task-records.js';

/**
 * `main` is the file; `spare` is in memory, and takes what the file cannot while its disk is full or broken.
 */
type Place = 'main' | 'spare';

const tables = (place: Place): string => `
  CREATE TABLE IF NOT EXISTS ${place}.tasks (number INTEGER PRIMARY KEY, id TEXT UNIQUE, session TEXT, queue TEXT, type TEXT,
    label TEXT, submitted TEXT, targets INTEGER, body BLOB);
  CREATE TABLE IF NOT EXISTS ${place}.replies (number INTEGER PRIMARY KEY, id TEXT, engine INTEGER, status TEXT,
    request_length INTEGER, ended INTEGER, body BLOB);
  CREATE INDEX IF NOT EXISTS ${place}.tasks_of ON tasks (label) WHERE label IS NOT NULL;
  CREATE UNIQUE INDEX IF NOT EXISTS ${place}.replies_of ON replies (id, engine);`;

const views = `
  CREATE TEMP VIEW all_tasks AS SELECT * FROM main.tasks UNION ALL SELECT * FROM spare.tasks;
  CREATE TEMP VIEW all_replies AS SELECT * FROM main.replies UNION ALL SELECT * FROM spare.replies;`;

/** What the spare may hold of finished tasks: it is memory. */
const spareBytes = 64 * 1024 * 1024;
/**
 * With pages of this size (bytes) each is a piece of memory by itself, which goes back to the system
 * (docs/decisions/0022).
 */
const sparePage = 32_768;
/** An empty spare takes less (bytes). */
const smallSpare = 1024 * 1024;
/** So many statements are kept ready. */
const mostPrepared = 50;
/** Finished tasks go in slices of this many, so that no commit waits long. */
const purgeSlice = 1000;
const smallSlice = 100;
/** When what is old cannot go yet, it is looked at again after so long (milliseconds). */
const idleLook = 60_000;

/** How often it is looked whether the file is still where it was (milliseconds). */
const lookInterval = 20;

/**
 * The database of one cluster: requests and replies as bytes, read only when somebody asks. One writer, one
 * thread.
 */
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
  readonly #path: string;
  /** The file as it was opened: tasks in one that was removed do not survive us. */
  #inode: bigint | undefined;
  #looked = 0;
  /** Up to here the spare's replies have been thinned out. */
  #thinned = 0;
  /**
   * When the oldest reply becomes too old (milliseconds since the epoch); undefined while that is not known.
   */
  #due: number | undefined;
  /** What became of a store that lay in the way. */
  readonly aside: string | undefined;

  /**
   * Opens it, empty unless it is to be used again. Throws what the system says when the file cannot be used.
   */
  constructor({ path, reuse, keep }: StoreOptions) {
    const { database, aside } = openStore(path, reuse);
    this.#path = path;
    this.aside = aside;
    this.#keep = keep;
    this.#database = database;
    this.#database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA ' +
        'cache_size = -2000; PRAGMA temp_store = MEMORY;',
    );
    this.#database.exec(`PRAGMA main.user_version = ${storeVersion}; ${tables('main')}`);
    this.#database.exec("ATTACH ':memory:' AS spare");
    this.#database.exec(`PRAGMA spare.page_size = ${sparePage}; ${tables('spare')}`);
    this.#database.exec(views);
    this.#insert = {
      main: prepareInserts(this.#database, 'main'),
      spare: prepareInserts(this.#database, 'spare'),
    };
    const [tasks, replies] = ['tasks', 'replies'].map((table) =>
      this.#number(`SELECT max(number) AS n FROM main.${table}`),
    );
    this.#taskNumber = tasks ?? 0;
    this.#replyNumber = replies ?? 0;
    this.#kept = { main: this.#measure('main'), spare: { count: 0, bytes: 0 } };
    this.#inode = this.#look();
  }

  /** True when what is committed now is in the file and survives this process. */
  get durable(): boolean {
    return this.place === 'main' && this.#path !== ':memory:';
  }

  #look(): bigint | undefined {
    if (this.#path === ':memory:') return undefined;
    return statSync(this.#path, { bigint: true, throwIfNoEntry: false })?.ino;
  }

  /** Throws when the file was removed or replaced: what is written to it is nowhere. */
  #checkFile(): void {
    const now = performance.now();
    if (this.place !== 'main' || now - this.#looked < lookInterval) return;
    if (this.#look() !== this.#inode) throw new Error('its file was removed');
    this.#looked = now;
  }

  #measure(place: Place): { count: number; bytes: number } {
    const bytes = this.#number(
      `SELECT sum(request_length + coalesce(length(body), 0)) AS n FROM ${place}.replies`,
    );
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

  /**
   * Writes a batch, all of it or nothing. A row that is there already stays as it is: the first one counts.
   * Answers the rows that are no rows, which were left out: they are the fault of whoever sent them, and
   * nobody else's.
   */
  commit({ submitted, replies, blob }: Batch, now = clock()): Refused[] {
    const bytes = ({ offset, length }: { offset: number; length: number }): Buffer | null =>
      length > 0 ? Buffer.from(blob.buffer, offset, length) : null;
    const { addTask, addReply } = this.#insert[this.place];
    const kept = this.#kept[this.place];
    const refused: Refused[] = [];
    this.#checkFile();
    this.#transaction(() => {
      for (const row of submitted) this.#try(refused, row, () => this.#addTask(addTask, row, bytes(row)));
      for (const row of replies)
        this.#try(refused, row, () => this.#addReply(addReply, row, bytes(row), now));
    });
    kept.count += replies.length;
    for (const row of replies) kept.bytes += row.requestLength + row.length;
    return refused;
  }

  #try(refused: Refused[], row: SubmittedRow | ReplyRow, write: () => void): void {
    const reason = checkRow(row);
    if (reason === undefined) write();
    else refused.push({ id: String(row.id), reason });
  }

  #addTask(statement: Statement, row: SubmittedRow, body: Buffer | null): void {
    const { id, session, queue, type, label, submitted, targets } = row;
    statement.run(++this.#taskNumber, id, session, queue, type, label, submitted, targets, body);
  }

  #addReply(
    statement: Statement,
    { id, engine, status, requestLength }: ReplyRow,
    body: Buffer | null,
    now: number,
  ): void {
    statement.run(++this.#replyNumber, id, engine, status, requestLength, now, body);
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
    if (this.#look() !== this.#inode) throw new Error('its file was removed');
    this.#transaction(() => {
      for (const table of ['tasks', 'replies']) {
        this.#database.exec(
          `INSERT OR IGNORE INTO main.${table} SELECT * FROM spare.${table}; DELETE FROM spare.${table}`,
        );
      }
    });
    this.#kept.main.count += this.#kept.spare.count;
    this.#kept.main.bytes += this.#kept.spare.bytes;
    this.#kept.spare = { count: 0, bytes: 0 };
    this.#thinned = 0;
    this.place = 'main';
  }

  /** Memory that the spare has, whether or not it holds anything (bytes). */
  get spareSize(): number {
    return sparePage * (this.#prepare('PRAGMA spare.page_count').get() as { page_count: number }).page_count;
  }

  /** Gives back what SQLite keeps at hand, and what the spare has held. For times of rest. */
  shrink(): void {
    if (this.place === 'main' && this.spareSize > smallSpare) this.#database.exec('VACUUM spare');
    this.#database.exec('PRAGMA shrink_memory');
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

  /**
   * Removes finished tasks that are beyond what is kept, those first that ended first, by our own clock;
   * answers whether there may be more to do. Costs nothing while nothing is due.
   */
  purge(now = clock()): boolean {
    if (this.place === 'spare') return this.isFull && this.#thinOut();
    if (this.isFull) return this.#removeOldest(now);
    this.#due ??= this.#dueTime(now);
    return this.#due <= now && this.#removeOldest(now);
  }

  /** When the oldest reply is too old; while there is none, not before one that came now. */
  #dueTime(now: number): number {
    const oldest = this.#prepare(oldestEnd).get() as { ended: number } | undefined;
    return (oldest?.ended ?? now) + this.#keep.age;
  }

  /**
   * One slice of replies with their tasks; answers whether more should go, down to nine tenths of what is
   * kept.
   */
  #removeOldest(now: number): boolean {
    const kept = this.#kept.main;
    const full = this.isFull;
    const slice = Math.min(purgeSlice, Math.max(smallSlice, Math.ceil(kept.count / 10)));
    const oldest = this.#prepare(oldestReplies).all(
      full ? Math.min(slice, Math.ceil(kept.count / 10)) : slice,
    ) as OldReply[];
    const limit = full ? Math.max(...oldest.map(({ ended }) => ended)) : now - this.#keep.age;
    const old = oldest.filter(({ ended }) => ended <= limit);
    const named = JSON.stringify([...new Set(old.map(({ id }) => id))]);
    // A request to several engines ends with its last answer: until then, or while that is fresh, the earlier
    // ones stay with it.
    const late = new Set(
      (this.#prepare(lateTasks).all(named, limit) as { id: string }[]).map(({ id }) => id),
    );
    const gone = old.filter(({ id }) => !late.has(id));
    this.#transaction(() => {
      const ids = JSON.stringify([...new Set(gone.map(({ id }) => id))]);
      this.#prepare('DELETE FROM main.tasks WHERE id IN (SELECT value FROM json_each(?))').run(ids);
      this.#prepare('DELETE FROM main.replies WHERE id IN (SELECT value FROM json_each(?))').run(ids);
      for (const { id, number } of old)
        if (late.has(id))
          this.#prepare('UPDATE main.replies SET number = ? WHERE number = ?').run(
            ++this.#replyNumber,
            number,
          );
    });
    kept.count -= gone.length;
    kept.bytes -= gone.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#due = gone.length > 0 ? undefined : now + Math.min(this.#keep.age, idleLook);
    return gone.length > 0 && (full ? this.#isBeyond(0.9) : oldest.length === old.length);
  }

  /**
   * The spare is memory: it forgets what the oldest replies said, and of tasks that only it knows everything.
   */
  #thinOut(): boolean {
    const rows = this.#prepare(
      'SELECT number, id, request_length + coalesce(length(body), 0) AS bytes FROM spare.replies WHERE ' +
        'number > ? ORDER BY number LIMIT ?',
    ).all(this.#thinned, purgeSlice) as OldReply[];
    const last = rows.at(-1);
    if (!last) return false;
    const ids = JSON.stringify(rows.map(({ id }) => id));
    this.#transaction(() => {
      const own = 'id IN (SELECT value FROM json_each(?)) AND id IN (SELECT id FROM spare.tasks)';
      this.#prepare(`DELETE FROM spare.replies WHERE ${own}`).run(ids);
      this.#prepare('DELETE FROM spare.tasks WHERE id IN (SELECT value FROM json_each(?))').run(ids);
      // That a task of the file is answered must be known until the file can be written.
      this.#prepare('UPDATE spare.replies SET body = NULL WHERE number <= ? AND body NOT NULL').run(
        last.number,
      );
    });
    this.#thinned = last.number;
    this.#kept.spare.count -= rows.length;
    this.#kept.spare.bytes -= rows.reduce((sum, { bytes }) => sum + bytes, 0);
    return this.#isBeyond(0.9);
  }

  /**
   * The plans of the statements that run by themselves, for those who see to it that none of them walks a
   * table.
   */
  plans(): string[] {
    const all = [oldestEnd, oldestReplies.replace('?', '1'), lateTasks.replaceAll('?', "'[]'")];
    return all.flatMap((sql) =>
      (this.#database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[]).map(
        ({ detail }) => detail,
      ),
    );
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
          `SELECT number, id, session, type, body ${unfinishedTasks} AND number > ? ORDER BY number LIMIT ?`,
        )
          .all(question.after, question.limit)
          .map((row) => withBytes(row as UnfinishedTask));
      case 'purge':
        return this.#purgeNamed(question.ids, question.engines ?? [], question.session);
      case 'records':
        return this.#listing.read(question, (id) => this.#replies(id));
      case 'close':
        this.#database.close();
        return true;
    }
  }

  /**
   * Removes finished tasks: all, those named, and those that these engines have answered; of one session, or
   * of all.
   */
  #purgeNamed(ids: string[] | 'all', engines: number[], session: string | undefined): string[] {
    const gone = this.#listing.finished(ids, engines, session);
    this.#transaction(() => {
      for (const place of ['main', 'spare'] as const)
        for (const table of ['tasks', 'replies'])
          this.#prepare(`DELETE FROM ${place}.${table} WHERE id IN (SELECT value FROM json_each(?))`).run(
            JSON.stringify(gone),
          );
    });
    this.#kept = { main: this.#measure('main'), spare: this.#measure('spare') };
    return gone;
  }

  #task(id: string): TaskRow | undefined {
    return this.#prepare('SELECT * FROM all_tasks WHERE id = ?').get(id) as TaskRow | undefined;
  }

  #replies(id: string): StoredReply[] {
    const sql = 'SELECT engine, status, ended, body FROM all_replies WHERE id = ? ORDER BY engine';
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
    return {
      record: describeTask(row, replies),
      bodies: replies.flatMap(({ body }) => (body ? [body] : [])),
    };
  }
}

/** A row that could not be written because of what it is. */
export interface Refused {
  id: string;
  reason: string;
}

/** A reply that may go. */
interface OldReply {
  number: number;
  id: string;
  ended: number;
  bytes: number;
}

/* Replies are numbered as they came, so that the first is the oldest. */
const oldestEnd = 'SELECT ended FROM main.replies ORDER BY number LIMIT 1';
const oldestReplies =
  'SELECT number, id, ended, request_length + coalesce(length(body), 0) AS bytes FROM main.replies ' +
  'ORDER BY number LIMIT ?';
/** Of these tasks, those that are not finished or had an answer after that moment. */
const lateTasks = `SELECT t.id FROM json_each(?) named CROSS JOIN main.tasks t ON t.id = named.value
  WHERE t.targets > 1 AND ((SELECT count(*) FROM main.replies r WHERE r.id = t.id) < t.targets
    OR EXISTS (SELECT 1 FROM main.replies r WHERE r.id = t.id AND r.ended > ?))`;

/** Our own clock: no jump of the machine's makes anything old at once (milliseconds since the epoch). */
const clock = (): number => Math.round(performance.timeOrigin + performance.now());

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

function prepareInserts(
  database: InstanceType<typeof Libsql>,
  place: Place,
): { addTask: Statement; addReply: Statement } {
  return {
    addTask: database.prepare(`INSERT OR IGNORE INTO ${place}.tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    addReply: database.prepare(`INSERT OR IGNORE INTO ${place}.replies VALUES (?, ?, ?, ?, ?, ?, ?)`),
  };
}
