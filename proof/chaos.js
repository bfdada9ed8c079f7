// Faults at random: for each seed a cluster in a world of its own, mixed work of many clients, and faults at
// random times; at the end nothing that was accepted may be lost, no value wrong, nothing may hang, run twice
// without a cause, or be left. Needs root. node proof/chaos.js [--seeds 1-40] [--seconds 60] [--parallel 2]
// [--faults N] [--quick] [--package FOLDER] [--keep FOLDER] [--json] [--no-shrink] [--seed 7 --replay FAULTS]
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { scheduleOf } from './chaos/schedule.js';
import { shrink } from './chaos/shrink.js';
import { tableOf } from './chaos/table.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1-40' },
    seed: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    faults: { type: 'string' },
    parallel: { type: 'string', default: '2' },
    settle: { type: 'string', default: '12' },
    package: { type: 'string', default: resolve(import.meta.dirname, '..') },
    keep: { type: 'string' },
    replay: { type: 'string' },
    only: { type: 'string' },
    tries: { type: 'string', default: '12' },
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    'no-shrink': { type: 'boolean' },
  },
});

/** Plays one round as the first program of name spaces of its own; answers its row. */
function play(schedule, settle = values.quick ? 0 : Number(values.settle) * 1000) {
  const options = { schedule, folder: values.package, settle, keep: values.keep };
  const spaces = ['--mount', '--net', '--pid', '--ipc', '--fork', '--mount-proc', '--kill-child=SIGKILL'];
  // The shell is the first process: it reaps those whose parents are gone, as an init does.
  const inner = [
    'sh',
    '-c',
    '"$@"; exit $?',
    'sh',
    process.execPath,
    join(import.meta.dirname, 'chaos/round.js'),
    JSON.stringify(options),
  ];
  const child = spawn('unshare', [...spaces, ...inner], { stdio: ['ignore', 'pipe', 'inherit'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), (schedule.seconds + 400) * 1000);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  return new Promise((done) =>
    child.once('close', (code) => {
      clearTimeout(timer);
      const last = text.trim().split('\n').at(-1);
      done(
        code === 0 && last
          ? JSON.parse(last)
          : {
              seed: schedule.seed,
              right: false,
              broken: { driver: [`the round ended with exit code ${code}`] },
            },
      );
    }),
  );
}

/** The first few of what is broken, for who waits at the terminal. */
const wordsOf = (broken) =>
  Object.entries(broken)
    .filter(([, list]) => list.length > 0)
    .map(
      ([name, list]) =>
        `  ${name} ${list.length}: ${list
          .slice(0, 4)
          .map((text) => text.slice(0, 400))
          .join('\n    ')}`,
    )
    .join('\n');

const seedsOf = (text) =>
  text.split(',').flatMap((part) => {
    const [from, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_unused, index) => from + index);
  });

function scheduleFor(seed) {
  const seconds = values.quick ? 8 : Number(values.seconds);
  const schedule = scheduleOf(seed, { seconds, ...(values.faults && { faults: Number(values.faults) }) });
  if (values.replay) Object.assign(schedule, { faults: JSON.parse(values.replay) });
  if (values.only) schedule.faults = schedule.faults.filter(({ kind }) => new RegExp(values.only).test(kind));
  return schedule;
}

const seeds = seedsOf(values.seed ?? (values.quick ? '4' : values.seeds));
const waiting = [...seeds];
const rows = [];
await Promise.all(
  Array.from({ length: Math.min(Number(values.parallel), seeds.length) }, async () => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      const schedule = scheduleFor(seed);
      const row = await play(schedule);
      row.faults = schedule.faults;
      rows.push(row);
      process.stderr.write(`seed ${seed}: ${row.right ? 'right' : `BROKEN\n${wordsOf(row.broken)}`}\n`);
      if (row.right || values.replay || values['no-shrink']) continue;
      const least = await shrink(schedule, row, (smaller) => play(smaller), Number(values.tries));
      process.stderr.write(
        `node proof/chaos.js --seed ${seed} --seconds ${schedule.seconds} --replay ` +
          `'${JSON.stringify(least)}'\n`,
      );
    }
  }),
);
rows.sort((a, b) => a.seed - b.seed);
process.stdout.write(values.json ? `${JSON.stringify(rows)}\n` : tableOf(rows));
process.exit(rows.every(({ right }) => right) ? 0 : 1);
