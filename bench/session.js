// One session of our cluster of four: the same steps as bench/peer.py, through the same kind of programs.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'ipcluster';
import { median } from './median.js';

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const program = join(import.meta.dirname, '..', 'bin', 'ipcluster');
const run = (...args) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** RSS and PSS in MB of all processes whose command holds a word. */
function memory(word) {
  const total = { rss: 0, pss: 0, count: 0 };
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (
        !command.includes(word) ||
        !readFileSync(`/proc/${pid}/environ`, 'utf8').includes(process.env.IPYTHONDIR)
      )
        continue;
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      for (const key of ['Rss', 'Pss'])
        total[key.toLowerCase()] += Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(rollup)?.[1]) / 1024;
      total.count += 1;
    } catch {
      // It ended while it was looked at, or is another user's.
    }
  }
  return total;
}

function memories() {
  const [controller, job, supervisor, engines] = [
    'programs/ipcontroller.js',
    'controller/job.sh',
    'programs/ipengine.js',
    'programs/engine.cjs',
  ].map(memory);
  const sum = (key) => ({
    controller: controller[key] + job[key],
    engine: engines[key] / 4 + supervisor[key] / 4,
  });
  const [rss, pss] = [sum('rss'), sum('pss')];
  return {
    controller: { rss: rss.controller, pss: pss.controller },
    engine: { rss: rss.engine, pss: pss.engine },
  };
}

async function measurePush(client) {
  const array = new Float64Array(2 * 1024 * 1024).fill(1);
  const times = [];
  for (let round = 0; round < 40; round++) {
    const begin = performance.now();
    await client.direct('all').push({ array });
    times.push(performance.now() - begin);
  }
  return 64 / (median(times.slice(10)) / 1000);
}

/** Starts, measures, stops. */
export async function session() {
  const result = {};
  let begin = performance.now();
  const { connectionFile } = JSON.parse(run('start', '-n', '4', '-d', '--json'));
  const client = await Client.connect({ file: connectionFile });
  await client.direct('all').apply(() => process.pid);
  result.start = (performance.now() - begin) / 1000;
  await pause(2000);
  result.idle = memories();

  const one = client.direct(0);
  let times = [];
  for (let round = 0; round < 2500; round++) {
    begin = performance.now();
    await one.apply(() => {});
    times.push(performance.now() - begin);
  }
  result.direct = median(times.slice(500));

  const balanced = client.balanced();
  times = [];
  for (const count of [2000, 20_000, 20_000]) {
    begin = performance.now();
    await Promise.all(Array.from({ length: count }, () => balanced.apply(() => {})));
    times.push(count / ((performance.now() - begin) / 1000));
  }
  result.tasks = median(times.slice(1));

  result.push = await measurePush(client);
  const remote = join(process.env.IPYTHONDIR, 'tls.json');
  writeFileSync(remote, JSON.stringify({ ...client.connection, socket: '' }), { mode: 0o600 });
  const overTls = await Client.connect({ file: remote });
  result.pushTls = await measurePush(overTls);
  await overTls.close();
  result.loaded = memories();
  await client.close();

  begin = performance.now();
  execFileSync(program, ['map', '--', 'true'], { input: inputs, stdio: ['pipe', 'ignore', 'inherit'] });
  result.map = (performance.now() - begin) / 1000;
  run('stop');
  return result;
}

/** The inputs of the task farm, a line each. */
export const inputs = `${Array.from({ length: 2000 }, (_unused, index) => index).join('\n')}\n`;
