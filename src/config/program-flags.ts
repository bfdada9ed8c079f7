import { findPlace } from '../profile/paths.js';
import { resolveSettings } from './resolve.js';
import { flagOf, type SettingKey } from './settings.js';

/**
 * Flags that the profile's file, the site's and the environment mean for a program that was started by hand;
 * those of the command line come after them and win. A program that `ipcluster start` has started was given
 * all of them. Throws CONFIG or USAGE.
 */
export function programFlags(
  profile: string | undefined,
  keys: readonly SettingKey[],
  rename: Partial<Record<SettingKey, string>> = {},
): string[] {
  if (process.env['IPCLUSTER_JOB_DIR']) return [];
  const resolved = resolveSettings(findPlace({ profile })).all;
  return resolved.flatMap(({ key, text, source }) => {
    if (!keys.includes(key) || text === undefined || source.startsWith('default')) return [];
    return [`--${rename[key] ?? flagOf(key)}`, text];
  });
}
