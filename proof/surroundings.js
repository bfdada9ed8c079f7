// Start, a task and stop in surroundings as people have them, by every launcher: each goes well, or is
// refused with a sentence. node proof/surroundings.js [--launcher local,ssh2,openssh,slurm] [--only WORDS]
// [--print] Everything but `local` needs its bed and root: `test/beds/alone bash -c 'test/beds/slurm/up; node
// proof/surroundings.js'`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launchers } from './surroundings/launchers.js';
import { rows } from './surroundings/rows.js';

const { values } = parseArgs({
  options: {
    launcher: { type: 'string', default: 'local' },
    only: { type: 'string' },
    print: { type: 'boolean' },
  },
});
const short = (text) => text.trim().replaceAll(/\s+/g, ' ').slice(0, 400);

/** Plays one row by one launcher; what was printed must be what was expected. */
async function play(row, launcher) {
  const place = launcher.open();
  const begin = performance.now();
  try {
    const said = await place.run(row, launcher.words);
    const expected = row.by?.[launcher.name] ?? row;
    const left = await place.end();
    const problems = expected.right.test(said) ? [] : [`it said: ${short(said)}`];
    if (/\n {4}at /.test(said)) problems.push('a stack was shown');
    if (left > 0) problems.push(`${left} processes were left`);
    const seconds = (performance.now() - begin) / 1000;
    return {
      name: row.name,
      launcher: launcher.name,
      expected: expected.expected,
      seen: short(said),
      problems,
      seconds,
    };
  } catch (error) {
    await place.end().catch(() => {});
    return {
      name: row.name,
      launcher: launcher.name,
      expected: row.expected,
      seen: '',
      problems: [error.message],
      seconds: 0,
    };
  }
}

const played = [];
for (const name of values.launcher.split(',')) {
  const launcher = launchers[name];
  launcher.up?.();
  try {
    for (const row of rows) {
      if (values.only && !row.name.includes(values.only)) continue;
      if ('not' in row && row.not.includes(name)) continue;
      const done = await play(row, launcher);
      played.push(done);
      process.stderr.write(
        `${done.problems.length === 0 ? 'right' : 'WRONG'} ${name}: ${done.name} ` +
          `(${done.seconds.toFixed(1)} s)\n`,
      );
      for (const problem of done.problems) process.stderr.write(`  ${problem}\n`);
    }
  } finally {
    launcher.down?.();
  }
}

const wrong = played.filter(({ problems }) => problems.length > 0).length;
const cell = (text) => text.replaceAll('|', '\\|').replaceAll(/\/\S*(ipcluster-proof)-[\w-]+/g, '~');
const line = ({ name, launcher, expected, seen, problems }) =>
  `| ${[launcher, name, expected, seen, problems.length === 0 ? 'yes' : `NO: ${problems.join('; ')}`].map(cell).join(' | ')} |`;
const head = [
  '# Surroundings',
  '',
  'Written by `node proof/surroundings.js --launcher local,ssh2,openssh,slurm`. In each environment a ' +
    'cluster is started, runs a task and is stopped.',
  '',
  '| launcher | environment | expected | seen | right |',
  '|---|---|---|---|---|',
];
const file = join(import.meta.dirname, 'surroundings.md');
/** Rows of launchers that were not played now stay as they are. */
const others = () => {
  const chosen = values.launcher.split(',');
  return readFileSync(file, { encoding: 'utf8', flag: 'a+' })
    .split('\n')
    .filter((text) => /^\| (local|ssh2|openssh|slurm) /.test(text) && !chosen.includes(text.split(' ')[1]));
};
if (values.print) process.stdout.write(`${[...head, ...played.map(line)].join('\n')}\n`);
else writeFileSync(file, `${[...head, ...others(), ...played.map(line)].join('\n')}\n`);
process.exit(wrong === 0 ? 0 : 1);
