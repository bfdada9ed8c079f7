// A gang of which other nodes fail than one in the middle, or later than at the start, or none at all.
import { spawnSync } from 'node:child_process';
import { until } from '../bed.js';
import { four } from './gang.js';
import { afterFailure, endDaemon, restore, withProlog } from './gang-scene.js';

const failing = (nodes) => [
  '--prologue',
  `case " ${nodes} " in *" $SLURMD_NODENAME "*) echo "mount of /data missing"; exit 3 ;; esac`,
];
const six = ['--', 'echo', '{}', ':::', '1', '2', '3', '4', '5', '6'];

async function works(scene) {
  const { out } = await scene.run('map', ...six);
  scene.is('map', out.trim().split('\n').sort().join(' '), '1 2 3 4 5 6');
}

/**
 * Which of the nodes fail, how many engines are enough, and how many there are then; none where the start
 * ends at once.
 */
const partly = (nodes, enough, engines) => async (scene) => {
  const [first, ...others] = nodes.split(' ');
  const { result, seconds } = await afterFailure(scene, first, () =>
    scene.start('--min-engines', String(enough), ...failing(nodes), ...four),
  );
  const names = [first, ...others].join(', ');
  if (engines > 0) {
    scene.is('engines', result.engines, engines);
    await works(scene);
  } else {
    scene.is('code', result.error?.code, 'JOB_FAILED');
    scene.seen.push(`over ${seconds?.toFixed(1)} s after it shows`);
    scene.is('within 5 s', seconds < 5, true);
  }
  await scene.verdict('exited', new RegExp(`On ${names}: .*exit code 3.*mount of /data missing`));
};

/**
 * The daemon of a node dies while all engines work: none of them is harmed, and what Slurm says of it is
 * told.
 */
async function outlivesDaemon(scene) {
  const { engines } = await scene.start(...four);
  scene.is('engines', engines, 4);
  try {
    scene.is('why before', (await scene.why()).findings.length, 0);
    await endDaemon('n3');
    const begin = performance.now();
    const stateOf = () =>
      spawnSync('sinfo', ['-h', '-n', 'n3', '-p', 'debug', '-o', '%T'], { encoding: 'utf8' }).stdout.trim();
    await until(() => /\*|down/.test(stateOf()), 60_000);
    scene.seen.push(`Slurm says ${stateOf()} after ${((performance.now() - begin) / 1000).toFixed(0)} s`);
    await scene.verdict('node-failed', /\bn3\b.*down/);
    scene.is('at least three go on', (await scene.engines()) >= 3, true);
    await works(scene);
  } finally {
    await scene.run('stop');
    await restore('n3');
  }
}

/** The Prolog of the first node fails, where the script itself would run. */
async function firstProlog(scene) {
  try {
    await withProlog('[ "$SLURMD_NODENAME" != n1 ] || { echo "no /scratch"; exit 1; }', async () => {
      const { result, seconds } = await afterFailure(scene, 'n1', () =>
        scene.start('--min-engines', '3', ...four),
      );
      scene.is('verdict', result.error?.verdict, 'node-prolog');
      scene.is('message', result.error?.message, /On n1: .*Prolog/);
      scene.seen.push(`over ${seconds?.toFixed(1)} s after it shows`);
      // Nothing of ours has run: the word is that of Slurm, which is asked every 2 s at first.
      scene.is('within 5 s and a question', seconds < 7, true);
    });
  } finally {
    await scene.run('stop');
    await restore('n1');
  }
}

/**
 * A step of the user's own holds all nodes of the allocation in which engines are to be; srun itself says so
 * after a minute (22.05).
 */
async function stepWaits(scene) {
  const job = [
    '#!/bin/bash',
    'srun --overcommit --mem=0 -N4 --ntasks-per-node=1 -c 16 sleep 60 &',
    'sleep 3',
    'timeout 50 ipcluster start --launcher here -n 4 --timeout 25s -d --json',
  ].join('\n');
  const { out, wrong } = await scene.shell(
    `printf '%s\n' '${job}' >job.sh; sbatch -W -N4 --ntasks-per-node=1 -c 16 --exclusive -w 'n[1-4]' -o ` +
      'said job.sh >&2; cat said',
    170_000,
  );
  const answer = out.split('\n').find((line) => line.startsWith('{')) ?? '{}';
  scene.is('verdict', JSON.parse(answer).error?.verdict ?? `${out} ${wrong}`, 'step-waits');
  scene.is(
    'message',
    JSON.parse(answer).error?.message,
    /other steps of the job run there: \d+\.0 sleep n\[1-4\]/,
  );
}

const row = (entry, expected, run) => ({ entry: `F10 ${entry}`, part: 'gang', bed: 'slurm', expected, run });

export const rows = [
  row(
    'slurmd is killed on n3 while engines work',
    'all engines go on; why names n3 with the word of Slurm',
    outlivesDaemon,
  ),
  row('two nodes fail, two are enough', 'two engines work; why names both nodes', partly('n2 n3', 2, 2)),
  row(
    'two nodes fail, three are needed',
    'over within 5 s after it shows; both nodes are named',
    partly('n2 n3', 3, 0),
  ),
  row('the first node fails, three are enough', 'three engines work; why names n1', partly('n1', 3, 3)),
  row('the Prolog of the first node fails', 'Slurm ends the job: node-prolog names n1', firstProlog),
  row(
    'a step holds what the engines’ step waits for',
    'step-waits, with the step that runs there',
    stepWaits,
  ),
];
