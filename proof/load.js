// What many engines, many supervisors and many tasks cost.
// node proof/load.js [--only engines|supervisors|tasks|waiting]: prints tables.
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Bed, cpuOf, memoryOf, sleep, until } from './bed.js';
import { FakeSupervisors } from './fake-supervisors.js';

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const wanted = (name) => !values.only || values.only === name;
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;
const print = (title, head, rows) => {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  process.stdout.write(
    `## ${title}\n\n${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n\n`,
  );
};

/** Sum of resident, and of proportional memory of processes. */
function memories(pids) {
  const sum = { rss: 0, pss: 0 };
  for (const pid of pids) {
    const text = execFileSync('cat', [`/proc/${pid}/smaps_rollup`], { encoding: 'utf8' });
    for (const key of ['rss', 'pss'])
      sum[key] += Number(new RegExp(`^${key}:\\s+(\\d+)`, 'im').exec(text)?.[1]) * 1024;
  }
  return sum;
}

async function engines() {
  const rows = [];
  for (const count of [16, 64]) {
    const begin = performance.now();
    const bed = await Bed.start('engines', { n: count });
    await bed.client.direct('all').execute('engineId');
    const seconds = (performance.now() - begin) / 1000;
    await sleep(2000);
    const { rss, pss } = memories(bed.processes().map(({ pid }) => pid));
    rows.push([
      `ours, ${count}`,
      `${seconds.toFixed(2)} s`,
      megabytes(rss),
      megabytes(pss),
      megabytes(rss / count),
      bed.processes().length,
    ]);
    await bed.end();
  }
  const peer = JSON.parse(
    execFileSync('/usr/bin/python3', [`${import.meta.dirname}/peer_start.py`, '16'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  rows.push([
    'ipyparallel, 16',
    `${peer.seconds.toFixed(2)} s`,
    megabytes(peer.rss),
    megabytes(peer.pss),
    megabytes(peer.rss / 16),
    peer.processes,
  ]);
  print(
    'Engines on this machine',
    [
      'engines',
      'until the first answer of all',
      'RSS, all processes',
      'PSS',
      'RSS for each engine',
      'processes',
    ],
    rows,
  );
}

async function supervisors() {
  const rows = [];
  for (const count of [1000, 4000]) {
    const bed = await Bed.start('supervisors', { n: 0 });
    const controller = bed.pidOf('ipcontroller');
    const [cpuBefore, begin] = [cpuOf(controller), performance.now()];
    const fakes = await FakeSupervisors.join(bed.path('security', 'ipcontroller-engine.json'), count);
    await until(async () => (await bed.client.status()).engines.length === count, 60_000);
    const seconds = (performance.now() - begin) / 1000;
    const cpu = cpuOf(controller) - cpuBefore;
    const rss = memoryOf(controller);
    const [idleBefore] = [cpuOf(controller), await sleep(10_000)];
    const asked = performance.now();
    await bed.client.status();
    const status = performance.now() - asked;
    rows.push([
      count,
      `${seconds.toFixed(2)} s`,
      `${cpu.toFixed(2)} s`,
      megabytes(rss),
      `${((cpuOf(controller) - idleBefore) * 10).toFixed(1)} %`,
      `${Math.round(status)} ms`,
    ]);
    fakes.close();
    await bed.end();
  }
  print(
    'Supervisors that are registered, over TLS (light fake ones in one process)',
    [
      'supervisors',
      'until all are registered',
      'CPU of the controller',
      'its RSS',
      'its CPU when idle',
      'one status',
    ],
    rows,
  );
}

/** Submits no-op tasks in batches and calls `at` after each. */
async function submit(bed, total, batch, at, wait) {
  for (let done = 0; done < total; done += batch) {
    const items = Array.from({ length: batch }, (_unused, index) => index);
    const result = bed.client.balanced().map(() => null, items, { chunk: 1 });
    if (wait) await result;
    else {
      result.then(undefined, () => {});
      await bed.client.accepted();
    }
    at(done + batch);
  }
}

async function tasks() {
  const bed = await Bed.start('tasks', { n: 2 });
  const [controller, supervisor] = [bed.pidOf('ipcontroller'), bed.pidOf('ipengine')];
  const rows = [];
  const begin = performance.now();
  await submit(
    bed,
    1_000_000,
    10_000,
    (done) => {
      if (![100_000, 200_000, 500_000, 1_000_000].includes(done)) return;
      const seconds = (performance.now() - begin) / 1000;
      rows.push([
        done,
        `${seconds.toFixed(1)} s`,
        Math.round(done / seconds),
        megabytes(memoryOf(controller)),
        megabytes(memoryOf(supervisor)),
        megabytes(statSync(bed.path('default', 'store.sqlite')).size),
      ]);
    },
    true,
  );
  const [first, last] = [rows[0], rows.at(-1)].map((row) => Number.parseInt(row[3], 10));
  print(
    `A million no-op tasks, 10,000 at a time: RSS at the end is ${(last / first).toFixed(2)}× of that ` +
      'after 100,000',
    ['done', 'time', 'tasks/s', 'RSS of the controller', 'of the supervisor', 'store'],
    rows,
  );
  await bed.end();
}

async function waiting() {
  const bed = await Bed.start('waiting', { n: 0 });
  const controller = bed.pidOf('ipcontroller');
  const rows = [];
  const begin = performance.now();
  await submit(
    bed,
    1_000_000,
    20_000,
    (done) => {
      if (![100_000, 500_000, 1_000_000].includes(done)) return;
      const seconds = (performance.now() - begin) / 1000;
      rows.push([
        done,
        `${seconds.toFixed(1)} s`,
        Math.round(done / seconds),
        megabytes(memoryOf(controller)),
        megabytes(statSync(bed.path('default', 'store.sqlite')).size),
      ]);
    },
    false,
  );
  const asked = performance.now();
  const { queues } = await bed.client.status();
  const status = Math.round(performance.now() - asked);
  await bed.client.close();
  bed.client = await bed.connect();
  await bed.run('engines', 'add', '-n', '2');
  const added = performance.now();
  await until(async () => (await bed.client.status()).queues.completed >= 100_000, 60_000);
  const rate = (await bed.client.status()).queues.completed / ((performance.now() - added) / 1000);
  print(
    `A million tasks submitted while no engine is there: ${queues.balanced} wait, a status takes ` +
      `${status} ms; two engines that come then do ${Math.round(rate)} tasks/s`,
    ['accepted (on disk)', 'time', 'tasks/s', 'RSS of the controller', 'store'],
    rows,
  );
  await bed.end();
}

if (wanted('engines')) await engines();
if (wanted('supervisors')) await supervisors();
if (wanted('tasks')) await tasks();
if (wanted('waiting')) await waiting();
