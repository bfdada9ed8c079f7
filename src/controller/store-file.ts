import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Libsql from 'libsql';
import { messageOf, systemCode } from '../base/errors.js';

/** How the tables are laid out; a file of another layout is not read. */
export const storeVersion = 2;
/** So many stores that were set aside are kept of one cluster; the oldest go. */
const keptAside = 3;

/** Tasks that were accepted and never answered. */
export const unfinishedTasks =
  "FROM main.tasks t WHERE queue = 'balanced' AND body NOT NULL AND NOT EXISTS (SELECT 1 FROM " +
  'main.replies r WHERE r.id = t.id)';

type Opened = InstanceType<typeof Libsql>;

/**
 * Opens a store. With `reuse` what lies there stays, if it is ours and can be read. Otherwise it goes; but a
 * store that cannot be read, or that holds tasks that nobody has answered, is set aside under a name of its
 * own, and the sentence about that is answered, too. Throws what the system says when the file cannot be
 * used.
 */
export function openStore(path: string, reuse: boolean): { database: Opened; aside: string | undefined } {
  if (path === ':memory:' || !existsSync(path)) return { database: new Libsql(path), aside: undefined };
  const { database, fault, unfinished } = lookAt(path);
  if (database && reuse) return { database, aside: undefined };
  // What is not closed at once, because statements live on, belongs to the file that is out of the way then.
  database?.close();
  const why = fault ?? (unfinished > 0 ? `${unfinished} of its tasks are not finished` : undefined);
  const aside = why === undefined ? undefined : setAside(path, why);
  for (const end of endings) rmSync(path + end, { force: true });
  return { database: new Libsql(path), aside };
}

const endings = ['', '-wal', '-shm'];

/** Opens a store that is there, or says what is wrong with it. Throws when that cannot be known now. */
function lookAt(path: string): { database?: Opened; fault?: string; unfinished: number } {
  let database: Opened | undefined;
  try {
    const opened = new Libsql(path);
    database = opened;
    const read = (sql: string): number => (opened.prepare(sql).get() as { n: number }).n;
    const tables = read("SELECT count(*) AS n FROM sqlite_master WHERE name IN ('tasks', 'replies')");
    const { user_version: version } = opened.prepare('PRAGMA user_version').get() as { user_version: number };
    if (tables === 0 && version === 0) return { database, unfinished: 0 };
    if (version === storeVersion)
      return { database, unfinished: read(`SELECT count(*) AS n ${unfinishedTasks}`) };
    database.close();
    return { fault: `it is of another version (${version})`, unfinished: 0 };
  } catch (error) {
    database?.close();
    if (!isBroken(error)) throw error;
    return { fault: `it cannot be read: ${messageOf(error)}`, unfinished: 0 };
  }
}

/** True for what says that the file is no database, or not a whole one. */
const isBroken = (error: unknown): boolean => /NOTADB|CORRUPT|ERROR$/.test(systemCode(error) ?? '');

/** Keeps a store under another name beside its place; answers a sentence about it. */
function setAside(path: string, why: string): string {
  const aside = `${path}.${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}-aside`;
  for (const end of endings) if (existsSync(path + end)) renameSync(path + end, aside + end);
  removeOldAside(path);
  return (
    `the store that was there was set aside (${why}); to go on with it, rename it back and start with ` +
    `--reuse: ${aside}`
  );
}

/** Names carry their time, so that they sort by it. */
function removeOldAside(path: string): void {
  const [folder, own] = [dirname(path), basename(path)];
  const all = readdirSync(folder).filter((name) => name.startsWith(`${own}.`) && name.endsWith('-aside'));
  for (const name of all.toSorted().slice(0, -keptAside))
    for (const end of endings) rmSync(join(folder, name + end), { force: true });
}
