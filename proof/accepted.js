// Accepted means: it survives. Stores whose disk is full, read-only or limited; kill -9 after accepted(),
// --reuse, and a count of lies. `node proof/accepted.js [tries]`: root, for the file system in memory. Each
// kill counts as many tries as there were tasks asked for.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'ipcluster';

const wanted = Number(process.argv[2] ?? 1000);
/** Tasks of one try, each with an accepted() of its own. */
const together = 25;
const program = join(import.meta.dirname, '..', 'bin', 'ipcluster');
const home = mkdtempSync(join(tmpdir(), 'proof-accepted-'));
const disk = join(home, 'disk');
const env = { ...process.env, IPYTHONDIR: join(home, 'ipython') };
process.env.IPYTHONDIR = env.IPYTHONDIR;
const run = (...args) =>
  execFileSync(program, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
const mount = (...options) => execFileSync('mount', options);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const ballast = join(disk, 'ballast');

/** By fault: what does it to a controller's disk, and what undoes it. */
const faults = {
  'full disk': {
    on: () => {
      try {
        writeFileSync(ballast, Buffer.alloc(64 * 1024 * 1024));
      } catch {
        // That is what it is for.
      }
    },
    off: () => rmSync(ballast, { force: true }),
  },
  'ulimit -f': {
    on: (pid) => execFileSync('prlimit', ['--fsize=20000:unlimited', '--pid', String(pid)]),
    off: () => {},
  },
  'no fault': { on: () => {}, off: () => {} },
};

/** One kill: submits, breaks the disk in the middle, awaits accepted() of each, kills, starts again, asks. */
async function attempt(fault) {
  let client = await Client.connect();
  const { pid } = (await client.status()).controller;
  const view = client.balanced();
  const accepted = [];
  for (let index = 0; index < together; index++) {
    if (index === Math.floor(together / 2)) fault.on(pid);
    const task = view.apply((value) => value, index);
    task.then(undefined, () => {});
    const settled = await client.accepted().then(
      () => true,
      () => false,
    );
    if (settled) accepted.push(task.ids[0]);
  }
  process.kill(pid, 'SIGKILL');
  // A client that is gone sends nothing again.
  await client.close().catch(() => {});
  fault.off();
  run('start', '--reuse', '-n', '0', '-d', '--lease', '2s');
  client = await Client.connect();
  const known = new Set((await client.query({ ids: accepted })).map(({ id }) => id));
  await client.close();
  return { accepted: accepted.length, lies: accepted.filter((id) => !known.has(id)).length };
}

mkdirSync(disk);
mount('-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk);
try {
  console.log('| fault | tasks | accepted | rejected | accepted and not known |');
  console.log('|---|---|---|---|---|');
  for (const [name, fault] of Object.entries(faults)) {
    const total = { tasks: 0, accepted: 0, lies: 0 };
    run('start', '-n', '0', '-d', '--lease', '2s', '--work-dir', disk);
    while (total.tasks < wanted / Object.keys(faults).length) {
      const { accepted, lies } = await attempt(fault);
      total.tasks += together;
      total.accepted += accepted;
      total.lies += lies;
    }
    run('stop');
    await pause(200);
    console.log(
      `| ${name} | ${total.tasks} | ${total.accepted} | ${total.tasks - total.accepted} | ${total.lies} |`,
    );
    if (total.lies > 0) process.exitCode = 1;
  }
} finally {
  execFileSync('umount', ['-l', disk]);
  rmSync(home, { recursive: true, force: true });
}
