// IPython's programs by hand in a job of PBS, as public recipes have them; engines are Python's, by a line in
// the user's ~/.profile.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onPbs, until } from './pbs-scene.js';
import { allFour, client, write } from './recipes.js';

const profile = (scene) => `export PATH="${scene.bin}:${scene.root}/bin:$PATH"
export IPCLUSTER_ENGINE=python IPCLUSTER_PYTHON=/usr/bin/python3
`;

/** Submits a job script as typed and waits for its end; answers what it printed. */
async function batch(scene, pbs, lines) {
  write(scene, '.profile', profile(scene));
  write(scene, 'bin/python', '#!/bin/sh\nexec /usr/bin/python3 "$@"\n');
  write(scene, 'work.py', client("profile='pbs'"));
  write(scene, 'job.pbs', `#!/bin/bash -l\n${lines}\n`);
  const { out, wrong } = await scene.shell('qsub job.pbs');
  await until(() => pbs.jobs()[0]?.state === 'ended', 150_000);
  const path = join(scene.folder, 'out.txt');
  return {
    submitted: out + wrong,
    exit: pbs.jobs()[0]?.exit,
    said: existsSync(path) ? readFileSync(path, 'utf8') : '',
  };
}

/** Nothing is left when PBS has ended the session, before anybody has cleaned up. */
async function nothingLeft(scene) {
  await until(() => scene.processes().length === 0, 20_000);
  scene.is('left by itself', scene.processes().length, 0);
  await scene.run('clean', '--profile', 'pbs');
}

const head = (scene, select) => `#PBS -N ipython
#PBS -l select=${select}
#PBS -l walltime=00:10:00
cd ${scene.folder}
exec >out.txt 2>&1
. ~/.profile
ipcontroller --ip='*' --profile=pbs --log-to-file &
sleep 6
`;

const recipe = (entry, select, engines, more = {}) => ({
  entry: `PBS by hand: ${entry}`,
  part: 'recipes',
  expected: 'the engines that were asked for, ten squares, exit code 0, nothing left',
  ...more,
  async run(scene, pbs) {
    const { exit, said } = await batch(
      scene,
      pbs,
      `${head(scene, select)}${engines}\nsleep 10\npython work.py`,
    );
    scene.is('client', said.match(/client: .*/)?.[0] ?? said.slice(-300), more.client ?? allFour);
    scene.is('exit code', exit, 0);
    await nothingLeft(scene);
  },
});

export const rows = onPbs([
  recipe(
    'pbsdsh -- bash -l -c ipengine on two hosts',
    '2:ncpus=2:mpiprocs=2',
    `pbsdsh -- bash -l -c '. ~/.profile; ipengine --profile=pbs' &`,
  ),
  recipe(
    'select=2:ncpus=4:mpiprocs=4, pbsdsh -- ipengine',
    '2:ncpus=4:mpiprocs=4',
    'pbsdsh -- /usr/bin/env IPCLUSTER_ENGINE=python IPCLUSTER_PYTHON=/usr/bin/python3 $(which ipengine) ' +
      '--profile=pbs --timeout=60 &\nsleep 10',
    { client: /client: 8 8 81\b/ },
  ),
  recipe(
    'mpirun ipengine',
    '1:ncpus=4:mpiprocs=4',
    'mpirun -np 4 --oversubscribe ipengine --profile=pbs --mpi=mpi4py &',
  ),
  recipe(
    'mpiexec -n 4 ipengine',
    '2:ncpus=2:mpiprocs=2',
    'mpiexec -n 4 --oversubscribe ipengine --profile=pbs --log-level=DEBUG &',
  ),
]);
