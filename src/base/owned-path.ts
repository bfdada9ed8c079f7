import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { IpclusterError, messageOf, systemCode } from './errors.js';
import { isOurs, isTrusted, othersMayWrite } from './owner.js';

/** Why nothing of ours may lie at a path. */
export interface Flaw {
  /** A sentence. */
  why: string;
  /** The folder that others may write, where `chmod` mends it. */
  open?: { path: string; by: 'g' | 'o' };
}

/** What lies at a path, and who else could change that. */
export interface Look {
  /** The last folder on the way that is there, without links. */
  base: string;
  /** Names below it that are not there. */
  missing: string[];
  /** What lies at the path; undefined when it is not there. */
  facts: Stats | undefined;
  /** Set where somebody else could put something else there. */
  flaw: Flaw | undefined;
}

const mostLinks = 40;
const sticky = 0o1000;

/**
 * Follows a path from the root, name by name. Each folder on the way must be ours or root's and closed to
 * others' writing; a sticky one will do for names that are there and ours or root's, or not there at all.
 * Links are followed where they are ours or root's. What is at the end is the caller's to judge. Without a
 * flaw, nobody but us and root can change where the path leads.
 */
export function lookAt(path: string): Look {
  const pending = resolve(path).split('/').filter(Boolean);
  let [base, links] = ['/', 0];
  let facts: Stats | undefined;
  const broken = (why: string, open?: Flaw['open']): Look => ({
    base,
    missing: pending,
    facts: undefined,
    flaw: { why, ...(open && { open }) },
  });
  try {
    facts = lstatSync(base);
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      if (name === '..' || name === '.') {
        base = name === '.' ? base : dirname(base);
        facts = lstatSync(base);
        continue;
      }
      const next = join(base, name);
      if (!facts.isDirectory()) return broken(`${base} is no folder.`);
      const found: Stats | undefined = lstatSync(next, { throwIfNoEntry: false });
      const flaw = flawOf(base, facts, next, found);
      if (flaw) return broken(flaw.why, flaw.open);
      if (found === undefined) return { base, missing: [name, ...pending], facts: found, flaw: undefined };
      if (!found.isSymbolicLink()) {
        [base, facts] = [next, found];
        continue;
      }
      links += 1;
      if (links > mostLinks) return broken(`${next} leads through too many links.`);
      const target = readlinkSync(next);
      pending.unshift(...target.split('/').filter(Boolean));
      if (target.startsWith('/')) base = '/';
      facts = lstatSync(base);
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return broken(`${base} has just been changed by somebody.`);
    return broken(`${path} cannot be looked at (${messageOf(error)}).`);
  }
  return { base, missing: [], facts, flaw: undefined };
}

/** What makes a name in a folder somebody else's to give. */
function flawOf(folder: string, facts: Stats, path: string, found: Stats | undefined): Flaw | undefined {
  if (!isTrusted(facts.uid))
    return { why: `${folder} belongs to another user (uid ${facts.uid}), who could change what lies in it.` };
  const open = othersMayWrite(facts);
  if (open && (facts.mode & sticky) === 0) {
    const who = open === 'o' ? 'everybody' : `its group (gid ${facts.gid})`;
    return {
      why: `${folder} can be written by ${who}, who could change what lies in it.`,
      open: { path: folder, by: open },
    };
  }
  const isForeign =
    found !== undefined && !isTrusted(found.uid) && (open !== undefined || found.isSymbolicLink());
  return isForeign ? { why: `${path} belongs to another user (uid ${found.uid}).` } : undefined;
}

/**
 * What is wrong with the folder in which a file lies that we go by; undefined where only we and root could
 * have put it there.
 */
export function flawOfPlace(path: string): Flaw | undefined {
  const { base, facts, flaw } = lookAt(dirname(path));
  return facts ? flawOf(base, facts, path, lstatSync(path, { throwIfNoEntry: false })) : flaw;
}

/** What is wrong with a folder that shall be ours alone to write; undefined when it is. */
export function flawOfOwn(path: string, facts: Stats): Flaw | undefined {
  if (!facts.isDirectory()) return { why: `${path} is no folder.` };
  if (!isOurs(facts)) return { why: `${path} belongs to another user (uid ${facts.uid}).` };
  const open = othersMayWrite(facts);
  if (!open) return undefined;
  const who = open === 'o' ? 'everybody' : `its group (gid ${facts.gid})`;
  return { why: `${path} can be written by ${who}.`, open: { path, by: open } };
}

/** The error for a path that is not ours alone. */
export function refusal({ why, open }: Flaw): IpclusterError {
  const mend = open ? [`If it is yours: \`chmod ${open.by}-w ${open.path}\`.`] : [];
  return new IpclusterError('FOLDER', `${why} Nothing of yours is put there.`, {
    suggestions: [
      ...mend,
      'Another place: `--work-dir FOLDER`, made with `mkdir -m 700 FOLDER`; for profiles, IPYTHONDIR.',
    ],
  });
}
