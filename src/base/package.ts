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
export function programFile(name: string, ending = 'js'): string {
  return join(packageRoot(), 'dist', 'programs', `${name}.${ending}`);
}

/**
 * Flags of Node for the programs that others wait for: few threads, and little room for what is soon garbage.
 * Under load their memory is a third less than with V8's own measure, at the same number of tasks a second.
 */
export const nodeFlags: readonly string[] = [
  '--v8-pool-size=1',
  '--max-semi-space-size=4',
  '--heap-growing-percent=50',
];

/**
 * What a controller's memory allocator (glibc's) is told: two heaps, of which the ends are given back, and
 * pieces of more than 16 KiB, what is read from sockets among them, by themselves, so many at most. Node's
 * TLS takes one of exactly 16 KiB for each record. Otherwise a few bytes that stay keep all around them
 * (docs/decisions/0022).
 */
export const controllerEnvironment: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '16416',
  MALLOC_MMAP_MAX_: '16384',
};
