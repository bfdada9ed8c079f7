// Starts inside what somebody has already: steps, shells with half of an allocation's variables, long names
// of folders; and GPUs.
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { operator } from './operator.js';

const cluster =
  'ipcluster start -n 4 -d --timeout 20s; echo "start $?"; ipcluster map -- echo {} ::: 1 2 3 4 | sort ' +
  '| paste -sd" "; ipcluster stop >/dev/null 2>&1; echo "stop $?"';
const works = /start 0[\s\S]*^1 2 3 4$[\s\S]*stop 0/m;

/** A start inside something, at most 60 s. */
const inside =
  (before, after = '') =>
  async (scene) => {
    const { out, wrong } = await scene.shell(`${before} bash -c '${cluster}'${after}`, 90_000);
    scene.is('said', `${out}${works.test(out) ? '' : wrong}`, works);
  };

/** Four engines on the node with four GPUs, asked for with those words: each has one of its own. */
const gpus =
  (...words) =>
  async (scene) => {
    const { engines, error } = await scene.start('-n', '4', '--partition', 'gpu', '--', ...words);
    scene.is('engines', engines ?? error?.message, 4);
    const { out } = await scene.run('exec', 'process.env.CUDA_VISIBLE_DEVICES');
    const own = [...out.matchAll(/'(\d)'|^\[?\d+\]?:? *(\d)$/gm)].map(([, quoted, plain]) => quoted ?? plain);
    scene.is('devices', own.sort().join(' ') || out, '0 1 2 3');
  };

/** Takes the variables of an allocation out of a command's environment, but for its id. */
const only = (id) => `env SLURM_JOB_ID=${id}`;

async function withJob(scene, words, run) {
  const id = scene.asUser(
    'sbatch',
    '--parsable',
    '-J',
    'plain',
    '-o',
    '/dev/null',
    ...words,
    '--wrap',
    'sleep 300',
  );
  while (scene.asUser('squeue', '-h', '-j', id, '-o', '%T') !== 'RUNNING')
    await new Promise((done) => setTimeout(done, 200));
  try {
    await run(id);
  } finally {
    operator('scancel', id);
  }
}

/** A PATH without srun, in which everything else is. */
const noSrun =
  'mkdir -p tools; for file in /usr/bin/*; do ln -sf "$file" tools/; done; rm -f tools/srun; ' +
  'ipcluster=$(dirname $(command -v ipcluster)); export PATH="$ipcluster:$PWD/tools"';

const surroundings = [
  {
    entry: 'F3 start inside a step of salloc',
    expected: 'four engines work, all ends',
    quick: true,
    run: inside('salloc -Q -n 4 srun -n 1 -c 4'),
  },
  {
    entry: 'F3 start inside a step of srun alone',
    expected: 'four engines work, all ends',
    quick: true,
    run: inside('srun -n 1 -c 4'),
  },
  {
    entry: 'F3 start inside a step with --overlap',
    expected: 'four engines work, all ends',
    run: inside('salloc -Q -n 4 srun --overlap -n 1 -c 4'),
  },
  {
    entry: 'F3 start inside a step on two nodes',
    expected: 'four engines work, all ends',
    run: inside('salloc -Q -N 2 -n 4 srun -N 1 -n 1 -c 2'),
  },
  {
    entry: 'F13 a shell that names a job of two nodes by SLURM_JOB_ID alone',
    expected: 'Slurm is asked for the rest: engines on both nodes',
    async run(scene) {
      await withJob(scene, ['-N', '2', '-n', '4'], async (id) => {
        const { out, wrong } = await scene.shell(
          `export SLURM_JOB_ID=${id}; ` +
            `${cluster.replace('; ipcluster map', '; ipcluster status --json; ipcluster map')}`,
        );
        scene.is('said', works.test(out) ? 'four engines work' : out + wrong, 'four engines work');
        const nodes = [...out.matchAll(/"node":(\d)/g)].map(([, node]) => node);
        scene.is('nodes', nodes.sort().join(' '), '0 0 1 1');
      });
    },
  },
  {
    entry: 'F13 a shell that names a job that is over',
    expected: 'exit code 2, before anything is started; the job is named, and what to do',
    quick: true,
    async run(scene) {
      const id = scene.asUser(
        'sbatch',
        '--parsable',
        '-W',
        '-J',
        'plain',
        '-o',
        '/dev/null',
        '--wrap',
        'true',
      );
      const { out } = await scene.shell(`${only(id)} ipcluster start -n 2 -d 2>&1; echo "code $?"`);
      scene.is(
        'said',
        out,
        new RegExp(
          `SLURM_JOB_ID names the job ${id}, but this shell is not in its allocation, and it is ` +
            'COMPLETED[\\s\\S]*unset SLURM_JOB_ID[\\s\\S]*code 2',
        ),
      );
      const unknown = await scene.shell(`${only(999_999)} ipcluster start -n 2 -d 2>&1; echo "code $?"`);
      scene.is('unknown', unknown.out, /Slurm does not know it any more[\s\S]*code 2/);
    },
  },
  {
    entry: 'F13 an allocation of one node, and no srun on the PATH',
    expected: 'one node needs no srun: four engines work there',
    quick: true,
    run: inside(`salloc -Q -n 4 bash -c 'eval "$0"; exec "$@"' '${noSrun}'`),
  },
  {
    entry: 'F13 an allocation of two nodes, and no srun on the PATH',
    expected: 'exit code 2 and a sentence that names srun; nothing of a missing Node, no signal 127',
    quick: true,
    async run(scene) {
      const { out } = await scene.shell(
        `salloc -Q -N 2 -n 4 bash -c '${noSrun}; ipcluster start -n 4 -d 2>&1; echo "code $?"'`,
      );
      scene.is('said', out, /has several nodes, and there is no `srun` on the PATH[\s\S]*code 2/);
      scene.is('neither', /Node is not|signal/.test(out), false);
    },
  },
];

const folders = ['local', 'slurm'].map((launcher) => ({
  entry: `F12 a TMPDIR of 150 letters, --launcher ${launcher}`,
  expected: 'two engines work',
  quick: true,
  async run(scene) {
    const long = join(scene.folder, 'x'.repeat(75), 'y'.repeat(75));
    mkdirSync(long, { recursive: true });
    for (const path of [join(scene.folder, 'x'.repeat(75)), long])
      chownSync(path, scene.user.uid, scene.user.gid);
    scene.env.TMPDIR = long;
    const { engines, error } = await scene.json('start', '--launcher', launcher, '-n', '2', '-d');
    scene.is('engines', engines ?? error?.message, 2);
    const { out } = await scene.run('map', '--', 'echo', '{}', ':::', '1', '2');
    scene.is('map', out.trim().split('\n').sort().join(' '), '1 2');
  },
}));

const missing = {
  entry: 'F12 a TMPDIR that is not there',
  expected: 'two engines work, or a sentence that names TMPDIR',
  quick: true,
  async run(scene) {
    scene.env.TMPDIR = '/nonexistent';
    const { engines, error } = await scene.start('-n', '2');
    scene.is('engines', engines ?? error?.message, 2);
  },
};

const words = [
  ['--gpus-per-task=1'],
  ['--gpus=4', '--ntasks-per-gpu=1'],
  ['--gpus=4'],
  ['--gres=gpu:4'],
  ['--gpus-per-node=4', '--gpu-bind=single:1'],
  ['--gpus-per-node=4', '--cpus-per-gpu=1'],
  ['--gpus=4', '--mem-per-gpu=100M'],
];

export const rows = [
  ...surroundings,
  ...folders,
  missing,
  ...words.map((list) => ({
    entry: `F11 -- ${list.join(' ')}`,
    expected: 'each of four engines has a GPU of its own',
    quick: list.length === 1,
    run: gpus(...list),
  })),
].map((row) => ({ ...row, part: 'field', bed: 'slurm' }));
