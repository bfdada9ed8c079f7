// Grid Engine: arrays of which a part runs, jobs that stand still, and what people type by hand.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { admin, listed, rowOf, startAside, submitted, user } from '../batch/gridengine.js';
import { until } from '../bed.js';

const row = (entry, part, expected, run, undo) => rowOf({ entry, part, expected, run, undo });

const twoSlots = 'qconf -rattr queue slots 1 all.q';
const allSlots = 'qconf -rattr queue slots 16 all.q';
const jobsOf = async (scene) =>
  (await scene.json('status')).jobs
    ?.filter(({ role }) => role === 'engines')
    .map(({ state }) => state)
    .join();
const count = async (scene, ...args) => (await scene.json('status', ...args)).engines?.length ?? 0;

/** Lines of a shell, typed on the head with our programs on PATH. */
const typed = (scene, text) => user(scene, `export PATH=${scene.root}/bin:$PATH; ${text}`);

/** Each number once, by what the tasks themselves have written. */
const written = (scene) =>
  readFileSync(join(scene.folder, 'done'), 'utf8')
    .trim()
    .split('\n')
    .map(Number)
    .sort((a, b) => a - b)
    .join();
const numbers = (last) => Array.from({ length: last }, (_unused, index) => String(index + 1));

export const rows = [
  row(
    'F7 Grid Engine: two slots, four engines, all are wanted',
    'field',
    'those that wait are named with their reason, and come when there is room',
    async (scene) => {
      admin(twoSlots);
      const end = startAside(scene, '-n', '4', '--timeout', '20s');
      await submitted();
      scene.is('two come', await until(async () => (await count(scene)) === 2, 30_000), true);
      await until(async () => /queued/.test((await jobsOf(scene)) ?? ''), 15_000);
      scene.is('status', await jobsOf(scene), /^2 running, 2 queued \(not now: .*slots=0/);
      await scene.verdict(
        'pending-resources',
        /2 of 4 parts of the job \(3, 4\) have not begun\. All slots that it could have are taken/,
      );
      // Longer than --timeout, which is for engines that run.
      await new Promise((done) => setTimeout(done, 20_000));
      scene.is('they still work', await count(scene), 2);
      admin(allSlots);
      scene.is('engines', (await end()).engines, 4);
    },
    allSlots,
  ),
  row(
    'F7 Grid Engine: two slots, four engines, two are enough',
    'field',
    'two engines at once, and why says what the others wait for',
    async (scene) => {
      admin(twoSlots);
      scene.is('engines', (await scene.start('-n', '4', '--min-engines', '2')).engines, 2);
      await scene.verdict('pending-resources', /2 of 4 parts of the job \(3, 4\) have not begun/);
      admin(allSlots);
      scene.is('the others come', await until(async () => (await count(scene)) === 4, 40_000), true);
    },
    allSlots,
  ),
  row(
    'F14 Grid Engine: qmod -sj during a map',
    'field',
    'suspended, with qmod -usj J; afterwards each task once',
    async (scene) => {
      scene.is('engines', (await scene.start('-n', '4')).engines, 4);
      const id = listed(' ipc-')[0]?.split(' ')[0];
      const map = scene.run('map', '--', 'sh', '-c', 'echo {} >>done; sleep 1', ':::', ...numbers(24));
      await until(() => {
        try {
          return written(scene).length > 3;
        } catch {
          return false;
        }
      }, 20_000);
      user(scene, `qmod -sj ${id}`);
      scene.is('Grid Engine', await until(() => listed(`${id} s`).length === 4, 20_000), true);
      scene.is(
        'status',
        await until(async () => /^suspended/.test((await jobsOf(scene)) ?? ''), 15_000),
        true,
      );
      await scene.verdict('suspended', /The scheduler has suspended it/);
      const { findings } = await scene.why();
      scene.is('what to do', findings[0]?.suggestions?.[0], `Let it go on: \`qmod -usj ${id}\`.`);
      user(scene, `qmod -usj ${id}`);
      scene.is('map', (await map).code, 0);
      scene.is('tasks', written(scene), numbers(24).join());
    },
  ),
  row(
    'Grid Engine: a script with ipcontroller, and ipengine by qrsh on each slot',
    'recipes',
    'four engines on two hosts, and work',
    async (scene) => {
      writeFileSync(
        join(scene.folder, 'recipe.sh'),
        `#!/bin/bash
#$ -S /bin/bash
#$ -N recipe
#$ -pe mpi 4
#$ -cwd -V -j y
#$ -o recipe.out
profile=job_\${JOB_ID}
ipcontroller --ip="*" --profile=$profile --log-level=20 &
sleep 5
for host in $(awk '{ for (i = 0; i < $2; i++) print $1 }' $PE_HOSTFILE); do
  qrsh -inherit -nostdin -V $host ipengine --profile=$profile --timeout=60 &
done
wait
`,
      );
      const id = typed(scene, 'qsub -terse recipe.sh');
      const profile = ['--profile', `job_${id}`];
      scene.is('engines', await until(async () => (await count(scene, ...profile)) === 4, 60_000), true);
      const { engines = [] } = await scene.json('status', ...profile);
      scene.is('hosts', [...new Set(engines.map(({ host }) => host))].sort().join(), 'sge1,sge2');
      const { out } = await scene.run('map', ...profile, '--', 'echo', '{}', ':::', '1', '2', '3', '4');
      scene.is('map', out.trim().split('\n').sort().join(), '1,2,3,4');
      typed(scene, `qdel ${id}`);
      scene.is(
        'all ended',
        await until(() => listed(`${id} `).length === 0 && scene.processes().length === 0, 30_000),
        true,
      );
    },
  ),
  row(
    'Grid Engine: ipcontroller on the head, qsub -t 1-4 of ipengine --location',
    'recipes',
    'four engines, and work',
    async (scene) => {
      const profile = ['--profile', 'P'];
      typed(
        scene,
        `ipcontroller --ip='*' --profile=P >controller.out 2>&1 </dev/null & echo $! >controller.pid`,
      );
      const file = join(scene.env.IPYTHONDIR, 'profile_P/security/ipcontroller-engine.json');
      scene.is(
        'its file',
        await until(() => {
          try {
            return readFileSync(file).length > 0;
          } catch {
            return false;
          }
        }, 20_000),
        true,
      );
      const id = typed(
        scene,
        'qsub -terse -N recipe -b y -cwd -V -j y -o engines.out -t 1-4 $(which ipengine) --profile=P ' +
          '--location=$(hostname)',
      ).split('.')[0];
      scene.is('engines', await until(async () => (await count(scene, ...profile)) === 4, 60_000), true);
      const { out } = await scene.run('map', ...profile, '--', 'echo', '{}', ':::', '1', '2', '3', '4');
      scene.is('map', out.trim().split('\n').sort().join(), '1,2,3,4');
      scene.is(
        'what is ignored',
        /--location=sgehead means nothing here and is ignored/.test(
          readFileSync(join(scene.folder, 'engines.out'), 'utf8'),
        ),
        true,
      );
      typed(scene, `kill $(cat controller.pid)`);
      scene.is(
        'engines end with it',
        await until(() => listed(`${id} `).length === 0 && scene.processes().length === 0, 90_000),
        true,
      );
    },
  ),
];
