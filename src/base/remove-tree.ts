import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { systemCode } from './errors.js';
import { OpenFolder } from './own-folder.js';
import { flawOfPlace, lookAt } from './owned-path.js';
import { isOurs } from './owner.js';

/** A folder that lies deeper than this is moved up before it is emptied: each level costs a descriptor. */
const deepest = 32;

/** What may be refused us is left: it is somebody else's, in use, or gone already. */
const passing = new Set([
  'EACCES',
  'EPERM',
  'ENOENT',
  'ENOTEMPTY',
  'EEXIST',
  'EBUSY',
  'ENOTDIR',
  'EISDIR',
  'ELOOP',
  'EXDEV',
]);

/**
 * Removes a file or a folder with all that is in it; the only place that does. It works below open folders:
 * no link is followed, nothing outside is touched, whatever is swapped meanwhile. What belongs to somebody
 * else is left. Answers whether the path is free now.
 */
export function removeTree(path: string): boolean {
  const whole = resolve(path);
  const parent = lookAt(dirname(whole));
  if (flawOfPlace(whole)) return false;
  if (parent.facts?.isDirectory() !== true) return true;
  using folder = new OpenFolder(parent.base);
  return removeEntry(folder, basename(whole), []);
}

/** `above` are the open folders on the way, the outermost first. */
function removeEntry(folder: OpenFolder, name: string, above: readonly OpenFolder[]): boolean {
  const path = folder.at(name);
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (!facts) return true;
  if (!facts.isDirectory()) return attempt(() => unlinkSync(path));
  if (isOurs(facts)) attempt(() => emptyFolder(path, [...above, folder]));
  return attempt(() => rmdirSync(path));
}

function emptyFolder(path: string, above: readonly OpenFolder[]): void {
  using folder = openToEmpty(path);
  // Between the look and the opening it may have become another one.
  if (!isOurs(folder.facts)) return;
  const [, top] = above;
  for (const name of readdirSync(folder.at())) {
    if (top && above.length > deepest && moveUp(folder, name, top)) continue;
    removeEntry(folder, name, above);
  }
  if (top) return;
  const fromBelow = (): string[] => readdirSync(folder.at()).filter((name) => name.startsWith(moved));
  for (let names = fromBelow(); names.length > 0; names = fromBelow()) {
    if (!names.map((name) => removeEntry(folder, name, above)).includes(true)) return;
  }
}

/**
 * Our own folders may be closed to ourselves: on Linux a descriptor that only names a folder can open it to
 * us.
 */
function openToEmpty(path: string): OpenFolder {
  if (process.platform === 'linux') {
    const named = openSync(path, onlyNamed | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      const { mode, uid } = fstatSync(named);
      if ((mode & 0o700) !== 0o700 && isOurs({ uid })) chmodSync(`/proc/self/fd/${named}`, 0o700);
    } finally {
      closeSync(named);
    }
  }
  return new OpenFolder(path);
}

/** O_PATH, which Node does not name. */
const onlyNamed = 0o10000000;

const moved = '.removed-';

function moveUp(folder: OpenFolder, name: string, top: OpenFolder): boolean {
  const isFolder = lstatSync(folder.at(name), { throwIfNoEntry: false })?.isDirectory() === true;
  return (
    isFolder && attempt(() => renameSync(folder.at(name), top.at(moved + randomBytes(8).toString('hex'))))
  );
}

function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (!passing.has(code)) throw error;
    return code === 'ENOENT';
  }
}
