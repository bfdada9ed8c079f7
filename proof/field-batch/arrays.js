// Arrays that do not start as a whole: what runs is used, what waits is named, and the clock knows the one
// from the other.
import { queue } from '../batch/scene.js';
import { sleep, until } from '../bed.js';
import { inSmallPartition, operator, secondsOf, under } from './operator.js';

const elements = ['-n', '4', '--shape', 'array', '--ntasks-per-node', '1'];
const small = [...elements, '--partition', 'small'];
const stateOf = async (scene) =>
  (await scene.json('status')).jobs?.find(({ role }) => role === 'engines')?.state;
const listed = () => operator('squeue', '-h', '-r', '-u', 'hpc', '-o', '%i %T').split('\n').filter(Boolean);

async function goesOn(scene, waiting) {
  scene.is('status', await stateOf(scene), waiting);
  await scene.verdict(/Resources/.test(waiting) ? 'pending-resources' : 'limit');
  const { findings } = await scene.why();
  scene.is('named', findings[0]?.sentence, /^2 of 4 parts of the job \(2, 3\) have not begun\./);
  const { out } = await scene.run('map', '--', 'echo', '{}', ':::', '1', '2', '3');
  scene.is('map', out.trim().split('\n').sort().join(' '), '1 2 3');
}

export const rows = [
  {
    entry: 'F7 an array of four where two fit, and two are enough',
    bed: 'slurm',
    expected:
      'start returns with 2 engines; status "2 running, 2 queued (Resources)"; why pending-resources, ' +
      'parts 2 and 3',
    run: inSmallPartition(async (scene) => {
      const { result, seconds } = await secondsOf(() => scene.start(...small, '--min-engines', '2'));
      scene.is('engines', result.engines, 2);
      scene.check(`start takes less than 10 s, not ${seconds}`, seconds < 10);
      await sleep(1500);
      await goesOn(scene, '2 running, 2 queued (Resources)');
    }),
  },
  {
    entry: 'F7 an array of four under a QOS that lets two jobs run',
    bed: 'accounting',
    expected:
      'start returns with 2 engines; status "2 running, 2 queued (QOSMaxJobsPerUserLimit)"; why limit',
    run: under(
      ['sacctmgr', '-i', '-Q', 'modify', 'user', 'hpc', 'set', 'qos=normal,tiny'],
      ['sacctmgr', '-i', '-Q', 'modify', 'user', 'hpc', 'set', 'qos=normal'],
      async (scene) => {
        const { engines } = await scene.start(
          ...elements,
          '--qos',
          'tiny',
          '--time',
          '4m',
          '--min-engines',
          '2',
          '--controller',
          'here',
        );
        scene.is('engines', engines, 2);
        await sleep(1500);
        await goesOn(scene, '2 running, 2 queued (QOSMaxJobsPerUserLimit)');
      },
    ),
  },
  {
    entry: 'F7 an array of four where two fit, and all are wanted',
    bed: 'slurm',
    expected:
      'the clock (3 s) does not run for those that wait: the queue’s own limit (12 s) ends it, ' +
      'and names them',
    run: inSmallPartition(async (scene) => {
      const { result, seconds } = await secondsOf(() =>
        scene.start(...small, '--timeout', '3s', '--queue-timeout', '12s'),
      );
      scene.is('code', result.error?.code, 'QUEUE_TIMEOUT');
      scene.is(
        'message',
        result.error?.message,
        /2 running, 2 queued \(Resources\).*2 of 4 parts of the job \(2, 3\) have not begun\./,
      );
      scene.check(`it waits 12 s and more, not ${seconds}`, seconds > 12);
    }),
  },
  {
    entry: 'F7 elements come when those before them end',
    bed: 'slurm',
    expected: 'all four engines have been there; no element is lost',
    run: inSmallPartition(async (scene) => {
      await scene.start(...small, '--min-engines', '2');
      const { ids } = (await scene.json('status')).jobs.find(({ role }) => role === 'engines');
      operator('scontrol', 'update', 'PartitionName=small', 'Nodes=n4,n5');
      const came = await until(async () => (await scene.engines()) === 4, 30_000);
      scene.is('all come', came, true);
      scene.is('status', await stateOf(scene), 'running');
      scene.is('elements', listed().filter((line) => line.startsWith(ids[0])).length, 4);
    }),
  },
  {
    entry: 'F7 elements that wait are taken from the queue, and the rest is too few',
    bed: 'slurm',
    expected: 'the start is over within 5 s of the moment when Slurm is asked; it names the elements',
    run: inSmallPartition(async (scene) => {
      const starting = secondsOf(() => scene.start(...small, '--min-engines', '3', '--timeout', '60s'));
      await until(() => listed().filter((line) => line.endsWith('RUNNING')).length === 2, 20_000);
      await sleep(1000);
      const [id] = queue()[0].split(' ');
      const begin = performance.now();
      operator(
        'scancel',
        ...listed()
          .filter((line) => line.endsWith('PENDING'))
          .map((line) => line.split(' ')[0]),
      );
      const { result } = await starting;
      const seconds = (performance.now() - begin) / 1000;
      scene.is(
        'error',
        `${result.error?.code}: ${result.error?.message}`,
        /^JOB_FAILED: .*Only 2 of 4 engines can still come: elements ended \(others\)/,
      );
      scene.check(`it is over within 20 s, not ${seconds.toFixed(1)} (${id})`, seconds < 20);
    }),
  },
];
