import { statfs } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { deferred, sleep } from '../base/wait.js';

/**
 * What has changed is told when nothing more has for so long, and where files are asked for, how often
 * (milliseconds).
 */
const quiet = 500;

/**
 * Types of disks that tell of every change, by their numbers in statfs(2): ext, XFS, Btrfs, tmpfs, overlay,
 * ZFS, F2FS.
 */
const telling = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010]);

/**
 * Yields whenever something below a path has changed and nothing more has for half a second; folders of
 * packages and hidden ones do not count. A path that is not there yet is awaited. `onReady` is told when
 * changes are seen from now on. Ends with the signal. Disks of a network tell nobody of another machine's
 * changes: their files are asked for.
 */
export async function* watchPath(
  path: string,
  signal: AbortSignal,
  onReady = (): void => {},
): AsyncGenerator<void> {
  let change = deferred<void>();
  let last = 0;
  const onChange = (): void => {
    last = performance.now();
    change.resolve();
  };
  let watcher = open(path, !(await tellsChanges(path)), onChange);
  watcher.once('ready', onReady);
  // The system may have no more watches to give (inotify(7), max_user_watches): what was missed meanwhile
  // counts as a change.
  watcher.once('error', () => {
    void watcher.close();
    watcher = open(path, true, onChange);
    onChange();
  });
  const stop = (): void => change.resolve();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      await change.promise;
      for (let rest = quiet; rest > 0 && !signal.aborted; rest = last + quiet - performance.now())
        await sleep(rest, signal).catch(() => {});
      if (signal.aborted) return;
      change = deferred();
      yield;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    await watcher.close();
  }
}

function open(path: string, usePolling: boolean, onChange: () => void): FSWatcher {
  const ignored = (inner: string): boolean => inner !== path && isNoSource(basename(inner));
  const watcher = watch(path, {
    ignoreInitial: true,
    ignored,
    usePolling,
    interval: quiet,
    binaryInterval: quiet,
  });
  return watcher.on('all', onChange).on('error', () => {});
}

const isNoSource = (name: string): boolean => name === 'node_modules' || name.startsWith('.');

/** Looks at the nearest folder that is there. */
async function tellsChanges(path: string): Promise<boolean> {
  try {
    return telling.has((await statfs(path)).type);
  } catch {
    return path !== dirname(path) && tellsChanges(dirname(path));
  }
}
