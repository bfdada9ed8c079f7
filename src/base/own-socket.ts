import { lstatSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemCode } from './errors.js';
import { flawOfOwn, lookAt } from './owned-path.js';
import { isOurs } from './owner.js';

/**
 * Why nothing is said to that Unix socket: it is not there, or it, or the folder that it lies in, may be
 * somebody else's. Undefined for one that only this user can have made. Elsewhere than on Unix (pipes lie in
 * no folder) nothing can be looked at.
 */
export function objectionTo(socket: string): string | undefined {
  if (process.getuid === undefined) return undefined;
  try {
    const { base, missing, facts: folder, flaw } = lookAt(dirname(socket));
    if (missing.length > 0 && !flaw) return 'ENOENT';
    const wrong = flaw ?? (folder && flawOfOwn(base, folder));
    if (wrong) return wrong.why.replace(/\.$/, '');
    const facts = lstatSync(join(base, basename(socket)));
    if (!isOurs(facts)) return 'it belongs to somebody else';
    return facts.isSocket() ? undefined : 'it is no socket';
  } catch (error) {
    return systemCode(error) ?? 'it cannot be looked at';
  }
}
