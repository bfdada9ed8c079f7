// The table of batch failures: what is induced on real schedulers, the verdict that `why` must give (written
// down before the run), and what it gave. node proof/batch.js [--quick] [--only WORDS] [--json]
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { nodeRows } from './batch/nodes.js';
import { queueRows } from './batch/queue.js';
import { bed, Scene } from './batch/scene.js';
import { sleep, until } from './bed.js';

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, only: { type: 'string' }, json: { type: 'boolean' } },
});
const rows = [...queueRows, ...nodeRows].filter(
  ({ name, quick }) => (!values.quick || quick) && (!values.only || name.includes(values.only)),
);

/** A job and a cluster of the same user that must be as they were after each row. */
async function makeBystander() {
  const scene = new Scene();
  execFileSync(
    'sbatch',
    ['-Q', '-n1', '-J', 'plain', '-o', '/dev/null', '-t', '600', '--wrap', 'sleep 30000'],
    { cwd: scene.folder, env: scene.env, ...scene.user },
  );
  await scene.json('start', '-n', '1', '-d', '--cluster-id', 'bystander');
  const seen = () =>
    `${scene.processes().sort().join()} ` +
    `${execFileSync('squeue', ['-h', '-n', 'plain', '-o', '%A'], { encoding: 'utf8' }).trim()}`;
  await until(
    () =>
      execFileSync('squeue', ['-h', '-n', 'plain', '-o', '%T'], { encoding: 'utf8' }).trim() === 'RUNNING',
  );
  await sleep(1000);
  const before = seen();
  return {
    harmed: () => Number(seen() !== before),
    async end() {
      await scene.run('stop', '--cluster-id', 'bystander');
      execFileSync('scancel', ['-n', 'plain']);
      await scene.end();
    },
  };
}

async function play(row, bystander) {
  const scene = new Scene({ onHead: row.bed === 'gridengine' });
  const begin = performance.now();
  try {
    await row.run(scene);
  } catch (error) {
    scene.problems.push(`it threw: ${error.message}`);
  }
  const { code, sentence, findings } = scene.chosen ?? (await scene.why());
  const seconds = (performance.now() - begin) / 1000;
  const left = await scene.end();
  const harmed = bystander?.harmed() ?? 0;
  if (code !== row.expected)
    scene.problems.push(
      `why says ${findings.map((finding) => `${finding.code}: ${finding.sentence}`).join(' | ') || `${code} ${sentence}`}`,
    );
  const right = scene.problems.length === 0 && left === 0 && harmed === 0;
  return {
    name: row.name,
    bed: row.bed ?? 'slurm',
    expected: row.expected,
    code,
    sentence,
    left,
    harmed,
    right,
    seconds,
    problems: scene.problems,
  };
}

const played = [];
for (const name of ['slurm', 'accounting', 'gridengine']) {
  const own = rows.filter((row) => (row.bed ?? 'slurm') === name);
  if (own.length === 0) continue;
  const isSlurm = name !== 'gridengine';
  if (isSlurm) bed('slurm', 'up', name === 'slurm' ? 'plain' : name);
  else bed('gridengine', 'up');
  const bystander = isSlurm ? await makeBystander() : undefined;
  for (const row of own) {
    const result = await play(row, bystander);
    played.push(result);
    const words =
      `${result.right ? 'right' : 'WRONG'} ${result.name} (${result.seconds.toFixed(1)} s): ` +
      `${result.code}, left ${result.left}, harmed ${result.harmed}`;
    process.stderr.write(`${[words, ...result.problems.map((problem) => `  ${problem}`)].join('\n')}\n`);
  }
  await bystander?.end();
  bed(isSlurm ? 'slurm' : 'gridengine', 'down');
}

const cell = (text) =>
  String(text)
    .replaceAll('|', '\\|')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(/\/tmp\/ipcluster-proof-batch-\w+/g, '~')
    .slice(0, 220);
const table = [
  '| what is induced | bed | expected | what `why` said | left | harmed | right |',
  '|---|---|---|---|---|---|---|',
  ...played.map(
    (row) =>
      `| ${cell(row.name)} | ${row.bed} | ${row.expected} | ` +
      `${row.code === 'none' ? 'nothing is wrong' : `${row.code}: ${cell(row.sentence)}`} | ${row.left} | ` +
      `${row.harmed} | ${row.right ? 'yes' : 'NO'} |`,
  ),
];
process.stdout.write(values.json ? `${JSON.stringify(played)}\n` : `${table.join('\n')}\n`);
process.exitCode = played.every(({ right }) => right) ? 0 : 1;
