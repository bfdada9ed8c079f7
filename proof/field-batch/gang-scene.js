// What an operator breaks on one node of a gang, and takes back; and the moment in which that shows.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { until } from '../bed.js';
import { operator } from './operator.js';

export const state = process.env.BED_STATE ?? '/tmp/ipcluster-bed-slurm';
const pidOf = (node) => Number(readFileSync(`${state}/slurmd.${node}.pid`, 'utf8'));

/** Starts the daemon of a node again, whatever it ran in before, and waits until jobs may run there. */
export async function restore(node) {
  await endDaemon(node);
  spawnSync('slurmd', ['-N', node], { stdio: 'ignore' });
  await until(
    () =>
      spawnSync('sinfo', ['-h', '-n', node, '-o', '%t'], { encoding: 'utf8' }).stdout.includes('idle') ||
      resume(node),
    20_000,
  );
}

const resume = (node) =>
  void spawnSync('scontrol', ['update', `NodeName=${node}`, 'State=RESUME'], { stdio: 'ignore' });

export async function endDaemon(node, signal = 'SIGKILL') {
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
export async function seeing(node, script) {
  await endDaemon(node);
  spawnSync(
    'unshare',
    ['--mount', 'bash', '-c', `mount --make-rprivate /; ${script}; exec slurmd -N ${node}`],
    { stdio: 'ignore' },
  );
  await until(
    () =>
      spawnSync('sinfo', ['-h', '-n', node, '-o', '%t'], { encoding: 'utf8' }).stdout.includes('idle') ||
      resume(node),
    20_000,
  );
}

/** A prolog of the site for all nodes; takes it back afterwards. */
export async function withProlog(text, run, flags = '') {
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
export async function withLittleMemory(node, limit, run) {
  const group = '/sys/fs/cgroup/memory/ipcluster-bed';
  await endDaemon(node);
  mkdirSync(group, { recursive: true });
  writeFileSync(`${group}/memory.limit_in_bytes`, limit);
  try {
    spawnSync('bash', ['-c', `echo $$ >${group}/cgroup.procs; exec slurmd -N ${node}`], { stdio: 'ignore' });
    await until(
      () =>
        spawnSync('sinfo', ['-h', '-n', node, '-o', '%t'], { encoding: 'utf8' }).stdout.includes('idle') ||
        resume(node),
      20_000,
    );
    await run();
  } finally {
    await endDaemon(node);
    await until(() => readFileSync(`${group}/cgroup.procs`, 'utf8') === '', 5000);
    rmdirSync(group);
  }
}

const textOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/**
 * Whether it can be read somewhere that the node has failed: its own record, srun's words, or the log of
 * Slurm.
 */
function showsFailure(scene, node, logFrom) {
  const folder = scene.jobFolder();
  const records = folder
    ? readdirSync(folder)
        .filter((name) => /^node-\d+\.json$/.test(name))
        .map((name) => textOf(join(folder, name)))
    : [];
  if (records.some((text) => text.includes(`"node":"${node}"`) && !text.includes('"exitCode":0')))
    return true;
  if (folder && new RegExp(`error: .*\\b${node}\\b`).test(textOf(join(folder, 'stderr')))) return true;
  return new RegExp(`failure on node ${node}\\b`).test(textOf(`${state}/log/slurmctld.log`).slice(logFrom));
}

/**
 * Runs `work` and watches for the moment in which a node's failure shows; answers the result and the seconds
 * from then to its end.
 */
export async function afterFailure(scene, node, work) {
  const logFrom = textOf(`${state}/log/slurmctld.log`).length;
  /** @type {number | undefined} */
  let shown;
  const timer = setInterval(() => {
    if (shown === undefined && showsFailure(scene, node, logFrom)) shown = performance.now();
  }, 50);
  try {
    const result = await work();
    return { result, seconds: shown === undefined ? undefined : (performance.now() - shown) / 1000 };
  } finally {
    clearInterval(timer);
  }
}
