import { lstatSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemCode } from './errors.js';
import { closeFolder, isOwnFolder } from './own-folder.js';
import { flawOfPlace, lookAt, refusal } from './owned-path.js';

/*
 * Folders of this user on this machine, in places where everybody makes some: any name may be taken by
 * somebody else.
 */

/**
 * A socket's path may have so many bytes (unix(7)); names of ours below the user's folder have up to this
 * many, with the slash.
 */
const mostBytes = 107;
const nameBytes = 22;
/** What the name of a second folder has more than that of the first. */
const suffix = '-XXXXXX';

const prefix = (): string => `ipcluster-${process.getuid?.() ?? 'user'}`;

/**
 * Where such folders may lie, best first. A place whose name is too long for a socket's path is passed over.
 */
function places(): string[] {
  const longest = mostBytes - nameBytes - suffix.length - prefix().length - 1;
  const all = process.platform === 'win32' ? [tmpdir()] : [resolve(tmpdir()), '/tmp', '/var/tmp', '/dev/shm'];
  return [...new Set(all)].filter(
    (place) => process.platform === 'win32' || Buffer.byteLength(place) <= longest,
  );
}

/**
 * The folder for sockets of this user on this machine, made on demand and closed to others. Where somebody
 * else has taken its name, another one beside it is ours, whose end cannot be guessed. Throws FOLDER when
 * there is no place for it at all.
 */
export function userFolder(): string {
  const refused: string[] = [];
  for (const place of places()) {
    const wrong = wrongWith(place);
    if (wrong !== undefined) {
      refused.push(wrong);
      continue;
    }
    const folder = claim(join(place, prefix())) ?? secondIn(place);
    if (folder !== undefined) return folder;
    refused.push(`Nothing can be made in ${place}.`);
  }
  throw refusal({ why: `There is no place for Unix sockets: ${refused.join(' ')} TMPDIR is ${tmpdir()}.` });
}

/** Why nothing of ours can be made in a place; undefined where it can. */
function wrongWith(place: string): string | undefined {
  const { facts, flaw } = lookAt(place);
  if (flaw) return flaw.why;
  return facts?.isDirectory()
    ? flawOfPlace(join(place, `${prefix()}${suffix}`))?.why
    : `${place} is no folder.`;
}

/** Makes that folder, or takes it where it is ours; undefined where it cannot be had. */
function claim(path: string): string | undefined {
  try {
    closeFolder(path);
    return path;
  } catch {
    // Somebody else's, or a place that is full or read-only: there are others.
    return undefined;
  }
}

function secondIn(place: string): string | undefined {
  const known = seconds(place)[0];
  if (known !== undefined) return known;
  try {
    return mkdtempSync(join(place, `${prefix()}-`));
  } catch {
    return undefined;
  }
}

/** Second folders in a place, as far as they are ours. */
function seconds(place: string): string[] {
  const isSecond = new RegExp(`^${prefix()}-.{${suffix.length - 1}}$`);
  return namesOf(place)
    .filter((name) => isSecond.test(name))
    .sort()
    .map((name) => join(place, name))
    .filter(
      (path) =>
        lstatSync(path, { throwIfNoEntry: false })?.uid === process.getuid?.() && isOwnFolder(path, true),
    );
}

function namesOf(place: string): string[] {
  try {
    return readdirSync(place);
  } catch {
    return [];
  }
}

/** All folders for sockets that this user has on this machine. */
export function userFolders(): string[] {
  const firsts = places().map((place) => join(place, prefix()));
  return [...firsts.filter((path) => isOwnFolder(path)), ...places().flatMap(seconds)];
}

/**
 * A new folder that only we may open, where temporary things lie; its name cannot be guessed. Throws FOLDER.
 */
export function makeTemporaryFolder(start: string): string {
  for (const place of places()) {
    if (wrongWith(place) !== undefined) continue;
    try {
      return mkdtempSync(join(place, start));
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
    }
  }
  throw refusal({
    why: `There is no place for temporary files that only you can change. TMPDIR is ${tmpdir()}.`,
  });
}
