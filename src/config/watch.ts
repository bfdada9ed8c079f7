import { type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../base/wait.js';

/** How often files are looked at (milliseconds). They are asked for, not waited for: network disks tell nobody of a change. */
const interval = 500;

/** Yields whenever something below a path has changed, after it has been quiet for one look. Ends with the signal. */
export async function* watchPath(path: string, signal: AbortSignal): AsyncGenerator<void> {
  let before = await stampOf(path);
  let changed = false;
  while (!signal.aborted) {
    await sleep(interval, signal).catch(() => {});
    const now = await stampOf(path);
    if (now !== before) changed = true;
    else if (changed) {
      changed = false;
      yield;
    }
    before = now;
  }
}

/** Times and sizes of all files below a path, as one text; folders of packages and hidden ones do not count. */
async function stampOf(path: string): Promise<string> {
  const facts: Stats | undefined = statSync(path, { throwIfNoEntry: false });
  if (!facts) return 'none';
  if (!facts.isDirectory()) return `${facts.mtimeMs} ${facts.size}`;
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const own = entries.filter(({ name }) => name !== 'node_modules' && !name.startsWith('.'));
  const stamps = await Promise.all(own.map(async ({ name }) => `${name} ${await stampOf(join(path, name))}`));
  return stamps.sort().join('\n');
}
