// A gang of four of which one node fails, in six ways: the verdict names that node and quotes it, and the others work where they may.
import { queue } from '../batch/scene.js';
import { sleep, until } from '../bed.js';
import { afterFailure, endDaemon, restore, seeing, withLittleMemory, withProlog } from './gang-scene.js';
import { secondsOf } from './operator.js';

export const four = ['-n', '4', '--nodes', '4', '--ntasks-per-node', '1', '--timeout', '40s', '--', '-w', 'n[1-4]'];

/** The ways in which one node fails: what happens there, and what must be said of it. */
const ways = [
  {
    name: 'the site’s Prolog fails on n3',
    node: 'n3',
    code: 'node-prolog',
    whole: true,
    words: /[Pp]rolog/,
    around: (scene, run) => withProlog('[ "$SLURMD_NODENAME" != n3 ] || { echo "no /scratch"; exit 1; }', run),
    after: 'n3',
  },
  {
    name: 'the site’s Prolog, run at the allocation, fails on n3',
    node: 'n3',
    code: 'node-prolog',
    whole: true,
    words: /Prolog/,
    around: (scene, run) => withProlog('[ "$SLURMD_NODENAME" != n3 ] || { echo "no /scratch"; exit 1; }', run, 'PrologFlags=Alloc'),
    after: 'n3',
  },
  {
    name: 'the user’s prologue fails on n3',
    node: 'n3',
    code: 'exited',
    exit: 3,
    words: /mount of \/data missing/,
    options: ['--prologue', '[ "$SLURMD_NODENAME" != n3 ] || { echo "mount of /data missing"; exit 3; }'],
  },
  {
    name: 'the folder of jobs is not mounted on n4',
    node: 'n4',
    code: 'folder-not-shared',
    exit: 127,
    words: /node\.sh: No such file or directory/,
    around: async (scene, run) => {
      await seeing('n4', `mount -t tmpfs none ${scene.folder}`);
      await run();
    },
    after: 'n4',
  },
  {
    name: 'Node is missing on n2',
    node: 'n2',
    code: 'node-missing',
    exit: 127,
    words: /cannot be run on/,
    around: async (scene, run) => {
      await seeing('n2', `mount --bind /dev/null ${process.execPath}`);
      await run();
    },
    after: 'n2',
  },
  {
    name: 'the supervisor on n3 is killed for its memory',
    node: 'n3',
    code: 'supervisor-killed',
    exit: 137,
    words: /killed by signal 9/,
    around: (scene, run) => withLittleMemory('n3', '24M', run),
    after: 'n3',
  },
  {
    name: 'slurmd is killed on n3 before the start',
    node: 'n3',
    code: 'launch-failed',
    words: /Task launch for .* failed on node n3/,
    around: async (_scene, run) => {
      await endDaemon('n3');
      await run();
    },
    after: 'n3',
    // srun waits for the daemon as long as MessageTimeout says, here 10 s.
    bound: 20,
    late: true,
  },
];

const quiet = (words) => words.filter((word) => word !== undefined);
const startArgs = ({ options = [] }, more = []) => quiet([...more, ...options, ...four]);

const advised = new Set(['node-prolog', 'launch-failed', 'folder-not-shared']);

/** Without --min-engines: the start is over soon after the failure shows, and its verdict names the node and its words. */
async function endsSoon(scene, way) {
  const { result, seconds } = await afterFailure(scene, way.node, () => scene.start(...startArgs(way)));
  scene.is('code', result.error?.code, 'JOB_FAILED');
  scene.is('verdict', result.error?.verdict, way.code);
  scene.is('message', result.error?.message, new RegExp(`On ${way.node}: .*${way.words.source}`));
  scene.seen.push(`over ${seconds?.toFixed(1)} s after it shows`);
  scene.is('within 5 s', seconds < 5, true);
  if (advised.has(way.code)) scene.is('advice', result.error?.suggestions?.[0], new RegExp(`^Start again without it: .ipcluster start --launcher slurm -n 4 -- --exclude=${way.node}.`));
  await scene.verdict(way.code, new RegExp(`On ${way.node}: .*${way.words.source}`));
}

const statusLine = async (scene) => {
  const { out } = await scene.run('status');
  return out.split('\n').filter((line) => line.startsWith('job: engines')).join();
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
  scene.is('status', await statusLine(scene), `job: engines by slurm ${queue()[0]?.split(' ')[0]}: running, ${way.exit ? `${way.node} ended (exit code ${way.exit})` : `nothing began on ${way.node}`}`);
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
 * Where a Prolog fails, slurmd asks for the job to be queued again, and ends it where that may not be, whatever --no-kill says (seen in
 * slurmctld's log: `Requeue … returned an error`, `REQUEST_KILL_JOB … uid 0`): no engine is left, and that is said.
 */
const endsAll = (scene, way) => endsSoon(scene, { ...way, options: [...(way.options ?? []), '--min-engines', '3'] });

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
    expected: way.whole ? 'slurmd itself ends the whole job: as before' : `three engines work; status and why (${way.code}) name ${way.node}`,
    run: play(way, kindOf(way)),
  },
]);
