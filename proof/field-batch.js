// What users met on their batch systems, done again: what must come of each, written down first, and what was
// said. node proof/field-batch.js [--quick] [--only WORDS] [--beds NAMES] [--json]
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bed } from './batch/scene.js';
import { FieldScene } from './field-batch/scene.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    beds: { type: 'string' },
    json: { type: 'boolean' },
  },
});
const folder = join(import.meta.dirname, 'field-batch');
/** The tables, in the order in which they are printed. */
const parts = {
  field: 'Entries',
  limits: 'Limits that were really set',
  ends: 'Ends that are moved',
  gang: 'One bad node of four',
  recipes: 'Recipes, as typed',
};
/** How each bed is made; one that has no words needs none. */
const beds = {
  none: undefined,
  slurm: ['slurm', 'plain'],
  accounting: ['slurm', 'accounting'],
  gridengine: ['gridengine'],
  pbs: undefined,
};

const files = readdirSync(folder)
  .filter((name) => name.endsWith('.js') && !name.endsWith('scene.js'))
  .sort();
const modules = await Promise.all(files.map((name) => import(join(folder, name))));
const wanted = (row) =>
  (!values.quick || row.quick) &&
  (!values.only || row.entry.includes(values.only)) &&
  (!values.beds || values.beds.split(',').includes(row.bed));
const rows = modules.flatMap((module) => module.rows ?? []).filter(wanted);

async function play(row) {
  const scene = new FieldScene({ onHead: row.bed === 'gridengine' });
  const begin = performance.now();
  try {
    await row.run(scene);
  } catch (error) {
    scene.problems.push(`it threw: ${error.message}`);
  }
  const left = await scene.end();
  if (left > 0) scene.problems.push(`${left} processes or jobs were left`);
  const { entry, part = 'field', expected } = row;
  const seconds = (performance.now() - begin) / 1000;
  return {
    entry,
    part,
    bed: row.bed,
    expected,
    said: scene.seen.join('; '),
    problems: scene.problems,
    right: scene.problems.length === 0,
    left,
    seconds,
  };
}

/** Files of ours in a folder that all users write to. */
const strays = () =>
  spawnSync('sh', ['-c', 'ls -d /tmp/ipcluster-[0-9]*/* /dev/shm/ipcluster-[0-9]*/* 2>/dev/null'], {
    encoding: 'utf8',
  }).stdout.trim();

const played = [];
for (const [name, words] of Object.entries(beds)) {
  const own = rows.filter((row) => row.bed === name);
  if (own.length === 0) continue;
  if (words) bed(words[0], 'up', ...words.slice(1));
  try {
    for (const row of own) {
      const before = strays();
      const result = await play(row);
      if (strays() !== before)
        Object.assign(result, {
          right: false,
          problems: [...result.problems, `left in /tmp or /dev/shm: ${strays()}`],
        });
      played.push(result);
      const line =
        `${result.right ? 'right' : 'WRONG'} ${result.entry} (${result.seconds.toFixed(1)} s): ` +
        `${result.said}`;
      process.stderr.write(`${[line, ...result.problems.map((problem) => `  ${problem}`)].join('\n')}\n`);
    }
  } finally {
    if (words) bed(words[0], 'down');
  }
}

const cell = (text) =>
  String(text)
    .replaceAll('|', '\\|')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\/(var\/)?tmp\/ipcluster-proof-batch-\w+/g, '~')
    .slice(0, 400);
const tableOf = (own) => [
  '| entry | bed | expected | what was said | left | right |',
  '|---|---|---|---|---|---|',
  ...own.map(
    (row) =>
      `| ${[row.entry, row.bed, row.expected, row.said, row.left, row.right ? 'yes' : `NO: ${row.problems.join('; ')}`].map(cell).join(' | ')} |`,
  ),
];
const wrong = played.filter(({ right }) => !right).length;
const sections = Object.entries(parts).flatMap(([part, title]) => {
  const own = played.filter((row) => row.part === part);
  return own.length === 0 ? [] : [`## ${title}`, '', ...tableOf(own), ''];
});
process.stdout.write(
  values.json
    ? `${JSON.stringify(played)}\n`
    : `${[`${played.length} rows, ${wrong} wrong.`, '', ...sections].join('\n')}`,
);
process.exitCode = wrong === 0 ? 0 : 1;
