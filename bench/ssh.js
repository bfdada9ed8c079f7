// Time from `ipcluster start --launcher ssh` to 64 registered engines on 16 hosts, beside ClusterShell's
// `clush` starting bare Node four times on each of the same hosts, in turns on the same bed. Root, for the
// bed; the work is done as an ordinary user. node bench/ssh.js [--rounds 5]
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sleep } from '../proof/bed.js';
import { bed, root, Scene } from '../proof/ssh/scene.js';
import { median } from './median.js';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });

execFileSync('bash', ['-c', `. ${join(root, 'test/beds/packages.sh')}; need_packages clush -- clustershell`]);
bed('up');
const scene = new Scene();
const seconds = async (work) => {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
};

/** Runs a command on host0 as the user. Throws where it fails. */
async function onHead(...argv) {
  const child = spawn(join(root, 'test/beds/ssh/host'), ['exec', 'host0', '-u', 'hpc', ...argv], {
    env: scene.env,
    cwd: scene.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${said}`);
}

/** When each step of a start was reached, in seconds from its beginning. */
function stepsOf(begin) {
  const jobs = join(scene.folder, 'ipython/profile_default/default/jobs');
  const newest = (kind) =>
    join(
      jobs,
      readdirSync(jobs)
        .filter((name) => name.endsWith(kind))
        .sort()
        .at(-1),
    );
  const after = (time) => (time - begin) / 1000;
  const log = readFileSync(join(newest('-controller'), 'stderr'), 'utf8').split('\n');
  const joined = log
    .filter((line) => / engine \d+ joined/.test(line))
    .map((line) => Date.parse(line.slice(0, 24)));
  return {
    'the scripts are written': after(statSync(join(newest('-engines'), 'job.sh')).mtimeMs),
    'all hosts have been started on': after(statSync(join(newest('-engines'), 'hosts.json')).mtimeMs),
    'the first engine is there': after(Math.min(...joined)),
    'the last engine is there': after(Math.max(...joined)),
  };
}

const bare = 'for i in 1 2 3 4; do "$NODE" -e 0 & done; wait';
const rows = { ssh2: [], openssh: [], clush: [], connect: [] };
const steps = {};
for (let round = 0; round < Number(values.rounds); round++) {
  for (const transport of ['ssh2', 'openssh']) {
    const begin = Date.now();
    rows[transport].push(
      await seconds(async () => {
        const started = await scene.json(
          'start',
          '--launcher',
          'ssh',
          '-o',
          'hosts=host[1-16]',
          '-o',
          `transport=${transport}`,
          '-n',
          '64',
          '-d',
        );
        if (started.engines !== 64) throw new Error(JSON.stringify(started));
      }),
    );
    if (transport === 'ssh2')
      for (const [step, at] of Object.entries(stepsOf(begin))) steps[step] = [...(steps[step] ?? []), at];
    await scene.run('stop');
    await sleep(1000);
  }
  const clush = ['clush', '-q', '-w', 'host[1-16]', '-f', '64'];
  rows.clush.push(await seconds(() => onHead(...clush, bare.replace('"$NODE"', process.execPath))));
  await sleep(1000);
  rows.connect.push(await seconds(() => onHead(...clush, 'true')));
  await sleep(1000);
}
await scene.end();
bed('down');

const list = (numbers) => numbers.map((number) => number.toFixed(2)).join(', ');
const line = (what, times) => `| ${what} | ${median(times).toFixed(2)} s | ${list(times)} |`;
const ratio = (transport) =>
  `| ratio, ${transport} | ${(median(rows[transport]) / median(rows.clush)).toFixed(2)} | ` +
  `${list(rows[transport].map((one, index) => one / rows.clush[index]))} |`;
process.stdout.write(
  [
    '| what | median | each round |',
    '|---|---|---|',
    line('`ipcluster start --launcher ssh -n 64 -d`, the whole command (ssh2)', rows.ssh2),
    ...Object.entries(steps).map(([step, times]) => line(`– until ${step}`, times)),
    line("the same with the system's ssh (openssh)", rows.openssh),
    line('`clush`: four bare Node on each of the 16 hosts', rows.clush),
    line('`clush`: nothing on each (`true`)', rows.connect),
    ratio('ssh2'),
    ratio('openssh'),
    '',
  ].join('\n'),
);
