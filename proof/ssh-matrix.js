// The table of hosts of which every one is different: what `ssh HOST true` does with the same configuration,
// and what one start of all of them does, with the library and with the system's ssh. Needs root for the
// hosts. node proof/ssh-matrix.js [--quick | --gates] [--json]
import { parseArgs } from 'node:util';
import { bed, Scene } from './ssh/scene.js';
import { playGates } from './ssh-matrix/gates.js';
import { judgeAll } from './ssh-matrix/judge.js';
import { playStart } from './ssh-matrix/start.js';

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, gates: { type: 'boolean' }, json: { type: 'boolean' } },
});

/** Plays one part in a home of its own, which must be empty in the end. */
async function play(transport, part) {
  const scene = new Scene();
  const begin = performance.now();
  const rows = await part(scene, transport);
  const left = await scene.end();
  const seconds = Math.round((performance.now() - begin) / 100) / 10;
  for (const row of rows) if (left > 0) row.problems.push(`left: ${scene.left.join(', ')}`);
  for (const { name, problems } of rows)
    process.stderr.write(
      `${problems.length === 0 ? 'right' : 'WRONG'} ${name} ` +
        `(${transport})${problems.map((problem) => `\n  ${problem}`).join('')}\n`,
    );
  process.stderr.write(`${transport}: ${seconds} s\n`);
  return rows;
}

bed('up', 'varied');
const rows = [];
try {
  const judged = await judgeAll(new Scene());
  for (const transport of ['ssh2', 'openssh', ...(values.quick ? [] : ['auto'])]) {
    if (!values.gates) rows.push(...(await play(transport, (scene) => playStart(scene, transport, judged))));
    if (!values.quick && transport !== 'auto')
      rows.push(...(await play(transport, (scene) => playGates(scene, transport))));
  }
} finally {
  bed('down');
}

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').slice(0, 400);
const wrong = rows.filter(({ problems }) => problems.length > 0).length;
const table = [
  `${rows.length} rows, ${wrong} wrong.`,
  '',
  '| host | what is peculiar | transport | expected | `ssh HOST true` | ours | right |',
  '|---|---|---|---|---|---|---|',
  ...rows.map(
    (row) =>
      `| ${[row.name, row.what, row.transport, row.expected, row.ssh, row.seen, row.problems.length === 0 ? 'yes' : `NO: ${row.problems.join('; ')}`].map(cell).join(' | ')} |`,
  ),
];
process.stdout.write(values.json ? `${JSON.stringify(rows)}\n` : `${table.join('\n')}\n`);
process.exit(wrong === 0 ? 0 : 1);
