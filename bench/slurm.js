// Time from `ipcluster start` to 64 registered engines in Slurm, beside `srun -n 64` of a program that only
// starts Node and exits, in turns on the same bed. Root, for the bed; the work is done as an ordinary user.
// node bench/slurm.js [--rounds 5]
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bed, Scene } from '../proof/batch/scene.js';
import { sleep } from '../proof/bed.js';
import { median } from './median.js';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const timed = async (work) => {
  const begin = performance.now();
  const result = await work();
  return { seconds: (performance.now() - begin) / 1000, result };
};

bed('slurm', 'up', 'plain');
/** When each step of a start was reached, in seconds from its beginning. */
function stepsOf(scene, begin) {
  const after = (time) => (time - begin) / 1000;
  const folder = scene.jobFolder();
  const log = readFileSync(`${scene.jobFolder('controller')}/stderr`, 'utf8').split('\n');
  const joined = log
    .filter((line) => / engine \d+ joined/.test(line))
    .map((line) => Date.parse(line.slice(0, 24)));
  return {
    'the script is written': after(statSync(`${folder}/job.sh`).mtimeMs),
    'the job has begun': after(statSync(`${folder}/allocation-0.sh`).mtimeMs),
    'the first engine is there': after(Math.min(...joined)),
    'the last engine is there': after(Math.max(...joined)),
  };
}

const steps = {};
const rows = { ours: [], registered: [], bare: [], submits: [], questions: [] };
for (let round = 0; round < Number(values.rounds); round++) {
  const scene = new Scene();
  // Both commands are counted on their way.
  for (const command of ['sbatch', 'squeue', 'sacct', 'sinfo'])
    scene.wrap(command, `echo ${command} >>${scene.folder}/calls\nexec $real "$@"`);
  const begin = Date.now();
  const { seconds, result } = await timed(() => scene.start('-n', '64'));
  if (result.engines !== 64) throw new Error(JSON.stringify(result));
  const calls = execFileSync('cat', [`${scene.folder}/calls`], { encoding: 'utf8' })
    .trim()
    .split('\n');
  for (const [step, at] of Object.entries(stepsOf(scene, begin))) steps[step] = [...(steps[step] ?? []), at];
  rows.ours.push(seconds);
  rows.registered.push(result.seconds);
  // sbatch is asked for its version as well.
  rows.submits.push(calls.filter((call) => call === 'sbatch').length - 1);
  rows.questions.push(calls.filter((call) => call !== 'sbatch').length);
  await scene.end();
  await sleep(1000);
  const peer = new Scene();
  const bare = await timed(
    async () =>
      spawnSync('srun', ['-Q', '-n', '64', process.execPath, '-e', '0'], {
        cwd: peer.folder,
        env: peer.env,
        ...peer.user,
      }).status,
  );
  if (bare.result !== 0) throw new Error('srun failed');
  rows.bare.push(bare.seconds);
  await peer.end();
  await sleep(1000);
}
bed('slurm', 'down');

const [ours, bare] = [median(rows.ours), median(rows.bare)];
const list = (numbers) => numbers.map((number) => number.toFixed(2)).join(', ');
process.stdout.write(
  [
    '| what | median | each round |',
    '|---|---|---|',
    `| \`ipcluster start --launcher slurm -n 64 -d\`, the whole command | ${ours.toFixed(2)} s | ` +
      `${list(rows.ours)} |`,
    ...Object.entries(steps).map(
      ([step, times]) => `| – until ${step} | ${median(times).toFixed(2)} s | ${list(times)} |`,
    ),
    `| of it, from the request to the 64th registration | ${median(rows.registered).toFixed(2)} s | ` +
      `${list(rows.registered)} |`,
    `| \`srun -n 64 node -e 0\` | ${bare.toFixed(2)} s | ${list(rows.bare)} |`,
    `| ratio | ${(ours / bare).toFixed(2)} | ` +
      `${list(rows.ours.map((one, index) => one / rows.bare[index]))} |`,
    `| submits | ${median(rows.submits)} | ${rows.submits.join(', ')} |`,
    `| questions to the scheduler | ${median(rows.questions)} | ${rows.questions.join(', ')} |`,
    '',
  ].join('\n'),
);
