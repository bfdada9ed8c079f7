// The fault table: what is done to a cluster, what must come of it (written down before the run), and what
// did. node proof/faults.js [--quick] [--only WORDS] [--json]
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { sleep } from './bed.js';
import { clusterFaults } from './faults/clusters.js';
import { processFaults } from './faults/processes.js';
import { Scene } from './faults/scene.js';
import { stateFaults } from './faults/state.js';
import { userCodeFaults } from './faults/user-code.js';

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, only: { type: 'string' }, json: { type: 'boolean' } },
});
const all = [...processFaults, ...clusterFaults, ...stateFaults, ...userCodeFaults];
const chosen = all.filter(
  ({ name, quick }) => (!values.quick || quick) && (!values.only || name.includes(values.only)),
);

/** Runs one row on a bed of its own, beside a cluster and a process that must not be harmed. */
async function play(row, bystander) {
  const scene = new Scene(row.name);
  const begin = performance.now();
  try {
    await row.run(scene);
  } catch (error) {
    scene.wrong(`it threw: ${error.message}`);
  }
  const seconds = (performance.now() - begin) / 1000;
  const left = await scene.end();
  const harmed = bystander.harmed();
  const { lost, twice, said, problems } = scene;
  const right = problems.length === 0 && lost === 0 && twice === 0 && left === 0 && harmed === 0;
  return {
    name: row.name,
    expected: row.expected,
    lost,
    twice,
    left,
    harmed,
    said: said.join('; '),
    problems,
    right,
    seconds,
  };
}

/** A healthy cluster and a plain process of the same user; both must be as they were after each row. */
async function makeBystander() {
  const scene = new Scene('bystander');
  await scene.start(1);
  const plain = spawn('sleep', ['100000'], { stdio: 'ignore' });
  const before = scene.bed
    .processes()
    .map(({ pid }) => pid)
    .join();
  return {
    harmed: () =>
      Number(
        scene.bed
          .processes()
          .map(({ pid }) => pid)
          .join() !== before,
      ) + Number(plain.exitCode !== null || plain.signalCode !== null),
    async end() {
      plain.kill('SIGKILL');
      await scene.end();
    },
  };
}

const bystander = await makeBystander();
const rows = [];
for (const row of chosen) {
  const played = await play(row, bystander);
  rows.push(played);
  const words =
    `${played.right ? 'right' : 'WRONG'} ${played.name} (${played.seconds.toFixed(1)} s): lost ` +
    `${played.lost}, twice ${played.twice}, left ${played.left}, harmed ${played.harmed}; ${played.said}`;
  process.stderr.write(`${[words, ...played.problems.map((problem) => `  ${problem}`)].join('\n')}\n`);
  await sleep(100);
}
await bystander.end();

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
const table = [
  '| fault | expected | lost | twice | left | harmed | status and why said | as expected |',
  '|---|---|---|---|---|---|---|---|',
  ...rows.map(
    (row) =>
      `| ${[row.name, row.expected, row.lost, row.twice, row.left, row.harmed, row.said || '–', row.right ? 'yes' : `NO: ${row.problems.join('; ')}`].map(cell).join(' | ')} |`,
  ),
].join('\n');
if (values.json) process.stdout.write(`${JSON.stringify(rows)}\n`);
else process.stdout.write(`${table}\n`);
process.exit(rows.every(({ right }) => right) ? 0 : 1);
