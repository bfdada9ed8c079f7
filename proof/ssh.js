// The table of SSH failures: what is induced on hosts in network namespaces, the verdict that `why` must give
// (written down before the run), and what it gave. node proof/ssh.js [--only WORDS] [--json]
import { parseArgs } from 'node:util';
import { rows } from './ssh/rows.js';
import { bed, filesNow, Scene } from './ssh/scene.js';

const { values } = parseArgs({ options: { only: { type: 'string' }, json: { type: 'boolean' } } });

async function play(row, bystander) {
  const scene = new Scene();
  const begin = performance.now();
  try {
    await row.run(scene);
  } catch (error) {
    scene.problems.push(`it threw: ${error.message}`);
  }
  const { code, sentence, findings } = scene.verdict ?? (await scene.why());
  const seconds = (performance.now() - begin) / 1000;
  const left = await scene.end(bystander.files);
  const harmed = bystander.harmed();
  if (code !== row.expected)
    scene.problems.push(
      `why says ${findings.map((finding) => `${finding.code}: ${finding.sentence}`).join(' | ') || `${code} ${sentence}`}`,
    );
  const right = scene.problems.length === 0 && left === 0 && harmed === 0;
  return {
    name: row.name,
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

bed('up');
/** A cluster of the same user on two hosts, which must be as it was after each row. */
const other = new Scene();
await other.start('host[15-16]', '--cluster-id', 'bystander');
const before = other.processes().sort().join();
const bystander = { files: filesNow(), harmed: () => Number(other.processes().sort().join() !== before) };
const played = [];
for (const row of rows.filter(({ name }) => !values.only || name.includes(values.only))) {
  const result = await play(row, bystander);
  played.push(result);
  const words =
    `${result.right ? 'right' : 'WRONG'} ${result.name} (${result.seconds.toFixed(1)} s): ${result.code}, ` +
    `left ${result.left}, harmed ${result.harmed}`;
  process.stderr.write(`${[words, ...result.problems.map((problem) => `  ${problem}`)].join('\n')}\n`);
}
await other.run('stop', '--cluster-id', 'bystander');
await other.end();
bed('down');

const cell = (text) =>
  String(text)
    .replaceAll('|', '\\|')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(/\/var\/tmp\/ipcluster-bed-ssh\/shared\/ipcluster-proof-\w+/g, '~')
    .slice(0, 220);
const table = [
  '| what is induced | expected | what `why` said | left | harmed | right |',
  '|---|---|---|---|---|---|',
  ...played.map(
    (row) =>
      `| ${cell(row.name)} | ${row.expected} | ` +
      `${row.code === 'none' ? 'nothing is wrong' : `${row.code}: ${cell(row.sentence)}`} | ${row.left} | ` +
      `${row.harmed} | ${row.right ? 'yes' : 'NO'} |`,
  ),
];
process.stdout.write(values.json ? `${JSON.stringify(played)}\n` : `${table.join('\n')}\n`);
process.exitCode = played.every(({ right }) => right) ? 0 : 1;
