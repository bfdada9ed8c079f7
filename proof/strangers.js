// A second user of the machine puts himself into every path of ours that he can reach: what must come of it,
// and what did. node proof/strangers.js [--quick] [--only WORDS] [--races 200] [--json]; as root, which
// becomes both users.
import { parseArgs } from 'node:util';
import { rows } from './strangers/rows.js';
import { Scene } from './strangers/scene.js';
import { racer } from './strangers/tricks.js';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    races: { type: 'string' },
    json: { type: 'boolean' },
  },
});

/** `start`, `exec`, `push`, `stop` again and again beside a stranger who strikes at whatever appears. */
const race = (times) => ({
  name: `${times} times start, exec, push, stop, beside a stranger who strikes at whatever appears`,
  expected: 'he wins nothing, and all of them work',
  async run(scene) {
    const { ready, stop } = scene.letStranger(racer, {
      folders: ['/tmp', '/dev/shm', scene.sticky],
      thesis: scene.thesis,
      lair: scene.lair,
    });
    await ready;
    for (let round = 0; round < times && scene.problems.length === 0; round++)
      await scene.work(...(round % 2 ? ['--work-dir', scene.sticky] : []));
    const { tries, won } = (await stop()) ?? {};
    scene.said.push(`he tried ${tries} times and won ${won?.length ?? 'unknown'}`);
    if (!(tries > times)) scene.wrong('he did not even try');
  },
});

async function play(row) {
  const scene = new Scene();
  const begin = performance.now();
  try {
    await row.run(scene);
  } catch (error) {
    scene.wrong(`it threw: ${error.stack}`);
  }
  await scene.end();
  const { said, problems } = scene;
  return {
    name: row.name,
    expected: row.expected,
    said: said.join('; '),
    problems,
    right: problems.length === 0,
    seconds: (performance.now() - begin) / 1000,
  };
}

const chosen = [...rows, race(Number(values.races ?? (values.quick ? 3 : 200)))].filter(
  (row) =>
    (!values.quick || !('quick' in row) || row.quick !== false) &&
    (!values.only || row.name.includes(values.only)),
);
const played = [];
for (const row of chosen) {
  const done = await play(row);
  played.push(done);
  process.stderr.write(
    `${[
      `${done.right ? 'right' : 'WRONG'} ${done.name} (${done.seconds.toFixed(1)} s): ` + `${done.said}`,
      ...done.problems.map((problem) => `  ${problem}`),
    ].join('\n')}\n`,
  );
}

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
const wrong = played.filter(({ right }) => !right).length;
if (values.json) process.stdout.write(`${JSON.stringify(played)}\n`);
else
  process.stdout.write(
    `${[
      `${played.length} tricks, ${wrong} succeeded.`,
      '',
      '| what the stranger does | expected | what was said | as expected |',
      '|---|---|---|---|',
      ...played.map(
        ({ name, expected, said, problems, right }) =>
          `| ${[name, expected, said || '–', right ? 'yes' : `NO: ${problems.join('; ')}`].map(cell).join(' | ')} |`,
      ),
    ].join('\n')}\n`,
  );
process.exit(wrong === 0 ? 0 : 1);
