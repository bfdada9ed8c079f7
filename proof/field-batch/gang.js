// A gang of four of which one node fails, in six ways: the verdict names that node and quotes it, and the others work where they may.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { queue } from '../batch/scene.js';
import { sleep, until } from '../bed.js';
import { operator, secondsOf } from './operator.js';

const four = ['-n', '4', '--nodes', '4', '--ntasks-per-node', '1', '--timeout', '40s', '--', '-w', 'n[1-4]'];
const state = process.env.BED_STATE ?? '/tmp/ipcluster-bed-slurm';
const pidOf = (node) => Number(readFileSync(`${state}/slurmd.${node}.pid`, 'utf8'));

/** Starts the daemon of a node again, whatever it ran in before, and waits until jobs may run there. */
async function restore(node) {
  await endDaemon(node);
  spawnSync('slurmd', ['-N', node], { stdio: 'ignore' });
  await until(() => spawnSync('sinfo', ['-h', '-n', node, '-o', '%t'], { encoding: 'utf8' }).stdout.includes('idle') || resume(node), 20_000);
}

const resume = (node) => void spawnSync('scontrol', ['update', `NodeName=${node}`, 'State=RESUME'], { stdio: 'ignore' });

async function endDaemon(node, signal = 'SIGKILL') {
  if (!existsSync(`${state}/slurmd.${node}.pid`)) return;
  const pid = pidOf(node);
  try {
    process.kill(pid, signal);
  } catch {
    return;
  }
  await until(() => !existsSync(`/proc/${pid}`), 5000);
}

/** Runs the daemon of a node where `script` has changed what it sees of the disks. */
async function seeing(node, script) {
  await endDaemon(node);
  spawnSync('unshare', ['--mount', 'bash', '-c', `mount --make-rprivate /; ${script}; exec slurmd -N ${node}`], { stdio: 'ignore' });
  await until(() => spawnSync('sinfo', ['-h', '-n', node, '-o', '%t'], { encoding: 'utf8' }).stdout.includes('idle') || resume(node), 20_000);
}

/** A prolog of the site for all nodes; takes it back afterwards. */
async function withProlog(text, run, flags = '') {
  const [conf, prolog] = [`${state}/slurm.conf`, `${state}/prolog`];
  const before = readFileSync(conf, 'utf8');
  writeFileSync(prolog, `#!/bin/bash\n${text}\n`);
  chmodSync(prolog, 0o755);
  writeFileSync(conf, `${before}Prolog=${prolog}\n${flags}\n`);
  operator('scontrol', 'reconfigure');
  try {
    await run();
  } finally {
    writeFileSync(conf, before);
    operator('scontrol', 'reconfigure');
  }
}

/** The daemon of a node in a memory group that holds no more than that. */
async function withLittleMemory(node, limit, run) {
  const group = '/sys/fs/cgroup/memory/ipcluster-bed';
  await endDaemon(node);
  mkdirSync(group, { recursive: true });
  writeFileSync(`${group}/memory.limit_in_bytes`, limit);
  try {
    spawnSync('bash', ['-c', `echo $$ >${group}/cgroup.procs; exec slurmd -N ${node}`], { stdio: 'ignore' });
    await until(() => spawnSync('sinfo', ['-h', '-n', node, '-o', '%t'], { encoding: 'utf8' }).stdout.includes('idle') || resume(node), 20_000);
    await run();
  } finally {
    await endDaemon(node);
    await until(() => readFileSync(`${group}/cgroup.procs`, 'utf8') === '', 5000);
    rmdirSync(group);
  }
}

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
    // srun itself ends the step on all nodes when it cannot reach one of them.
    whole: true,
    words: /Task launch for .* failed on node n3/,
    around: async (_scene, run) => {
      await endDaemon('n3');
      await run();
    },
    after: 'n3',
    bound: 20,
    late: true,
  },
];

const quiet = (words) => words.filter((word) => word !== undefined);
const startArgs = ({ options = [] }, more = []) => quiet([...more, ...options, ...four]);

/** Without --min-engines: the start is over soon, and its verdict names the node and its words. */
async function endsSoon(scene, way) {
  const { result, seconds } = await secondsOf(() => scene.start(...startArgs(way)));
  scene.is('code', result.error?.code, 'JOB_FAILED');
  scene.is('verdict', result.error?.verdict, way.code);
  scene.is('message', result.error?.message, new RegExp(`On ${way.node}: .*${way.words.source}`));
  scene.is('seconds', seconds < (way.bound ?? 12) ? 'few' : seconds.toFixed(1), 'few');
  await scene.verdict(way.code, new RegExp(`On ${way.node}: .*${way.words.source}`));
}

/** With --min-engines 3: the others work, and `why` names the node. */
async function othersWork(scene, way) {
  const { result, seconds } = await secondsOf(() => scene.start(...startArgs(way, ['--min-engines', '3'])));
  scene.is('engines', result.engines, 3);
  scene.is('seconds', seconds < (way.bound ?? 12) ? 'few' : seconds.toFixed(1), 'few');
  const { out } = await scene.run('map', '--', 'echo', '{}', ':::', '1', '2', '3', '4', '5', '6');
  scene.is('map', out.trim().split('\n').sort().join(' '), '1 2 3 4 5 6');
  await sleep(1000);
  scene.is('running', queue().filter((line) => / RUNNING /.test(line)).length, 1);
  const { out: status } = await scene.run('status');
  scene.is('status', status.split('\n').filter((line) => line.startsWith('job: engines')).join(), `job: engines by slurm ${queue()[0]?.split(' ')[0]}: running, ${way.exit ? `${way.node} ended (exit code ${way.exit})` : `nothing began on ${way.node}`}`);
  await scene.verdict(way.code, new RegExp(`On ${way.node}: .*${way.words.source}`));
}

const play = (way, check) => async (scene) => {
  const around = way.around ?? ((_scene, run) => run());
  try {
    await around(scene, () => check(scene, way));
  } finally {
    await scene.run('stop');
    if (way.after) await restore(way.after);
  }
};

/** Three are there at first, until srun gives the fourth up and ends the step: then that is said. */
async function endsLater(scene, way) {
  const { engines } = await scene.start(...startArgs(way, ['--min-engines', '3']));
  scene.is('engines', engines, 3);
  scene.is('later', await until(async () => (await scene.engines()) === 0, 30_000), true);
  await scene.verdict(way.code, new RegExp(`On ${way.node}: .*${way.words.source}`));
}

/** The daemon of a node dies while all engines work: none of them is harmed, and what Slurm does then is said. */
async function outlivesDaemon(scene) {
  const { engines } = await scene.start(...four);
  scene.is('engines', engines, 4);
  try {
    await endDaemon('n3');
    await until(() => spawnSync('sinfo', ['-h', '-n', 'n3', '-o', '%t'], { encoding: 'utf8' }).stdout.includes('down'), 40_000);
    await sleep(3000);
    const left = await scene.engines();
    scene.is('at least three go on', left >= 3, true);
    const { out } = await scene.run('map', '--', 'echo', '{}', ':::', '1', '2', '3', '4', '5', '6');
    scene.is('map', out.trim().split('\n').sort().join(' '), '1 2 3 4 5 6');
    if (left < 4) await scene.verdict('node-failed', /n3/);
    else scene.is('why', (await scene.why()).findings.length, 0);
  } finally {
    await scene.run('stop');
    await restore('n3');
  }
}

/** Slurm itself ends the whole job where its Prolog fails: no engine is left, and that is said. */
const endsAll = (scene, way) => endsSoon(scene, { ...way, options: ['--min-engines', '3'] });

export const rows = [
  ...ways.flatMap((way) => [
  { entry: `F10 ${way.name}: all are needed`, part: 'gang', bed: 'slurm', expected: `over within 5 s; ${way.code}: On ${way.node}, and its words`, run: play(way, endsSoon) },
  { entry: `F10 ${way.name}: three are enough`, part: 'gang', bed: 'slurm', expected: way.whole ? 'Slurm ends the whole job: as before' : `three engines work; status and why (${way.code}) name ${way.node}`, run: play(way, way.late ? endsLater : way.whole ? endsAll : othersWork) },
]),
  {
    entry: 'F10 slurmd is killed on n3 while engines work',
    part: 'gang',
    bed: 'slurm',
    expected: 'the engines of the other nodes go on; a lost one is explained by node-failed and n3',
    run: outlivesDaemon,
  },
];
