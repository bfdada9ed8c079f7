// The end of a running job is moved by an administrator: tasks are given and withheld by the end that holds
// now.
import { sleep, until } from '../bed.js';
import { operator } from './operator.js';

/** Seconds until the first engine's job ends, as `status` knows it. */
async function left(scene) {
  const { engines = [] } = await scene.json('status');
  const ends = engines.flatMap(({ deadline }) => (deadline ? [Date.parse(deadline)] : []));
  return ends.length === 0 ? undefined : Math.round((Math.min(...ends) - Date.now()) / 1000);
}

const jobOf = async (scene) =>
  (await scene.json('status')).jobs.find(({ role }) => role === 'engines').ids[0];

/**
 * Runs a map that may wait for ever; answers what it printed within so many milliseconds, and how long that
 * took.
 */
async function mapFor(scene, time, ...words) {
  const child = scene.spawn('map', ...words);
  const begin = performance.now();
  let out = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  const over = new Promise((done) => child.once('close', done));
  await Promise.race([over, sleep(time)]);
  child.kill('SIGINT');
  await over;
  return { out: out.trim(), seconds: (performance.now() - begin) / 1000 };
}

export const rows = [
  {
    entry: 'F5 the limit of a running job is extended from 2 to 30 minutes',
    part: 'ends',
    bed: 'accounting',
    expected: 'status knows the new end within a minute; tasks of ten minutes are given; no minute is idle',
    async run(scene) {
      await scene.start('-n', '2', '--time', '2m');
      scene.is('end at first', (await left(scene)) <= 120, true);
      const early = await mapFor(scene, 4000, '--time-limit', '10m', '--', 'echo', '{}', ':::', 'x');
      scene.is('a task of 10 minutes waits', early.out, '');
      operator('scontrol', 'update', `jobid=${await jobOf(scene)}`, 'TimeLimit=30');
      const moved = performance.now();
      const { out } = await mapFor(scene, 60_000, '--time-limit', '10m', '--', 'echo', '{}', ':::', '1', '2');
      scene.is('tasks of 10 minutes', out.split('\n').sort().join(' '), '1 2');
      scene.is('within a minute', performance.now() - moved < 61_000, true);
      scene.is('end then', (await left(scene)) > 25 * 60, true);
    },
  },
  {
    entry: 'F5 the extension is used beyond the first end',
    part: 'ends',
    bed: 'accounting',
    expected:
      'tasks are withheld in the last of 2 minutes, given within a minute of the extension to 30, and ' +
      'given at 135 s: nothing idles for longer',
    async run(scene) {
      await scene.start('-n', '2', '--time', '2m');
      const begin = performance.now();
      await until(async () => (await left(scene)) < 55, 90_000);
      const late = await mapFor(scene, 3000, '--', 'echo', '{}', ':::', 'x');
      scene.is('a task in the last minute waits', late.out, '');
      operator('scontrol', 'update', `jobid=${await jobOf(scene)}`, 'TimeLimit=30');
      const { out: soon, seconds: waited } = await mapFor(scene, 60_000, '--', 'echo', '{}', ':::', '1', '2');
      scene.is('tasks after it', soon.split('\n').sort().join(' '), '1 2');
      scene.seen.push(`given after ${waited.toFixed(0)} s`);
      await sleep(Math.max(0, 135_000 - (performance.now() - begin)));
      const { out, seconds } = await mapFor(scene, 20_000, '--', 'echo', '{}', ':::', '1', '2');
      scene.is('tasks at 135 s', out.split('\n').sort().join(' '), '1 2');
      scene.is('seconds', seconds < 10, true);
      scene.is('engines', await scene.engines(), 2);
    },
  },
  {
    entry: 'F5 the limit of a running job is shortened from 60 to 2 minutes',
    part: 'ends',
    bed: 'accounting',
    expected:
      'status knows it within a minute; a task of 10 minutes is withheld and why says so; one of 5 s is ' +
      'done; the job ends as time-limit',
    async run(scene) {
      await scene.start('-n', '2', '--time', '1h');
      scene.is('end at first', (await left(scene)) > 50 * 60, true);
      operator('scontrol', 'update', `jobid=${await jobOf(scene)}`, 'TimeLimit=2');
      scene.is('known within a minute', await until(async () => (await left(scene)) <= 120, 60_000), true);
      const waiting = mapFor(scene, 9000, '--time-limit', '10m', '--', 'echo', '{}', ':::', 'x');
      await sleep(1500);
      await scene.verdict('time-left', /1 tasks wait although engines are idle/);
      const { out } = await mapFor(scene, 20_000, '--time-limit', '5s', '--', 'echo', '{}', ':::', '1', '2');
      scene.is('short tasks', out.split('\n').sort().join(' '), '1 2');
      scene.is('a task of 10 minutes', (await waiting).out, '');
      scene.is('all end', await until(async () => (await scene.engines()) === 0, 150_000), true);
      await scene.verdict('time-limit', /time limit/);
    },
  },
];
