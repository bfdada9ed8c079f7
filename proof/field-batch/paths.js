// Folders as people name them, and what stays on nodes.
import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { queue } from '../batch/scene.js';
import { sleep, until } from '../bed.js';

const names = ['a b', "it's", 'do"uble', '$HOME x', 'back\\slash', 'co:lon', 'ü#&;'];

/**
 * Profile, work folder, current folder and interpreter below a folder of that name: it works, or is refused
 * before anything is submitted.
 */
async function inFolder(scene, name, launcher) {
  const folder = join(scene.folder, name);
  for (const part of ['', 'ipython', 'work', 'cwd']) {
    mkdirSync(join(folder, part), { recursive: true });
    chownSync(join(folder, part), scene.user.uid, scene.user.gid);
  }
  symlinkSync('/usr/bin/python3', join(folder, 'python'));
  const { code, out, wrong } =
    await scene.shell(`cd "$ODD/cwd" && export IPYTHONDIR="$ODD/ipython" IPCLUSTER_WORK_DIR="$ODD/work"
ipcluster start --launcher ${launcher} -n 1 -d || exit 9
ipcluster exec 'console.log(process.cwd())'
ipcluster engines add -n 1 --engine python --python "$ODD/python"
ipcluster exec -t 1 'import sys; print("by", sys.executable)'
ipcluster stop`);
  return { code, out, wrong };
}

/** All of the names with that launcher. */
const allNames = (launcher) => async (scene) => {
  for (const name of names) {
    scene.env.ODD = join(scene.folder, name);
    const { code, out, wrong } = await inFolder(scene, name, launcher);
    if (launcher === 'slurm' && name.includes('\\')) {
      scene.is(`${name}: refused`, wrong, /backslash/);
      continue;
    }
    scene.is(`${name}: code`, `${code} ${code === 0 ? '' : `${out} ${wrong}`}`.trim(), '0');
    scene.is(`${name}: current folder`, out.includes(join(scene.env.ODD, 'cwd')), true);
    // IPython itself cannot have a profile there.
    if (name.includes('$'))
      scene.is(`${name}: Python`, wrong, /IPython takes the \$ in the profile's folder for a variable/);
    else scene.is(`${name}: interpreter`, /by \S/.test(out), true);
  }
};

const strays = () =>
  spawnSync('sh', ['-c', 'ls -d /tmp/ipcluster-[0-9]*/* /dev/shm/ipcluster-[0-9]*/* 2>/dev/null'], {
    encoding: 'utf8',
  }).stdout.trim();

/** Work folders alone, with more of what a line of a script could take for something else. */
const odd = ['a b', "it's", 'q"q', 'd$x', 'c:d', 'k,l', 'ü', 'h#h', 's*?[x]', 'p%jq', '-dash'];

export const rows = [
  {
    entry: 'F16 a work folder with blanks, quotes, $, \\, :, comma, ü, #, %, on Slurm',
    bed: 'slurm',
    expected: 'two engines in each, the backslash refused by name',
    async run(scene) {
      for (const name of odd) {
        const { engines, error } = await scene.start('-n', '2', '--work-dir', join(scene.folder, 'w', name));
        scene.is(name, engines ?? error?.message, 2);
        await scene.run('stop');
      }
      const { error } = await scene.start('-n', '2', '--work-dir', join(scene.folder, 'w', 'b\\s'));
      scene.is(
        'b\\s',
        `${error?.code} ${error?.message}`,
        /^USAGE Slurm writes no output into a folder with a backslash/,
      );
    },
  },
  {
    entry: 'paths with blanks, quotes, $, \\ and : here',
    bed: 'none',
    expected: 'engines run there',
    run: allNames('local'),
  },
  {
    entry: 'paths with blanks, quotes, $, \\ and : in Slurm',
    bed: 'slurm',
    expected: 'engines run there, or the folder is refused by name',
    run: allNames('slurm'),
  },
  {
    entry: 'nothing of ours stays in /tmp and /dev/shm of nodes',
    bed: 'slurm',
    expected: 'nothing after stop, after scancel, and after a supervisor was killed',
    async run(scene) {
      await scene.start('-n', '2');
      await scene.run('exec', 'process.pid');
      await scene.run('stop');
      scene.is('after stop', strays(), '');
      await scene.start('-n', '2');
      spawnSync('scancel', [queue()[0]?.split(' ')[0] ?? '']);
      await until(() => queue().length === 0, 20_000);
      await scene.run('stop');
      scene.is('after scancel', strays(), '');
      await scene.start('-n', '2');
      const supervisor = spawnSync('pgrep', ['-u', 'hpc', '-f', 'ipengine'])
        .stdout.toString()
        .trim()
        .split('\n')
        .map(Number);
      for (const pid of supervisor) process.kill(pid, 'SIGKILL');
      await until(() => queue().length === 0, 20_000);
      await scene.run('stop');
      await sleep(100);
      scene.is('after kill -9 of the supervisor', `${supervisor.length > 0} ${strays()}`, 'true ');
    },
  },
  {
    entry: 'a stop that could not make sure',
    bed: 'slurm',
    expected: 'exit code 1, and the cluster with its job is still on the list; a later stop ends it',
    async run(scene) {
      await scene.start('-n', '1');
      scene.wrap('scancel', 'echo "scancel: error: Unable to contact slurm controller" >&2; exit 1');
      scene.wrap(
        'squeue',
        'echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2; exit 1',
      );
      const { code } = await scene.run('stop');
      scene.is('exit code', code, 1);
      scene.is('list', (await scene.run('list')).out, /default/);
      scene.unwrap('scancel');
      scene.unwrap('squeue');
      scene.is('later', (await scene.run('stop')).code, 0);
      scene.is('queue', queue().length, 0);
    },
  },
];
