import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { writeWhole } from '../base/files.js';
import { readTemplate, templateNames, templateRoot } from '../launcher-kit/templates.js';
import type { Place } from '../profile/paths.js';

/**
 * Writes a launcher's templates into the profile, where they go before ours; what is there already stays as
 * it is. Answers the files that were written. Throws USAGE for a launcher that has none.
 */
export function ejectTemplates(name: string, { profileFolder }: Place): string[] {
  const names = /^[\w-]+$/.test(name) ? templateNames(name) : [];
  if (names.length === 0)
    throw new IpclusterError('USAGE', `The launcher "${name}" has no templates.`, {
      suggestions: ['See `ipcluster launchers`.'],
    });
  const folder = join(profileFolder, 'templates');
  const files = [...names, 'shared/node.sh.hbs']
    .map((file) => ({ file, path: join(folder, file) }))
    .filter(({ path }) => !existsSync(path));
  for (const { file, path } of files) writeWhole(path, readTemplate(file, [templateRoot()]), 0o600);
  return files.map(({ path }) => path);
}
