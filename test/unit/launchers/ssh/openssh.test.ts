import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { interpret } from '../../../../src/launchers/ssh/configuration.js';
import { openWithSystem } from '../../../../src/launchers/ssh/openssh.js';

let folder: string;
const path = process.env['PATH'];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'openssh-'));
  process.env['PATH'] = `${folder}:${path}`;
});
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true, force: true });
});

/** An `ssh` that cannot make its socket so many times, and then is let in. */
function failing(times: number): void {
  const lost = 'unix_listener: cannot bind to path /tmp/ipcluster-1/a.sock.x: No such file or directory';
  const script = `#!/bin/sh
echo x >> ${folder}/calls
[ "$(wc -l < ${folder}/calls)" -gt ${times} ] || { echo '${lost}' >&2; exit 255; }
echo ipcluster-ready
exec cat >/dev/null`;
  writeFileSync(join(folder, 'ssh'), script, { mode: 0o700 });
}
const calls = (): number => readFileSync(join(folder, 'calls'), 'utf8').split('\n').length - 1;
const host = { word: 'host1', name: 'host1', environment: {}, setup: [] };
const open = () =>
  openWithSystem({ host, configuration: interpret(host, ''), hops: [], file: undefined }, { timeout: 5000 });

test('a folder of sockets that went while ssh started is made again', async () => {
  failing(1);
  const connection = await open();
  expect(calls()).toBe(2);
  let isOver = false;
  void connection.closed.then(() => (isOver = true));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isOver).toBe(false);
  await connection.close();
  expect(isOver).toBe(true);
});

test('one that cannot be made is said after three times', async () => {
  failing(9);
  await expect(open()).rejects.toThrow(/cannot bind/);
  expect(calls()).toBe(3);
});
