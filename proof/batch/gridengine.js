// The real Grid Engine of the bed, as its administrator and as its user see it.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep, until } from '../bed.js';

const enter = join(resolve(fileURLToPath(import.meta.url), '../../..'), 'test/beds/gridengine/enter');

/** Runs lines of a shell on the head as the administrator; answers what they print. */
export const admin = (script) => spawnSync(enter, ['bash', '-c', script], { encoding: 'utf8' }).stdout.trim();

/** Runs lines of a shell on the head as the user, in his folder; answers what they print, on both streams. */
export function user(scene, script) {
  const variables = Object.entries(scene.env).map(([key, value]) => `${key}=${value}`);
  const { stdout, stderr } = spawnSync(
    enter,
    ['-u', 'hpc', '/usr/bin/env', ...variables, 'bash', '-c', script],
    { encoding: 'utf8', cwd: scene.folder },
  );
  return `${stdout}${stderr}`.trim();
}

const edit = (show, change, file, key, value) =>
  `d=$(mktemp -d) && cd $d && ${show} | grep -v '^#' | sed 's#^${key} .*#${key} ${value}#' >${file} && ` +
  `${change} ${file}; rm -rf $d`;
/** A line of the cluster's configuration (sge_conf(5)), and of the scheduler's (sched_conf(5)). */
export const conf = (key, value) => edit('qconf -sconf', 'qconf -Mconf', 'global', key, value);
export const sched = (key, value) => edit('qconf -ssconf', 'qconf -Msconf', 'sched', key, value);
/** Adds something that is described by lines: `-Arqs`, `-Acal`, `-Au` … */
export const add = (flag, text) =>
  `f=$(mktemp) && printf '%s\\n' '${text.replaceAll('\n', "' '")}' >$f && qconf ${flag} $f; rm -f $f`;
export const quota = (name, limit) =>
  add('-Arqs', `{\nname ${name}\ndescription proof\nenabled TRUE\nlimit ${limit}\n}`);

/** Jobs that Grid Engine lists, `id state`, a line for each row of qstat. */
export const listed = (word = '') =>
  admin(`qstat -u '*' | awk 'NR > 2 { print $1, $5, $3 }'`)
    .split('\n')
    .filter((line) => line?.includes(word));

/** The id of the job of the engines that a start has submitted, when it is there. */
export async function submitted() {
  await until(() => listed(' ipc-').length > 0, 30_000);
  return listed(' ipc-')[0]?.split(' ')[0];
}

/** What Grid Engine itself says of a job: its state's letters, and the reasons that it gives. */
export const saidOf = (id) =>
  [
    listed(`${id} `)
      .map((line) => line.split(' ')[1])
      .join(' '),
    admin(`qstat -j ${id} | sed -n '/^error reason/p; /^scheduling info/,$p' | tr -s ' \\n' ' '`),
  ]
    .join(' ')
    .trim();

/** Starts engines in the background; answers how to wait for what the start says at its end. */
export function startAside(scene, ...args) {
  const child = scene.spawn('start', '--launcher', 'sge', '-d', '--json', ...args);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (err += chunk));
  const over = new Promise((done) => child.once('close', done));
  return async (bound = 120_000) => {
    await Promise.race([over, sleep(bound)]);
    child.kill('SIGKILL');
    try {
      return { ...JSON.parse(out.trim().split('\n').at(-1)), err };
    } catch {
      return { error: { code: 'NO_JSON', message: `${out} ${err}` }, err };
    }
  };
}

/** Nothing of ours may be left in Grid Engine after a row. */
async function nothingLeft(scene) {
  await scene.run('stop');
  await until(() => listed(' ipc-').length === 0, 20_000);
  scene.is('left in the queue', listed(' ipc-').join(), '');
  admin("qdel -u '*'; qdel -f -u '*'");
}

/**
 * A row on this bed: `set` is done before it as an administrator, `undo` whatever comes of it, and nothing
 * may be left then.
 */
export const rowOf = ({ set = 'true', undo = 'true', run, ...row }) => ({
  ...row,
  bed: 'gridengine',
  async run(scene) {
    admin(set);
    try {
      await run(scene);
    } finally {
      admin(undo);
      await nothingLeft(scene);
    }
  },
});
