// Memory of a controller beside watchers that never read, and without them. node proof/watchers.js [tasks]:
// prints a table.
import { spawn } from 'node:child_process';
import { Bed, memoryOf, sleep } from './bed.js';

const tasks = Number(process.argv[2] ?? 500_000);
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;
const watcher = `
import { Client } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
const client = await Client.connect({ file: process.argv[1] });
const events = client.watch();
const first = events.next();
await client.status();
process.stdout.write('on');
await first;
`;

/** A watcher that is stopped as soon as it watches. */
async function stoppedWatcher(file) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', watcher, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((done) => child.stdout.once('data', done));
  child.kill('SIGSTOP');
  return child;
}

async function measure(count) {
  // Whoever is stopped is given up after a lease: this one outlives the run.
  const bed = await Bed.start('watchers', { n: 2, args: ['--lease', '1h'] });
  const controller = bed.pidOf('ipcontroller');
  const watchers = await Promise.all(
    Array.from({ length: count }, () => stoppedWatcher(bed.path('security', 'ipcontroller-client.json'))),
  );
  const view = bed.client.balanced();
  let most = 0;
  for (let sent = 0; sent < tasks; sent += 2000) {
    await Promise.all(Array.from({ length: Math.min(2000, tasks - sent) }, () => view.apply(() => {})));
    most = Math.max(most, memoryOf(controller));
  }
  await sleep(3000);
  const rest = memoryOf(controller);
  for (const child of watchers) child.kill('SIGKILL');
  const left = await bed.end();
  return { most, rest, left };
}

const without = await measure(0);
const beside = await measure(5);
const ratio = Math.max(beside.most / without.most, beside.rest / without.rest);
const row = (name, { most, rest, left }) =>
  `| ${name} | ${tasks} | ${megabytes(most)} | ${megabytes(rest)} | ${left} |\n`;
process.stdout.write(
  '| watchers that never read | tasks | most memory of the controller | 3 s afterwards | left ' +
    '|\n|---|---|---|---|---|\n',
);
process.stdout.write(
  `${row('none', without)}${row('5', beside)}\n${ratio.toFixed(2)} times as much; at most 1.30 is allowed.\n`,
);
process.exit(ratio <= 1.3 ? 0 : 1);
