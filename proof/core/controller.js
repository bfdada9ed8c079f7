// What the controller does for many tasks, and for those that misuse it.
import { readFileSync } from 'node:fs';
import { Client } from '../../dist/index.js';
import { cpuOf, memoryOf } from '../bed.js';
import { sleep } from './scene.js';

/** Milliseconds for what a function does, and its answer. */
async function timed(action) {
  const begin = performance.now();
  const value = await action();
  return { seconds: (performance.now() - begin) / 1000, value };
}
const noop = () => 0;

/** So many tasks, each after the one before. */
function chain(client, count, first) {
  const tasks = [first];
  for (let index = 1; index < count; index++)
    tasks.push(client.balanced({ after: tasks[index - 1] }).apply(noop));
  return Promise.allSettled(tasks);
}

export const rows = [
  {
    name: 'the first of a chain of 5,000 fails',
    expected: 'all 5,000 settle, the others with DEPENDENCY; the engines stay',
    async run(scene) {
      const settled = await scene.ends(
        chain(
          scene.client,
          5000,
          scene.client.balanced().apply(() => {
            throw new Error('no');
          }),
        ),
        60_000,
      );
      scene.is('settled', settled.length, 5000);
      scene.is(
        'of them DEPENDENCY',
        settled.filter?.(({ reason }) => reason?.code === 'DEPENDENCY').length,
        4999,
      );
      await scene.answers();
    },
  },
  {
    name:
      '10,000 tasks: with targets, a chain, one after all of them, all after one, all after ' +
      'one that fails',
    expected: 'seconds like those of plain ones (at most ten times), no walk through what waits',
    async run(scene) {
      const { client } = scene;
      const count = 10_000;
      const many = (options, make = noop) =>
        Promise.allSettled(Array.from({ length: count }, () => client.balanced(options).apply(make)));
      const plain = (await timed(() => many({}))).seconds;
      const cases = {
        'with targets': () => many({ targets: [0, 1] }),
        chain: () => chain(client, count, client.balanced().apply(noop)),
        'one after all': async () => {
          const first = Array.from({ length: count }, () => client.balanced().apply(noop));
          await client.balanced({ after: first }).apply(noop);
        },
        'all after one': () => many({ after: client.balanced().apply(noop) }),
        'all after one that fails': () =>
          many({
            after: client.balanced().apply(() => {
              throw new Error('no');
            }),
          }),
      };
      scene.seen.push(`plain: ${plain.toFixed(1)} s`);
      for (const [name, action] of Object.entries(cases)) {
        const { seconds } = await timed(action);
        scene.seen.push(`${name}: ${seconds.toFixed(1)} s`);
        if (seconds > 10 * plain)
          scene.wrong(`${name} takes ${seconds.toFixed(1)} s beside ${plain.toFixed(1)} s`);
      }
    },
  },
  {
    controller: ['--queue-tasks', '1000'],
    name: 'a client over the limit of the queue (1,000), whose first task never ends',
    expected: 'its status and cancel are answered, and another client works',
    async run(scene) {
      const { client } = scene;
      const results = Array.from({ length: 1500 }, () =>
        client.balanced().apply(async () => new Promise((done) => setTimeout(done, 30_000))),
      );
      for (const result of results) result.then(undefined, () => {});
      await sleep(500);
      scene.is('status', typeof (await scene.ends(client.status(), 5000)), 'object');
      scene.is(
        'cancel',
        typeof (await scene.ends(client.cancel(results.flatMap(({ ids }) => ids)), 30_000)),
        'object',
      );
      scene.is(
        'another',
        await scene.ends(
          scene.bed.connect().then(async (other) => {
            const value = await other.balanced().apply(() => 1);
            await other.close();
            return value;
          }),
        ),
        1,
      );
    },
  },
  {
    name: 'an idle controller with 100,000 records',
    expected: 'at most a hundredth of a core in 20 s',
    async run(scene) {
      for (let round = 0; round < 10; round++)
        await Promise.all(Array.from({ length: 10_000 }, () => scene.client.balanced().apply(noop)));
      await sleep(3000);
      const pid = scene.bed.pidOf('ipcontroller');
      const before = cpuOf(pid);
      await sleep(20_000);
      const share = (cpuOf(pid) - before) / 20;
      scene.seen.push(`${(share * 100).toFixed(2)} % of a core, ${Math.round(memoryOf(pid) / 1e6)} MB`);
      if (share > 0.01) scene.wrong('more than 1 %');
    },
  },
  {
    name: 'one client sends parts that are no JSON, dates that are objects, prototype names',
    expected: 'query, status and watchers of others go on; the store stays on disk',
    async run(scene) {
      const other = await Client.connect({ file: scene.bed.path('security', 'ipcontroller-client.json') });
      for (const label of ['__proto__', 'constructor', 'toString'])
        await scene.ends(other.balanced({ label }).apply(noop), 5000);
      await other.close();
      scene.is('query', Array.isArray(await scene.ends(scene.client.query({}))), true);
      scene.is('the store', (await scene.client.status()).controller.store, /^(?!memory)/);
      readFileSync(scene.bed.path('default', 'registered.json'));
    },
  },
  {
    name: 'both engines are given up after crashes, with 400 tasks',
    expected: 'every task ends with a value or an error that says why',
    async run(scene) {
      const results = Array.from({ length: 400 }, (_unused, index) =>
        scene.client.balanced().apply((bad) => (bad ? process.exit(1) : 1), index % 80 === 5),
      );
      const settled = await scene.ends(Promise.allSettled(results), 150_000);
      scene.is('settled', Array.isArray(settled) ? settled.length : settled, 400);
    },
  },
];
