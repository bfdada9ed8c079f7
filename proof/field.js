// What people met with their machines, their shells and their programs, done again: what must come of each,
// written down first. node proof/field.js [--quick] [--only WORDS] [--files NAMES] [--json] A row is { name,
// expected, bed?, quick?, cluster?, async run(scene) }. `bed` is `ssh` for one that needs hosts (run as
// root); `cluster` is false for one that starts what it needs itself, else a cluster of two engines is there.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Scene } from './core/scene.js';
import { bed, filesNow, Scene as HostsScene } from './ssh/scene.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    files: { type: 'string' },
    json: { type: 'boolean' },
  },
});
const folder = join(import.meta.dirname, 'field');
const chosen = (name) => !values.files || values.files.split(',').includes(name.replace(/\.js$/, ''));
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.js') && chosen(name))
  .sort();
const modules = await Promise.all(files.map((name) => import(join(folder, name))));
const wanted = ({ name, quick }) => (!values.quick || quick) && (!values.only || name.includes(values.only));
const rows = modules.flatMap((module) => (module.rows ?? []).filter(wanted));

/**
 * A user's home on the shared disk of the hosts, with the words of a table: what was seen must be what was
 * expected.
 */
class FieldHosts extends HostsScene {
  seen = [];
  is = Scene.prototype.is;
  wrong = Scene.prototype.wrong;
  ends = Scene.prototype.ends;
}

async function play(row) {
  const scene = row.bed === 'ssh' ? new FieldHosts() : new Scene(row.controller);
  const before = row.bed === 'ssh' ? filesNow() : [];
  const begin = performance.now();
  try {
    if (row.bed !== 'ssh' && row.cluster !== false) await scene.start();
    await row.run(scene);
  } catch (error) {
    scene.wrong(`it threw: ${error.stack}`);
  }
  const left = await scene.end(before).catch((error) => {
    scene.wrong(`its end threw: ${error.message}`);
    return 0;
  });
  if (left > 0) scene.wrong(`${left} processes or files were left`);
  const { seen, problems } = scene;
  const seconds = (performance.now() - begin) / 1000;
  return {
    name: row.name,
    expected: row.expected,
    seen: seen.join('; '),
    problems,
    right: problems.length === 0,
    seconds,
  };
}

const played = [];
for (const kind of [undefined, 'ssh']) {
  const own = rows.filter((row) => row.bed === kind);
  if (own.length === 0) continue;
  if (kind) bed('up');
  try {
    for (const row of own) {
      const done = await play(row);
      played.push(done);
      const words = `${done.right ? 'right' : 'WRONG'} ${done.name} (${done.seconds.toFixed(1)} s)`;
      process.stderr.write(`${[words, ...done.problems.map((problem) => `  ${problem}`)].join('\n')}\n`);
    }
  } finally {
    if (kind) bed('down');
  }
}

const homes = /\/(var\/tmp\/ipcluster-bed-ssh\/shared|tmp)\/ipcluster-proof-[\w-]+/g;
const cell = (text) =>
  String(text).replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').replaceAll(homes, '~').slice(0, 700);
const wrong = played.filter(({ right }) => !right).length;
const table = [
  `${played.length} rows, ${wrong} wrong.`,
  '',
  '| what is done | expected | seen | right |',
  '|---|---|---|---|',
  ...played.map(
    ({ name, expected, seen, problems, right }) =>
      `| ${[name, expected, seen, right ? 'yes' : `NO: ${problems.join('; ')}`].map(cell).join(' | ')} |`,
  ),
];
process.stdout.write(`${values.json ? JSON.stringify(played) : table.join('\n')}\n`);
process.exit(wrong === 0 ? 0 : 1);
