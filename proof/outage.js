// A thousand tasks while slurmctld is killed and started again, and while all engines and supervisors are
// stopped for minutes: every result once, the same engines afterwards. node proof/outage.js [--stopped 300]
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bed, Scene } from './batch/scene.js';
import { sleep, until } from './bed.js';

const { values } = parseArgs({ options: { stopped: { type: 'string', default: '300' } } });
const slurmctld = () => Number(readFileSync('/tmp/ipcluster-bed-slurm/slurmctld.pid', 'utf8'));
const script = fileURLToPath(new URL('batch/thousand.js', import.meta.url));

/** Plays one outage in the middle of the thousand; answers its row. */
async function play(name, outage) {
  bed('slurm', 'up', 'plain');
  const scene = new Scene();
  const started = await scene.start('--nodes', '2', '-n', '8');
  const engines = async () => (await scene.json('status')).engines.map(({ uuid }) => uuid).join();
  const before = await engines();
  // The scheduler's own state is on disk some seconds later.
  await sleep(8000);
  const begin = performance.now();
  const child = spawn(process.execPath, [script], { cwd: scene.folder, env: scene.env, ...scene.user });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  const closed = new Promise((done) => child.once('close', done));
  await until(() => said.includes('200\n'), 120_000);
  await outage(scene);
  const code = await closed;
  const seconds = (performance.now() - begin) / 1000;
  const last = said.trim().split('\n').at(-1) ?? '';
  const outcome = code === 0 ? JSON.parse(last) : { results: 0, lost: 1000, twice: 0, said };
  const same = (await engines()) === before;
  const left = await scene.end();
  bed('slurm', 'down');
  return { name, engines: started.engines, ...outcome, same, left, seconds };
}

const workers = (scene) =>
  scene.processes().filter((pid) => {
    try {
      return /programs\/(engine|ipengine)\.js/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    } catch {
      return false;
    }
  });

const rows = [
  await play('slurmctld killed, and started again after 20 s', async () => {
    process.kill(slurmctld(), 'SIGKILL');
    await sleep(20_000);
    execFileSync('slurmctld', [], { stdio: 'ignore' });
  }),
  await play(`engines and supervisors stopped (SIGSTOP) for ${values.stopped} s`, async (scene) => {
    const pids = workers(scene).map(Number);
    if (pids.length !== 10) throw new Error(`${pids.length} processes instead of 10`);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await sleep(Number(values.stopped) * 1000);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }),
];
const table = [
  '| during a run of 1,000 tasks of 200 ms on 8 engines on 2 nodes | results | lost | twice | the same ' +
    'engines afterwards | left | seconds |',
  '|---|---|---|---|---|---|---|',
  ...rows.map(
    (row) =>
      `| ${row.name} | ${row.results} | ${row.lost} | ${row.twice} | ${row.same ? 'yes' : 'NO'} | ` +
      `${row.left} | ${row.seconds.toFixed(0)} |`,
  ),
];
process.stdout.write(`${table.join('\n')}\n`);
for (const { said } of rows) if (said) process.stderr.write(`${said}\n`);
process.exitCode = rows.every(
  ({ lost, twice, same, left }) => lost === 0 && twice === 0 && same && left === 0,
)
  ? 0
  : 1;
