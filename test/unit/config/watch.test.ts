import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sleep, within } from '../../../src/base/wait.js';
import { watchPath } from '../../../src/config/watch.js';

let folder = '';
let over = new AbortController();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ipcluster-watch-'));
  over = new AbortController();
});
afterEach(() => {
  over.abort();
  rmSync(folder, { recursive: true });
});

/** True for a change that is told within so many milliseconds. */
async function isTold(changes: AsyncGenerator<void>, time = 3000): Promise<boolean> {
  return (await within(changes.next(), time)) !== undefined;
}

test('files that are written, put in place and removed are told, many at once as one', async () => {
  mkdirSync(join(folder, 'inner'));
  const changes = watchPath(folder, over.signal);
  const first = isTold(changes);
  await sleep(300);
  for (let number = 0; number < 20; number++)
    writeFileSync(join(folder, 'inner', `${number}.js`), `${number}`);
  expect(await first).toBe(true);
  const second = isTold(changes);
  await sleep(100);
  renameSync(join(folder, 'inner', '1.js'), join(folder, 'one.js'));
  expect(await second).toBe(true);
  const third = isTold(changes);
  await sleep(100);
  rmSync(join(folder, 'one.js'));
  expect(await third).toBe(true);
});

test('packages and hidden folders do not count, but a hidden folder that was named does', async () => {
  for (const name of ['node_modules', '.git']) mkdirSync(join(folder, name));
  const changes = watchPath(folder, over.signal);
  const told = isTold(changes, 1500);
  await sleep(300);
  for (const name of ['node_modules', '.git']) writeFileSync(join(folder, name, 'file.js'), 'new');
  expect(await told).toBe(false);
  const named = watchPath(join(folder, '.git'), over.signal);
  const change = isTold(named);
  await sleep(300);
  writeFileSync(join(folder, '.git', 'file.js'), 'newer');
  expect(await change).toBe(true);
});

test('a path that is not there yet is awaited', async () => {
  const path = join(folder, 'later.js');
  const change = isTold(watchPath(path, over.signal));
  await sleep(300);
  writeFileSync(path, 'there');
  expect(await change).toBe(true);
});

test('the signal ends it', async () => {
  const next = watchPath(folder, over.signal).next();
  await sleep(100);
  over.abort();
  expect(await within(next, 1000)).toEqual({ done: true, value: undefined });
});
