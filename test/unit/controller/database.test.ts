import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { Database } from '../../../src/controller/database.js';
import type { ReplyRow, SubmittedRow } from '../../../src/controller/store-messages.js';
import { Session } from '../../../src/protocol/message.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

const session = new Session('s');
const day = 86_400_000;
const keep = { count: 1000, bytes: 1e9, age: 7 * day };
let path: string;
let file = 0;
beforeEach(() => {
  file += 1;
  path = join(folder, `${file}.sqlite`);
});

const request = Buffer.concat(session.encode({ type: 'apply_request', content: {} } as never));
const answer = Buffer.concat(session.encode({ type: 'apply_reply', content: { status: 'ok' } } as never));

/** A batch of tasks and of replies, with messages that can be read unless others are given. */
function batch(
  tasks: Partial<SubmittedRow>[],
  replies: Partial<ReplyRow>[] = [],
  bodies = [request, answer],
) {
  const [body, reply] = bodies as [Buffer, Buffer];
  const blob = new Uint8Array(Buffer.concat([body, reply]));
  return {
    kind: 'batch' as const,
    submitted: tasks.map((row) => ({
      id: 'x',
      session: 's',
      queue: 'balanced',
      type: 'apply_request',
      label: null,
      submitted: '2020',
      targets: 1,
      offset: 0,
      length: body.length,
      ...row,
    })) as SubmittedRow[],
    replies: replies.map((row) => ({
      id: 'x',
      engine: 0,
      status: 'ok',
      requestLength: 5,
      offset: body.length,
      length: reply.length,
      ...row,
    })) as ReplyRow[],
    blob,
  };
}

const open = (reuse = false, more: object = {}): Database =>
  new Database({ path, reuse, keep: { ...keep, ...more } });
const idsOf = (database: Database): string[] =>
  (database.answer({ kind: 'query', query: {} }) as { id: string }[]).map(({ id }) => id).toSorted();
const close = (database: Database): void => void database.answer({ kind: 'close' });

describe('a bad row', () => {
  test.each([
    ['a session that is an object', { session: {} }],
    ['a truth value', { label: true }],
    ['no id', { id: undefined }],
    ['a count that is none', { targets: Number.NaN }],
  ])('%s is left out and named, and the others are written', (_what, bad) => {
    const database = open();
    const refused = database.commit(
      batch([{ id: 'good' }, { id: 'bad', ...(bad as object) }, { id: 'other' }]),
    );
    expect(refused).toHaveLength(1);
    expect(idsOf(database)).toEqual(['good', 'other']);
    expect(database.durable).toBe(true);
    close(database);
  });

  test('that is in the file already is named in listings, and no other suffers', () => {
    const database = open();
    const cut = [request.subarray(0, 9), Buffer.from('no message at all')];
    database.commit(batch([{ id: 'cut' }], [{ id: 'cut', status: 'error' }], cut));
    database.commit(batch([{ id: 'good' }], [{ id: 'good' }]));
    const records = database.answer({ kind: 'query', query: {} }) as {
      id: string;
      ename: string | null;
      evalue: string;
    }[];
    expect(records.find(({ id }) => id === 'good')).toMatchObject({ status: 'ok', ename: null });
    expect(records.find(({ id }) => id === 'cut')).toMatchObject({
      status: 'error',
      ename: 'StoreError',
      evalue: expect.stringMatching(/cannot be read/),
    });
    const { tasks, bodies } = database.answer({ kind: 'records', messages: 'small' } as never) as {
      tasks: { id: string; request: boolean; replies: { kept: boolean }[] }[];
      bodies: Uint8Array[];
    };
    expect(tasks.map(({ id, request: has, replies }) => [id, has, replies[0]?.kept])).toEqual([
      ['cut', false, false],
      ['good', true, true],
    ]);
    expect(bodies).toHaveLength(2);
    close(database);
  });
});

describe('what is kept', () => {
  const now = Date.now();

  test('goes by the moment of the end and our own clock: a wrong date of a client harms nobody', () => {
    const database = open();
    database.commit(
      batch([{ id: 'old', submitted: new Date(now + 8 * day).toISOString() }], [{ id: 'old' }]),
      now - 8 * day,
    );
    database.commit(
      batch([{ id: 'fresh', submitted: new Date(now - 8 * day).toISOString() }], [{ id: 'fresh' }]),
      now,
    );
    while (database.purge(now));
    expect(idsOf(database)).toEqual(['fresh']);
    expect(database.purge(now)).toBe(false);
    close(database);
  });

  test('what was submitted first and ended last stays', () => {
    const database = open(false, { count: 20 });
    database.commit(batch(Array.from({ length: 40 }, (_unused, index) => ({ id: `t${index}` }))), now);
    database.commit(
      batch(
        [],
        Array.from({ length: 39 }, (_unused, index) => ({ id: `t${index + 1}` })),
      ),
      now,
    );
    database.commit(batch([], [{ id: 't0' }]), now);
    while (database.purge(now));
    const left = idsOf(database);
    expect(left).toContain('t0');
    expect(left.length).toBeLessThanOrEqual(20);
    close(database);
  });

  test('a request to several engines stays whole until its last answer is old', () => {
    const database = open();
    database.commit(
      batch([{ id: 'both', queue: 'direct', targets: 2 }], [{ id: 'both', engine: 0 }]),
      now - 9 * day,
    );
    while (database.purge(now));
    expect(idsOf(database)).toEqual(['both']);
    database.commit(batch([], [{ id: 'both', engine: 1 }]), now);
    while (database.purge(now));
    expect(database.answer({ kind: 'replies', id: 'both' })).toHaveLength(2);
    while (database.purge(now + 8 * day));
    expect(idsOf(database)).toEqual([]);
    close(database);
  });

  test('what runs by itself walks no table', () => {
    const database = open();
    const plans = database.plans();
    expect(plans.length).toBeGreaterThan(3);
    // The one walk over replies goes along their numbers, and ends after a slice; the other is over the names
    // given.
    const walks = plans.filter(
      (step) => /SCAN/.test(step) && !/SCAN (main\.)?replies$|json_each|named/.test(step),
    );
    expect(walks).toEqual([]);
    expect(plans.join()).not.toMatch(/AUTOMATIC|TEMP B-TREE FOR ORDER|all_tasks/);
    close(database);
  });

  test('in memory a task of the file stays answered, whatever is thinned out', () => {
    const database = open(false, { count: 10 });
    database.commit(batch([{ id: 'mine' }]));
    database.place = 'spare';
    expect(database.durable).toBe(false);
    database.commit(batch([], [{ id: 'mine' }]));
    database.commit(
      batch(
        Array.from({ length: 30 }, (_unused, index) => ({ id: `t${index}` })),
        [],
      ),
    );
    database.commit(
      batch(
        [],
        Array.from({ length: 30 }, (_unused, index) => ({ id: `t${index}` })),
      ),
    );
    while (database.purge());
    expect(database.answer({ kind: 'outcomes', ids: ['mine'] })).toMatchObject([{ ok: true }]);
    database.recover();
    expect(database.durable).toBe(true);
    expect(database.answer({ kind: 'unfinished', after: 0, limit: 10 })).toEqual([]);
    close(database);
  });

  test('what a full disk has left in memory is given back at rest', () => {
    const database = open();
    const before = database.spareSize;
    const many = Array.from({ length: 20_000 }, (_unused, index) => ({ id: `t${index}` }));
    database.place = 'spare';
    database.commit(batch(many, []));
    expect(database.spareSize).toBeGreaterThan(2 * 1024 * 1024);
    database.shrink();
    expect(database.spareSize).toBeGreaterThan(2 * 1024 * 1024);
    database.recover();
    database.shrink();
    expect(database.spareSize).toBeLessThanOrEqual(before);
    expect(database.answer({ kind: 'unfinished', after: 0, limit: 10 })).toHaveLength(10);
    close(database);
  });
});

describe('a store that lies there already', () => {
  const aside = (): string[] =>
    readdirSync(folder).filter((name) => name.startsWith(`${file}.`) && name.endsWith('-aside'));
  const fresh = (): void => {
    file += 1;
    path = join(folder, `${file}.sqlite`);
  };
  const fill = (finished: boolean): void => {
    fresh();
    const database = open();
    database.commit(batch([{ id: 'task' }], finished ? [{ id: 'task' }] : []));
    // Another file with the same contents: what was opened in this process stays locked until its statements
    // are collected.
    const before = path;
    fresh();
    for (const end of ['', '-wal']) copyFileSync(before + end, path + end);
    close(database);
  };

  test('is used again with reuse', () => {
    fill(false);
    const database = open(true);
    expect([database.aside, idsOf(database)]).toEqual([undefined, ['task']]);
    close(database);
  });

  test(
    'goes without reuse, unless tasks in it are not finished: then it is set aside, three of ' +
      'them at most',
    () => {
      fill(true);
      open();
      expect(aside()).toEqual([]);
      fill(false);
      const database = open();
      expect(database.aside).toMatch(/set aside \(1 of its tasks are not finished\).*--reuse/);
      expect([idsOf(database), aside().length]).toEqual([[], 1]);
      close(database);
    },
  );

  test.each([
    ['is no database', 'nothing of the kind '.repeat(500)],
    ['is cut', `SQLite format 3\u0000${'x'.repeat(5000)}`],
  ])('and %s is set aside, not erased', (_what, text) => {
    writeFileSync(path, text);
    const database = open(true);
    expect(database.aside).toMatch(/set aside \(it cannot be read/);
    expect(aside()).toHaveLength(1);
    close(database);
  });

  test('of another version is set aside', async () => {
    const { default: Libsql } = await import('libsql');
    const old = new Libsql(path);
    old.exec('CREATE TABLE tasks (id TEXT); CREATE TABLE replies (id TEXT)');
    old.close();
    const database = open(true);
    expect(database.aside).toMatch(/another version \(0\)/);
    close(database);
  });

  test('a file that was removed under us takes nothing more', () => {
    const database = open();
    database.commit(batch([{ id: 'a' }]));
    rmSync(path);
    expect(existsSync(path)).toBe(false);
    const end = performance.now() + 25;
    while (performance.now() < end);
    expect(() => database.commit(batch([{ id: 'b' }]))).toThrow(/its file was removed/);
    close(database);
  });
});
