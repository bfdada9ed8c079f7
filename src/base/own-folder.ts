import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  type Stats,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from './errors.js';
import { type Flaw, flawOfOwn, lookAt, refusal } from './owned-path.js';

const hasDescriptors = process.platform === 'linux' && existsSync('/proc/self/fd');
const opening = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);
/** So often a folder may come or go while we make ours (another program of ours does the same). */
const mostTries = 20;

/** A folder that is open: what is done below it is done in that very folder, whatever becomes of its name. */
export class OpenFolder implements Disposable {
  readonly path: string;
  readonly facts: Stats;
  readonly #descriptor: number;

  /** Opens a folder, never a link. Throws what the system says. */
  constructor(path: string) {
    this.path = path;
    this.#descriptor = openSync(path, opening);
    this.facts = fstatSync(this.#descriptor);
  }

  /**
   * The path of something in it; without a name its own. Node has no openat: on Linux the descriptor has a
   * path.
   */
  at(name = ''): string {
    return join(hasDescriptors ? `/proc/self/fd/${this.#descriptor}` : this.path, name);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

/**
 * Opens a folder of ours, and makes it, with parents that are missing (0700). Throws FOLDER where somebody
 * else could put something in its place or into it.
 */
export function openOwnFolder(path: string): OpenFolder {
  let flaw: Flaw | undefined;
  for (let tries = 0; tries < mostTries; tries++) {
    const look = lookAt(path);
    if (look.flaw) throw refusal(look.flaw);
    const real = join(look.base, ...look.missing);
    try {
      makeFolders(look.base, look.missing);
      const folder = new OpenFolder(real);
      flaw = flawOfOwn(real, folder.facts);
      if (flaw === undefined) return folder;
      folder[Symbol.dispose]();
      throw refusal(flaw);
    } catch (error) {
      const code = systemCode(error);
      // Somebody made or removed it between our steps: it is looked at again.
      if (code === 'ENOTDIR' || code === 'ELOOP') throw refusal({ why: `${real} is no folder.` });
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
        throw refusal({ why: `${real} cannot be made or opened (${code}).` });
      if (code !== 'EEXIST' && code !== 'ENOENT') throw error;
    }
  }
  throw refusal({ why: `${path} is changed all the time by somebody.` });
}

/** Each is made by a call that fails when there is anything of that name. */
function makeFolders(base: string, names: readonly string[]): void {
  let path = base;
  for (const name of names) {
    path = join(path, name);
    mkdirSync(path, 0o700);
  }
}

/** Makes a folder of ours, and looks at one that is there. Throws FOLDER. */
export function ensureFolder(path: string): void {
  openOwnFolder(path)[Symbol.dispose]();
}

/** The same for a folder that only we may open: takes group and others out of it. Throws FOLDER. */
export function closeFolder(path: string): void {
  using folder = openOwnFolder(path);
  if ((folder.facts.mode & 0o077) !== 0) chmodSync(folder.at(), 0o700);
}

/**
 * True for a folder that is there and ours alone to write, with all that leads to it; `closed` for one that
 * nobody else may open.
 */
export function isOwnFolder(path: string, closed = false): boolean {
  const { facts, flaw } = lookAt(path);
  if (flaw || !facts || flawOfOwn(path, facts)) return false;
  return !closed || (facts.mode & 0o077) === 0;
}

/** The names in a folder of ours; none where it is not there, or somebody else's. */
export async function namesIn(path: string): Promise<string[]> {
  return isOwnFolder(path) ? readdir(path).catch(() => []) : [];
}
