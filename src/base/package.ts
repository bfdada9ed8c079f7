import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | undefined;

/** The folder of this package: the first one above this file with a package.json, bundled or not. */
export function packageRoot(): string {
  if (found) return found;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  found = folder;
  return folder;
}

/** The version in package.json. */
export function packageVersion(): string {
  version ??= readVersion();
  return version;
}

let version: string | undefined;

function readVersion(): string {
  const text = readFileSync(join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The file of one of our bundled programs, such as `engine` or `ipcontroller`. */
export function programFile(name: string): string {
  return join(packageRoot(), 'dist', 'programs', `${name}.js`);
}

/**
 * Flags of Node for the programs that others wait for: few threads, and little room for what is soon garbage. Under load their memory is
 * a third less than with V8's own measure, at the same number of tasks a second.
 */
export const nodeFlags: readonly string[] = ['--v8-pool-size=1', '--max-semi-space-size=4', '--heap-growing-percent=50'];
