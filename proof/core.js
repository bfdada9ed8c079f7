// The core under small programs that once found a fault: what must come of each, written down first, and what
// did. node proof/core.js [--only WORDS] [--json]
import { parseArgs } from 'node:util';
import { rows as clientRows } from './core/client.js';
import { rows as controllerRows } from './core/controller.js';
import { rows as engineRows } from './core/engine.js';
import { rows as farmRows } from './core/farm.js';
import { Scene } from './core/scene.js';

const { values } = parseArgs({ options: { only: { type: 'string' }, json: { type: 'boolean' } } });
const all = [...clientRows, ...controllerRows, ...engineRows, ...farmRows];

async function play(row) {
  const scene = new Scene(row.controller);
  const begin = performance.now();
  try {
    await scene.start();
    await row.run(scene);
  } catch (error) {
    scene.wrong(`it threw: ${error.stack}`);
  }
  const left = await scene.end();
  if (left > 0) scene.wrong(`${left} processes were left`);
  const { seen, problems } = scene;
  return {
    name: row.name,
    expected: row.expected,
    seen: seen.join('; '),
    problems,
    right: problems.length === 0,
    seconds: (performance.now() - begin) / 1000,
  };
}

const played = [];
for (const row of all.filter(({ name }) => !values.only || name.includes(values.only))) {
  const done = await play(row);
  played.push(done);
  process.stderr.write(
    `${[
      `${done.right ? 'right' : 'WRONG'} ${done.name} ` + `(${done.seconds.toFixed(1)} s)`,
      ...done.problems.map((problem) => `  ${problem}`),
    ].join('\n')}\n`,
  );
}

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').slice(0, 700);
const wrong = played.filter(({ right }) => !right).length;
if (values.json) process.stdout.write(`${JSON.stringify(played)}\n`);
else
  process.stdout.write(
    `${[
      `${played.length} rows, ${wrong} wrong.`,
      '',
      '| what is done | expected | seen | right |',
      '|---|---|---|---|',
      ...played.map(
        ({ name, expected, seen, problems, right }) =>
          `| ${[name, expected, seen, right ? 'yes' : `NO: ${problems.join('; ')}`].map(cell).join(' | ')} |`,
      ),
    ].join('\n')}\n`,
  );
process.exit(wrong === 0 ? 0 : 1);
