import { dirname } from 'node:path';
import { IpclusterError } from '../base/errors.js';

/*
 * What stands in a line of a script is taken apart by the scheduler's own rules, and each has others for
 * blanks, quotes and escapes. What would become other words is refused by name, before anything is submitted.
 */

/**
 * A value that stays one word in any scheduler's line. Throws USAGE for one with blanks, quotes or `#`, or
 * that looks like an option.
 */
export function oneWord(flag: string, value: string): string {
  if (!/^-|[\s"'#\\]/.test(value)) return value;
  const why = 'a line of a job takes no blanks, quotes, "#" or backslashes in it, and no "-" at its begin';
  throw new IpclusterError('USAGE', `${flag} is "${value}", but ${why}.`);
}

/**
 * True for a path in which no scheduler sees more than a path: letters of any language, digits and `. _ + = @
 * ~ -`.
 */
export const isPlainPath = (path: string): boolean => /^[\p{L}\p{N}/._+=@~-]+$/u.test(path);

/**
 * A path for a line of a script, where it cannot be quoted surely. Throws USAGE for one that is not plain.
 */
export function plainPath(system: string, path: string): string {
  if (isPlainPath(path)) return path;
  throw new IpclusterError(
    'USAGE',
    `A line of a ${system} job cannot say the folder ${dirname(path)}: letters, digits and . _ + = @ ~ ` +
      '- are sure.',
    {
      suggestions: ['Another folder: `--work-dir`.'],
    },
  );
}
