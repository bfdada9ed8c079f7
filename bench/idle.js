// What a controller costs while nothing happens, with many finished tasks in its store: `node bench/idle.js
// [records]`.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const records = Number(process.argv[2] ?? 500_000);
const seconds = 20;
const root = join(import.meta.dirname, '..');
const home = mkdtempSync(join(tmpdir(), 'bench-idle-'));
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Fills a store through the class that the controller uses. */
async function fill(path) {
  // Beside the sources, so that the database's library is found.
  const outfile = join(root, 'dist', `bench-idle-${process.pid}.mjs`);
  await build({
    entryPoints: [join(root, 'src/controller/database.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['libsql'],
    outfile,
    logLevel: 'error',
  });
  const { Database } = await import(pathToFileURL(outfile).href);
  rmSync(outfile);
  const database = new Database({
    path,
    reuse: false,
    keep: { count: 2 * records, bytes: 2 ** 40, age: 7 * 86_400_000 },
  });
  const body = Buffer.alloc(300);
  for (let from = 0; from < records; from += 5000) {
    const ids = Array.from({ length: 5000 }, (_unused, index) => `t${from + index}`);
    const row = {
      session: 's',
      queue: 'balanced',
      type: 'apply_request',
      label: null,
      submitted: '2020',
      targets: 1,
    };
    database.commit({
      submitted: ids.map((id) => ({ ...row, id, offset: 0, length: 300 })),
      replies: ids.map((id) => ({ id, engine: 0, status: 'ok', requestLength: 300, offset: 0, length: 300 })),
      blob: new Uint8Array(body),
    });
  }
  database.answer({ kind: 'close' });
}

/** Processor time of a process so far (seconds); the kernel counts in hundredths. */
function cpu(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const work = join(home, 'profile_default', 'default');
mkdirSync(work, { recursive: true, mode: 0o700 });
const filler = process.argv[3];
if (filler) {
  await fill(filler);
  process.exit();
}
// In a process of its own: what it has opened stays locked until that ends.
await new Promise((resolve) =>
  spawn(process.execPath, [import.meta.filename, String(records), join(work, 'store.sqlite')], {
    stdio: 'inherit',
  }).once('exit', resolve),
);
const env = { ...process.env, IPYTHONDIR: home };
const args = [
  join(root, 'bin', 'ipcontroller'),
  '--reuse',
  '--gateway',
  'off',
  '--keep-count',
  String(2 * records),
  '--keep-bytes',
  '1TiB',
];
const controller = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
while (!existsSync(join(home, 'profile_default', 'security', 'ipcontroller-client.json'))) await pause(100);
await pause(5000);
const before = cpu(controller.pid);
await pause(seconds * 1000);
const used = cpu(controller.pid) - before;
const memory =
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${controller.pid}/status`, 'utf8'))[1]) / 1024;
console.log(
  `${records} records: ${((100 * used) / seconds).toFixed(2)} % of a core (${(used * 1000).toFixed(0)} ` +
    `ms in ${seconds} s), RSS ${memory.toFixed(0)} MiB`,
);
controller.kill('SIGTERM');
await new Promise((resolve) => controller.once('exit', resolve));
rmSync(home, { recursive: true });
