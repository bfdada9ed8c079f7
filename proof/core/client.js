// What the library promises to those who call it: values as they were sent, and an end of every request.
import { sleep } from './scene.js';

const filled = (length, value) => new Float64Array(length).fill(value);
/** On an engine: what an array holds, or that it is torn. */
const check = (array) => (array.every((x) => x === array[0]) ? array[0] : 'torn');

export const rows = [
  {
    name: 'direct([0, 0])',
    expected: 'an answer for each, or a sentence',
    async run(scene) {
      scene.is(
        'it',
        await scene.ends((async () => scene.client.direct([0, 0]).execute('1+1'))()),
        /^2,2$|USAGE/,
      );
    },
  },
  {
    name: 'gather of a number, of null, of nothing, of a map',
    expected: 'a sentence that names the value; the connection stays',
    async run(scene) {
      for (const code of ['x = 5', 'x = null', 'x = new Map()']) {
        await scene.client.direct('all').execute(code);
        scene.is(code, await scene.ends(scene.client.direct('all').gather('x')), /^[A-Z_]+: .*x/);
      }
      await scene.client.direct(0).execute('x = [1]');
      scene.is('one of two', await scene.ends(scene.client.direct('all').gather('x')), /^[A-Z_]+: /);
      await scene.answers();
    },
  },
  {
    name: 'one item of a map cannot be cloned, of 60 and of 2,000',
    expected: 'its error at its place, all others have their values',
    async run(scene) {
      for (const count of [60, 2000]) {
        const middle = Math.floor(count / 2);
        const items = Array.from({ length: count }, (_unused, index) => (index === middle ? () => 1 : index));
        const result = scene.client.balanced().map((x) => x, items);
        const settled = await scene.ends(result.settled());
        const bad = Array.isArray(settled)
          ? settled.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))
          : settled;
        scene.is(`errors of ${count}`, bad, [Math.floor(count / 2)]);
      }
    },
  },
  {
    name: 'cancel of a map of 300 slow items',
    expected: 'what has not begun never runs, and every part ends',
    async run(scene) {
      await scene.client.direct('all').execute('ran = 0');
      const result = scene.client.balanced().map(
        async (x) => {
          globalThis.ran += 1;
          await new Promise((done) => setTimeout(done, 50));
          return x;
        },
        Array.from({ length: 300 }, (_unused, index) => index),
      );
      result.then(undefined, () => {});
      while (result.progress.done < 20) await sleep(10);
      await result.cancel();
      const settled = await scene.ends(result.settled());
      scene.is('parts that ended', Array.isArray(settled) ? settled.length : settled, 300);
      await sleep(1000);
      const ran = (await scene.client.direct('all').pull('ran')).reduce((a, b) => a + b, 0);
      scene.is('items that ran, at most 100', ran <= 100, true);
    },
  },
  {
    name: 'close() while a map, a direct request and a watch are open',
    expected: 'all settle with CLOSED, the program ends by itself with its own exit code',
    async run(scene) {
      const { code, out, wrong } = await scene.program(
        `const map = client.balanced().map((x) => new Promise((done) => setTimeout(done, 30_000)), [...Array(50).keys()]);
         const direct = client.direct(0).execute('await new Promise((done) => setTimeout(done, 20_000))');
         const watch = (async () => { for await (const _ of client.watch()); })();
         const all = Promise.allSettled([map, direct, watch, map.settled()]);
         setTimeout(async () => { await client.close(); const ended = await all; console.log(ended.slice(0, 2).map(({ reason }) => reason?.code).join()); process.exitCode = 5; }, 500);`,
        15_000,
      );
      scene.is('it said', out.trim(), 'CLOSED,CLOSED');
      scene.is('its exit code', code, 5);
      if (wrong) scene.wrong(wrong.slice(0, 200));
      await scene.client.restartEngines('all');
    },
  },
  {
    name: 'stop, and kill -9 of the controller, while a program awaits a map in a try',
    expected: 'the catch block has the error; the program ends by itself',
    async run(scene) {
      for (const how of ['stop', 'kill']) {
        const running = scene.program(
          'try { await client.balanced().map((x) => new Promise((done) => setTimeout(done, 200)), ' +
            `[...Array(500).keys()]); } catch (error) { console.log('caught', error.code); }`,
        );
        await sleep(1500);
        if (how === 'stop') await scene.bed.run('stop');
        else process.kill(scene.bed.pidOf('ipcontroller'), 'SIGKILL');
        const { code, out } = await running;
        scene.is(
          `after ${how}`,
          [code, out.trim()],
          [0, out.includes('caught CLOSED') ? 'caught CLOSED' : 'caught UNREACHABLE'],
        );
        if (how === 'stop') await scene.start();
      }
    },
  },
  {
    name: 'one array that is filled anew in a loop, 60 KB to 4 MB, direct and balanced',
    expected: 'each task has what was there at its call',
    async run(scene) {
      for (const kilobytes of [60, 100, 900, 4000])
        for (const view of [scene.client.direct(0), scene.client.balanced()]) {
          const array = filled(kilobytes * 125, 0);
          const results = Array.from({ length: 40 }, (_unused, index) => {
            array.fill(index);
            return view.apply(check, array);
          });
          array.fill(-1);
          const got = await Promise.all(results);
          scene.is(`${kilobytes} KB, wrong ones`, got.filter((value, index) => value !== index).length, 0);
        }
    },
  },
  {
    name: 'an engine returns its own state array from 60 tasks',
    expected: 'each result is that of its task',
    async run(scene) {
      await scene.client.direct(0).execute('state = new Float64Array(125_000)');
      const results = Array.from({ length: 60 }, (_unused, index) =>
        scene.client.direct(0).apply((value) => globalThis.state.fill(value), index),
      );
      const got = await Promise.all(results);
      scene.is('wrong ones', got.filter((array, index) => check(array) !== index).length, 0);
    },
  },
  {
    name: 'views of 1,000 to 200,000 numbers, there and back',
    expected: 'byteOffset 0 and a buffer of their own, as structuredClone gives it',
    async run(scene) {
      for (const length of [10, 1000, 20_000, 200_000])
        for (const view of [scene.client.direct(0), scene.client.balanced()]) {
          const [offset, bytes, back] = await view.apply(
            (x) => [x.byteOffset, x.buffer.byteLength, x],
            filled(length, 1),
          );
          scene.is(
            `${length} there and back`,
            [offset, bytes, back.byteOffset, back.buffer.byteLength],
            [0, length * 8, 0, length * 8],
          );
        }
    },
  },
  {
    name: 'user code transfers what it was given, on the engine and on the client',
    expected: 'nobody else notices; query() goes on',
    async run(scene) {
      const moved = (x) => structuredClone(x, { transfer: [x.buffer] }).length;
      for (const view of [scene.client.direct(0), scene.client.balanced()])
        scene.is('it', await scene.ends(view.apply(moved, new Uint8Array(2000))), 2000);
      const results = await scene.client.balanced().map(
        (x) => new Uint8Array(2000).fill(x),
        Array.from({ length: 400 }, (_unused, index) => index % 200),
      );
      const sums = results.map((x) => {
        const [first] = x;
        structuredClone(x, { transfer: [x.buffer] });
        return first;
      });
      scene.is('results that were harmed', sums.filter((value, index) => value !== index % 200).length, 0);
      scene.is('query', Array.isArray(await scene.ends(scene.client.query({}))), true);
      await scene.answers();
    },
  },
  {
    name: 'thirty days as timeLimit, timeout, time limit of a command, waitForEngines, connect',
    expected: 'none of them fires at once',
    async run(scene) {
      const month = 30 * 86_400_000;
      scene.is(
        'timeLimit',
        await scene.ends(
          scene.client
            .balanced({ timeLimit: month })
            .apply(() => new Promise((done) => setTimeout(done, 200, 7))),
        ),
        7,
      );
      scene.is('timeout', await scene.ends(scene.client.balanced({ timeout: month }).apply(() => 8)), 8);
      scene.is(
        'command',
        (await scene.client.balanced().command(['sleep', '0.2'], { timeLimit: month })).exitCode,
        0,
      );
      scene.is(
        'quiet command',
        (await scene.client.balanced().command(['sleep', '0.2'], { timeLimit: month, stream: false }))
          .exitCode,
        0,
      );
      scene.is(
        'waitForEngines',
        await scene.ends(scene.client.waitForEngines(3, { timeout: month }), 1000),
        'HANGS',
      );
    },
  },
  {
    name: 'limits that are none: NaN, negative, fractions',
    expected: 'refused by name before anything is sent',
    async run(scene) {
      for (const wish of [
        { timeLimit: Number.NaN },
        { timeLimit: -1 },
        { retries: -1 },
        { retries: 1.5 },
        { priority: Number.NaN },
        { timeout: Number.NaN },
      ])
        scene.is(
          Object.entries(wish).join(),
          await scene.ends((async () => scene.client.balanced(wish).apply(() => 1))()),
          new RegExp(`^USAGE: .*${Object.keys(wish)[0]}`),
        );
    },
  },
  {
    name: 'the controller is killed when one of two supervisors has got a direct request, then --reuse',
    expected: 'an answer or an error for each engine',
    async run(scene) {
      await scene.bed.run('engines', 'add', '-n', '1');
      await scene.client.waitForEngines(3);
      const [first, second] = scene.bed.pidsOf('ipengine');
      process.kill(second, 'SIGSTOP');
      const asked = scene.client.direct('all').apply(() => new Promise((done) => setTimeout(done, 300, 1)));
      await sleep(200);
      process.kill(scene.bed.pidOf('ipcontroller'), 'SIGKILL');
      process.kill(second, 'SIGCONT');
      process.kill(first, 0);
      await scene.bed.run('start', '--reuse', '-n', '2', '-d');
      scene.is('it', await scene.ends(asked, 60_000), /^1,1,1$|ENGINE_DIED|REMOTE/);
    },
  },
];
