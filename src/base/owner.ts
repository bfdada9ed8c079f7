import { readFileSync, type Stats } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';
import { IpclusterError } from './errors.js';

/* Who owns a file, and who may write it. On systems without users by number (Windows) everything is ours. */

const own = process.getuid?.();

/** True for what belongs to the user that this program runs as. */
export const isOurs = ({ uid }: Pick<Stats, 'uid'>): boolean => own === undefined || uid === own;

/** True for users who can do whatever they like with us in any case: ourselves, and root. */
export function isTrusted(uid: number): boolean {
  return own === undefined || uid === own || uid === 0 || uid === unseenRoot();
}

/** Who else may write a file or folder: everybody, its group (a private one does not count), or nobody. */
export function othersMayWrite({ mode, gid }: Pick<Stats, 'mode' | 'gid'>): 'g' | 'o' | undefined {
  if (own === undefined) return undefined;
  if ((mode & 0o002) !== 0) return 'o';
  return (mode & 0o020) !== 0 && gid !== 0 && !isPrivateGroup(gid) ? 'g' : undefined;
}

let unseen: number | undefined | null = null;

/**
 * In a namespace of users that does not show root (containers without privileges), what is root's seems to be
 * the overflow user's. undefined everywhere else.
 */
function unseenRoot(): number | undefined {
  if (unseen !== null) return unseen;
  const map = read('/proc/self/uid_map');
  const isWhole = map === '' || map.trim().split(/\s+/).join(' ') === '0 0 4294967295';
  unseen = isWhole ? undefined : Number(read('/proc/sys/kernel/overflowuid') || Number.NaN);
  return unseen;
}

const groups = new Map<number, boolean>();

/** True for a group that has only this user: named or numbered as he is, and without any other member. */
function isPrivateGroup(gid: number): boolean {
  const known = groups.get(gid) ?? hasNoOther(gid);
  groups.set(gid, known);
  return known;
}

function hasNoOther(gid: number): boolean {
  const name = nameOf();
  const entry = rowsOf('/etc/group').find(([, , number]) => number === String(gid));
  const members = (entry?.[3] ?? '').split(',').filter(Boolean);
  // A group that comes from a directory service is not in the file: there its number has to tell.
  const isNamed = gid === own || (name !== undefined && entry?.[0] === name);
  const isShared = rowsOf('/etc/passwd').some(
    ([user, , , primary]) => primary === String(gid) && user !== name,
  );
  return isNamed && members.every((member) => member === name) && !isShared;
}

/** This user's name, or his number where no list of users has him, as in some containers. */
export function userName(): string {
  return nameOf() ?? String(process.getuid?.() ?? 'user');
}

/**
 * This user's home, as the environment or else the list of users says. Throws FOLDER where neither does, as
 * in some containers.
 */
export function homeFolder(): string {
  const home = saidHome();
  if (home && isAbsolute(home)) return home;
  const why = home
    ? `HOME is "${home}", which does not begin at the root.`
    : `HOME is not set, and no list of users has ${userName()}.`;
  throw new IpclusterError('FOLDER', `It is not known where your home is: ${why}`, {
    suggestions: ['`export HOME=FOLDER`', 'For the profiles alone: `export IPYTHONDIR=FOLDER`.'],
  });
}

function saidHome(): string | undefined {
  try {
    return homedir() || userInfo().homedir;
  } catch {
    return undefined;
  }
}

/** The path that `~` stands for where a path begins with it; others are as they were. Throws FOLDER. */
export const expandHome = (path: string): string => path.replace(/^~(?=\/|$)/, homeFolder);

/** This user's name; undefined for one that is in no list of users, as in some containers. */
function nameOf(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

const rowsOf = (path: string): string[][] =>
  read(path)
    .split('\n')
    .map((line) => line.split(':'));

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
