import { existsSync, readdirSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { IpclusterError, messageOf } from '../base/errors.js';
import { packageRoot } from '../base/package.js';
import { nearest } from '../config/nearest.js';
import { parseWords } from '../config/schema.js';
import type { Launcher, LauncherDefinition } from './contract.js';

const folder = (): string => join(packageRoot(), 'dist', 'launchers');

/** The launchers that come with this package: the file name is the name. */
export function ownLaunchers(): string[] {
  const files = readdirSync(folder()).filter((file) => file.endsWith('.js'));
  return files.map((file) => file.slice(0, -'.js'.length)).sort();
}

/** Other names that people know a launcher by. */
const aliases: Readonly<Record<string, string>> = { mpirun: 'mpi', mpiexec: 'mpi' };

/** The name under which a launcher is written down. */
export const properName = (name: string): string => aliases[name] ?? name;

/**
 * Opens a launcher by name (one of ours), by path (`./my-launcher.js`), or as a package. Throws
 * LAUNCHER_UNKNOWN.
 */
export async function openLauncher(name: string): Promise<LauncherDefinition> {
  const own = join(folder(), `${properName(name)}.js`);
  const isPath = name.startsWith('.') || isAbsolute(name);
  const target = isPath ? resolve(name) : /^[\w-]+$/.test(name) && existsSync(own) ? own : undefined;
  try {
    const module = (await import(target ? pathToFileURL(target).href : name)) as {
      default?: LauncherDefinition;
    };
    if (module.default && 'create' in module.default) return module.default;
  } catch (cause) {
    const near = nearest(name, ownLaunchers());
    const sentence =
      `There is no launcher "${name}"; ${near ? `did you mean ${near}? There` : 'there'} are ` +
      `${ownLaunchers().join(', ')}.`;
    throw new IpclusterError('LAUNCHER_UNKNOWN', sentence, {
      cause: messageOf(cause),
    });
  }
  throw new IpclusterError(
    'LAUNCHER_UNKNOWN',
    `"${name}" is no launcher: its default export must come from defineLauncher.`,
  );
}

/** Makes a launcher with options given as `key=value`. Throws LAUNCHER_OPTIONS naming the option. */
export function createLauncher(definition: LauncherDefinition, words: readonly string[]): Launcher {
  return definition.create(parseWords(definition.options, words, `The launcher ${definition.name}`));
}
