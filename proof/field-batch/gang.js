// A gang of four of which one node fails, in six ways: the verdict names that node and quotes it, and the
// others work where they may.
import { queue } from '../batch/scene.js';
import { sleep, until } from '../bed.js';
import { afterFailure, restore } from './gang-scene.js';
import { ways } from './gang-ways.js';
import { secondsOf } from './operator.js';

export const four = [
  '-n',
  '4',
  '--nodes',
  '4',
  '--ntasks-per-node',
  '1',
  '--timeout',
  '40s',
  '--',
  '-w',
  'n[1-4]',
];

const quiet = (words) => words.filter((word) => word !== undefined);
const startArgs = ({ options = [] }, more = []) => quiet([...more, ...options, ...four]);

const advised = new Set(['node-prolog', 'launch-failed', 'folder-not-shared']);

/**
 * Without --min-engines: the start is over soon after the failure shows, and its verdict names the node and
 * its words.
 */
async function endsSoon(scene, way) {
  const { result, seconds } = await afterFailure(scene, way.node, () => scene.start(...startArgs(way)));
  scene.is('code', result.error?.code, 'JOB_FAILED');
  scene.is('verdict', result.error?.verdict, way.code);
  scene.is('message', result.error?.message, new RegExp(`On ${way.node}: .*${way.words.source}`));
  scene.seen.push(`over ${seconds?.toFixed(1)} s after it shows`);
  scene.is('within 5 s', seconds < 5, true);
  if (advised.has(way.code))
    scene.is(
      'advice',
      result.error?.suggestions?.[0],
      new RegExp(`^Start again without it: .ipcluster start --launcher slurm -n 4 -- --exclude=${way.node}.`),
    );
  await scene.verdict(way.code, new RegExp(`On ${way.node}: .*${way.words.source}`));
}

const statusLine = async (scene) => {
  const { out } = await scene.run('status');
  return out
    .split('\n')
    .filter((line) => line.startsWith('job: engines'))
    .join();
};

/** With --min-engines 3: the others work, and `why` names the node. */
async function othersWork(scene, way) {
  const { result, seconds } = await secondsOf(() => scene.start(...startArgs(way, ['--min-engines', '3'])));
  scene.is('engines', result.engines, 3);
  scene.is('seconds', seconds < (way.bound ?? 12) ? 'few' : seconds.toFixed(1), 'few');
  const { out } = await scene.run('map', '--', 'echo', '{}', ':::', '1', '2', '3', '4', '5', '6');
  scene.is('map', out.trim().split('\n').sort().join(' '), '1 2 3 4 5 6');
  if (way.late) await until(async () => (await statusLine(scene)).includes(way.node), 25_000);
  await sleep(1000);
  scene.is('engines still', await scene.engines(), 3);
  scene.is('running', queue().filter((line) => / RUNNING /.test(line)).length, 1);
  scene.is(
    'status',
    await statusLine(scene),
    `job: engines by slurm ${queue()[0]?.split(' ')[0]}: running, ` +
      `${way.exit ? `${way.node} ended (exit code ${way.exit})` : `nothing began on ${way.node}`}`,
  );
  await scene.verdict(way.code, new RegExp(`On ${way.node}: .*${way.words.source}`));
}

export const play = (way, check) => async (scene) => {
  const around = way.around ?? ((_scene, run) => run());
  try {
    await around(scene, () => check(scene, way));
  } finally {
    await scene.run('stop');
    if (way.after) await restore(way.after);
  }
};

/**
 * Where a Prolog fails, slurmd asks for the job to be queued again, and ends it where that may not be,
 * whatever --no-kill says (seen in slurmctld's log: `Requeue … returned an error`, `REQUEST_KILL_JOB … uid
 * 0`): no engine is left, and that is said.
 */
const endsAll = (scene, way) =>
  endsSoon(scene, { ...way, options: [...(way.options ?? []), '--min-engines', '3'] });

const kindOf = (way) => (way.whole ? endsAll : othersWork);

export const rows = ways.flatMap((way) => [
  {
    entry: `F10 ${way.name}: all are needed`,
    part: 'gang',
    bed: 'slurm',
    expected: `over within 5 s after it shows; ${way.code}: On ${way.node}, and its words`,
    run: play(way, endsSoon),
  },
  {
    entry: `F10 ${way.name}: three are enough`,
    part: 'gang',
    bed: 'slurm',
    expected: way.whole
      ? 'slurmd itself ends the whole job: as before'
      : `three engines work; status and why (${way.code}) name ${way.node}`,
    run: play(way, kindOf(way)),
  },
]);
