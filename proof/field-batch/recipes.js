// Scripts for IPython's programs as people have them in their homes, run with ours in their place. Nothing is
// changed in them but names and the length of waits. Engines are Python's, by the one variable
// IPCLUSTER_ENGINE in the user's environment.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { queue } from '../batch/scene.js';
import { until } from '../bed.js';

/** A client of IPython's: how many engines, in how many processes, and ten squares from any of them. */
export const client = (profile) => `import os, sys, time
import ipyparallel as ipp
rc = ipp.Client(${profile})
end = time.time() + 30
while len(rc.ids) < 4 and time.time() < end: time.sleep(0.1)
pids = rc[:].apply_sync(os.getpid)
squares = rc.load_balanced_view().map_sync(lambda x: x * x, range(10))
print('client:', len(rc.ids), len(set(pids)), squares[-1])
`;
export const allFour = /client: 4 4 81\b/;

export function write(scene, name, text) {
  const path = join(scene.folder, name);
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}

/** A home in which IPython is installed, and its users' scripts. */
function home(scene, profile) {
  Object.assign(scene.env, { IPCLUSTER_ENGINE: 'python', IPCLUSTER_PYTHON: '/usr/bin/python3' });
  write(scene, 'bin/ipython', '#!/bin/sh\nexec /usr/bin/python3 -m IPython "$@"\n');
  write(scene, 'bin/python', '#!/bin/sh\nexec /usr/bin/python3 "$@"\n');
  write(scene, 'work.py', client(profile));
}

const textOf = (scene, name) =>
  existsSync(join(scene.folder, name)) ? readFileSync(join(scene.folder, name), 'utf8') : '';

/** Submits a script and waits for its end; answers what it printed. */
async function batch(scene, lines, ...words) {
  write(scene, 'job.sh', `#!/bin/bash\n${lines}\n`);
  const { code, wrong } = await scene.shell(`sbatch --wait -o out.txt ${words.join(' ')} job.sh`, 150_000);
  const out = textOf(scene, 'out.txt');
  return {
    code,
    out,
    wrong,
    said: [...out.matchAll(/^(client: .*|.*means nothing here.*|ipengine: .*|ipcontroller: .*)$/gm)]
      .map(([line]) => line)
      .join(' '),
  };
}

/** Nothing is left, before anybody has cleaned up. */
async function nothingLeft(scene, profile) {
  await until(() => scene.processes().length === 0 && queue().length === 0, 20_000);
  scene.is('left by itself', scene.processes().length + queue().length, 0);
  // What the scheduler ends by KILL cannot remove its sockets: the next one on that node does, or this.
  if (profile) await scene.run('clean', '--profile', profile);
}

export const rows = [
  {
    entry: 'sbatch: ipcontroller --ip=*, srun ipengine --location',
    part: 'recipes',
    bed: 'slurm',
    expected: 'four engines, ten squares, nothing left',
    async run(scene) {
      home(scene, "profile='mpi'");
      const { code, said } = await batch(
        scene,
        `#SBATCH -J cluster_ipython
#SBATCH -n 4
#SBATCH --time=00:05:00
echo "Launching controller"
ipcontroller --ip='*' --profile=mpi --log-to-file &
sleep 4
echo "Launching engines"
srun ipengine --profile=mpi --location=$(hostname) --log-to-file &
sleep 8
echo "Launching job"
python work.py
echo "Done!"`,
      );
      scene.is('client', said, allFour);
      scene.is('exit code', code, 0);
      await nothingLeft(scene);
    },
  },
  {
    entry: 'sbatch: ipython profile create --parallel, ipcontroller --init --sqlitedb --HeartMonitor.period',
    part: 'recipes',
    bed: 'slurm',
    expected: 'four engines, ten squares, nothing left; flags without meaning are named',
    async run(scene) {
      home(scene, "profile='job'");
      const { said } = await batch(
        scene,
        `#SBATCH --nodes=2 --ntasks-per-node=2 --time=00:05:00
export IPYTHONDIR="$(pwd)/.ipython"
export IPYTHON_PROFILE=job
ipython profile create --parallel --profile=\${IPYTHON_PROFILE} >/dev/null
ipcontroller --init --sqlitedb --ip='*' --profile=\${IPYTHON_PROFILE} --HeartMonitor.period=10000 --HeartMonitor.max_heartmonitor_misses=1500 --log-level=20 &
sleep 4
srun ipengine --profile=\${IPYTHON_PROFILE} --timeout=60 --log-level=DEBUG --debug &
sleep 8
python work.py
rm -rf .ipython/profile_job/db`,
      );
      scene.is('client', said, allFour);
      scene.is(
        'named',
        said,
        /--sqlitedb means nothing here.*--HeartMonitor.max_heartmonitor_misses=1500 means nothing here/,
      );
      await nothingLeft(scene);
    },
  },
  {
    entry: 'sbatch: mpirun ipengine --mpi=mpi4py',
    part: 'recipes',
    bed: 'slurm',
    expected: 'four engines that are ranks of one MPI job, nothing left',
    async run(scene) {
      home(scene, "profile='mpi'");
      write(
        scene,
        'work.py',
        `${client("profile='mpi'")}rank = lambda: ` +
          `__import__('mpi4py.MPI').MPI.COMM_WORLD.Get_rank()\nprint('client: ranks', ` +
          'rc[:].apply_sync(rank))\n',
      );
      const { said } = await batch(
        scene,
        `#SBATCH -N 1
#SBATCH -n 4
#SBATCH --time=00:05:00
ipcontroller --ip='*' --profile=mpi &
sleep 4
mpirun -n 4 --oversubscribe ipengine --profile=mpi --mpi=mpi4py &
sleep 8
python work.py`,
      );
      scene.is('client', said, /client: 4 4 81 client: ranks \[0, 1, 2, 3\]/);
      await nothingLeft(scene, 'mpi');
    },
  },
  {
    entry: 'ipcluster start --engines=MPI --n=4',
    part: 'recipes',
    bed: 'slurm',
    expected: 'four engines that are ranks, nothing left after `ipcluster stop`',
    async run(scene) {
      home(scene, "profile='mpi'");
      const { out, wrong } =
        await scene.shell(`ipcluster start --engines=MPI --n=4 --profile=mpi --daemonize=True --log-to-file=True -o args=--oversubscribe
python work.py
ipcluster stop --profile=mpi`);
      scene.is('client', `${out} ${wrong}`, allFour);
      scene.is('named', wrong, /--log-to-file=True means nothing here/);
      await nothingLeft(scene);
    },
  },
  {
    entry: 'an array of engines: sbatch --array --wrap "ipengine --profile-dir"',
    part: 'recipes',
    bed: 'slurm',
    expected: 'four engines; after `ipcluster stop` and scancel nothing is left',
    async run(scene) {
      home(scene, `connection_info='${scene.folder}/scratch/pypar/security/ipcontroller-client.json'`);
      const { out, wrong } = await scene.shell(`ipython profile create --profile-dir=scratch/pypar >/dev/null
ipcontroller --ip="*" --profile-dir=scratch/pypar >controller.log 2>&1 &
sleep 4
id=$(sbatch --parsable -o 'engine_%a.out' --array=1-4 --wrap 'ipengine --profile-dir=scratch/pypar --log-to-file')
python work.py
kill %1; wait
scancel $id`);
      scene.is('client', `${out} ${wrong}`, allFour);
      await nothingLeft(scene);
    },
  },
  {
    entry: 'salloc -n4: ipcluster start --launcher here; srun ipcluster engines',
    part: 'recipes',
    bed: 'slurm',
    expected:
      'four engines over the allocation, nothing left; `srun ipcluster engines` is refused with ' +
      'what to write',
    async run(scene) {
      home(scene, "profile='default'");
      const { out, wrong } = await scene.shell(`salloc -Q -n4 bash -c '
ipcluster start --launcher here -d
python work.py
srun -n1 --overlap ipcluster engines --n=4; echo "code $?"
ipcluster stop
ipcontroller --ip="*" >controller.log 2>&1 &
sleep 4
srun ipengine >engines.log 2>&1 &
sleep 8
python work.py
kill %1 %2; wait'`);
      scene.is('clients', [...out.matchAll(/client: .*/g)].join(), 'client: 4 4 81,client: 4 4 81');
      scene.is(
        'engines of IPython',
        `${out.match(/code \d+/)} ${wrong}`,
        /code 2.*ipcluster engines add -n N.*srun ipengine/s,
      );
      await nothingLeft(scene, 'default');
    },
  },
  {
    entry: 'ipcluster start --engines=Slurm --cluster-id --daemonize=True',
    part: 'recipes',
    bed: 'slurm',
    expected: 'four engines of a Slurm job, found by cluster_id; nothing left after `ipcluster stop`',
    async run(scene) {
      home(scene, "profile='slurm', cluster_id='run1'");
      const { out, wrong } = await scene.shell(`ipcluster profile create --parallel --profile=slurm >/dev/null
ipcluster start --n=4 --profile=slurm --cluster-id=run1 --engines=Slurm --controller=Local --SlurmLauncher.timelimit=00:10:00 --daemonize=True
squeue -h -o '%j %L'
python work.py
ipcluster stop --profile=slurm --cluster-id=run1`);
      scene.is('client', `${out} ${wrong}`, allFour);
      scene.is('queue', out, /^\S+ (10:00|9:\d\d)$/m);
      await nothingLeft(scene);
    },
  },
  {
    entry: 'ipcontroller --ssh, ipengine --url: tunnels of IPython',
    part: 'recipes',
    bed: 'none',
    expected: 'refused by name with what to write, exit code 2',
    quick: true,
    async run(scene) {
      const one = await scene.shell('ipcontroller --ssh=me@login1');
      const two = await scene.shell('ipengine --ssh=login1');
      const three = await scene.shell('ipengine --url=tcp://login1:5000');
      scene.is('codes', [one.code, two.code, three.code], [2, 2, 2]);
      scene.is(
        'words',
        one.wrong + two.wrong + three.wrong,
        /--ssh of IPython is not done here.*--controller-ip localhost.*--url of IPython is not done here/s,
      );
    },
  },
];
