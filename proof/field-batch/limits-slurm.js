// Limits that are really set on a Slurm with accounting: its word for each, and which of four a user is told.
// In some what the verdict advises is done, and must help.
import { execFileSync } from 'node:child_process';
import { until } from '../bed.js';
import { associationLimits, qosLimits } from './limits/slurm.js';

/** What tells the four apart: in the sentence, or in what is advised. */
const which = {
  wait: /[Ww]aits? (until|for)/,
  less: /Ask for (less|more)/,
  'no budget': /budget/,
  'never as asked': /never starts/,
};

const quiet = (...argv) =>
  execFileSync(argv[0], argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const sacctmgr = (...words) => quiet('sacctmgr', '-i', '-Q', ...words);
const reasons = () =>
  quiet('squeue', '-h', '-u', 'hpc', '-t', 'PD', '-o', '%j|%r')
    .split('\n')
    .flatMap((line) => (line.startsWith('ipc-') ? [line.slice(line.indexOf('|') + 1)] : []));

/** `MaxWall=5` as what takes it back: `MaxWall=-1`, `GrpTRES=cpu=-1`. */
const without = (limit) =>
  limit.startsWith('flags=') ? limit.replace('=', '-=') : limit.replace(/=\d+$/, '=-1');

/** Sets limits, each `what name set limit`, and answers how they are taken back. */
function set(limits) {
  if (!sacctmgr('-n', 'show', 'qos', 'limited')) {
    sacctmgr('add', 'qos', 'limited');
    sacctmgr('modify', 'user', 'hpc', 'set', 'qos=normal,limited');
  }
  const lines = limits.map((line) => line.split(' '));
  for (const words of lines) sacctmgr('modify', ...words);
  return () => {
    for (const words of lines) sacctmgr('modify', ...words.slice(0, -1), without(words.at(-1)));
  };
}

async function pendingWord(scene, row) {
  const child = scene.spawn('start', '--launcher', 'slurm', '-d', ...row.args);
  const over = new Promise((done) => child.once('close', done));
  await until(() => reasons().some((reason) => row.word.test(reason)) || child.exitCode !== null, 20_000);
  scene.is('Slurm says', reasons().find((reason) => row.word.test(reason)) ?? reasons().join(), row.word);
  const found = await scene.why();
  const suggestions = found.findings[0]?.suggestions ?? [];
  await row.meanwhile?.(scene, child, over);
  if (child.exitCode === null) child.kill('SIGINT');
  await over;
  return { ...found, suggestions };
}

async function refusedWord(scene, row) {
  const { error } = await scene.start(...row.args);
  scene.is('Slurm says', row.word.exec(error?.message ?? '')?.[0] ?? error?.message, row.word);
  return { code: error?.verdict, sentence: error?.message ?? '', suggestions: error?.suggestions ?? [] };
}

/** One limit as a row of the table. */
const rowOf = (row) => ({
  entry: row.name,
  part: 'limits',
  bed: 'accounting',
  expected: `${row.code}: ${row.which}${row.advice ? `; ${row.advice.join(' ')} works` : ''}`,
  quick: row.quick,
  async run(scene) {
    await row.before?.(scene);
    const takeBack = set(row.limits ?? []);
    try {
      const { code, sentence, suggestions } = await (row.refused ? refusedWord : pendingWord)(scene, row);
      scene.is('verdict', code, row.code);
      scene.is('told', `${sentence} ${suggestions.join(' ')}`, which[row.which]);
      if (!row.advice) return;
      await scene.run('stop');
      const { engines, error } = await scene.start(...row.advice);
      scene.is(row.advice.join(' '), engines ?? error?.message, row.engines ?? 2);
    } finally {
      await scene.run('stop');
      takeBack();
      await row.after?.(scene);
    }
  },
});

export const rows = [...associationLimits, ...qosLimits].map(rowOf);
