// What user code may do to an engine: its own globals are its own, the kernel's stay whole.
import { sleep } from './scene.js';

/** Thrown things that are hard to describe, and built-ins that are no more what they were. */
const oddities = [
  "const e = new Error('m'); e.stack = 5; throw e",
  "const e = new Error('m'); e.name = 10n; throw e",
  "const e = new Error('m'); e.message = e; throw e",
  'throw { get message() { throw 1; } }',
  "throw { [Symbol.for('nodejs.util.inspect.custom')]() { throw 1; } }",
  'throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; } })',
  "Error.prepareStackTrace = () => { throw 1; }; throw new Error('m')",
  "Error.prepareStackTrace = () => []; throw new Error('m')",
];
const patches = [
  'Array.prototype.map = () => { throw 1; }',
  'Array.prototype.splice = () => { throw 1; }',
  'Array.prototype[Symbol.iterator] = () => { throw 1; }',
  'String.prototype.replace = () => { throw 1; }',
];
const declared = ['performance', 'Date', 'Buffer', 'JSON', 'clearTimeout', 'Atomics'].map(
  (name) => `let ${name} = 5; ${name}`,
);

export const rows = [
  {
    name: 'errors that are hard to describe',
    expected: 'an error each; the engine answers the next request, without a restart',
    async run(scene) {
      await scene.client.direct(0).execute('here = 1');
      for (const code of oddities) {
        scene.is(code, await scene.ends(scene.client.direct(0).execute(code), 8000), /^REMOTE/);
        scene.is('then', await scene.ends(scene.client.direct(0).pull('here'), 8000), 1);
      }
    },
  },
  {
    name: 'replaced built-ins',
    expected: 'the engine answers the next request, without a restart',
    async run(scene) {
      await scene.client.direct(0).execute('here = 1');
      for (const code of patches) {
        await scene.ends(scene.client.direct(0).execute(code), 8000);
        scene.is(
          code,
          await scene.ends(
            scene.client.direct(0).apply(() => globalThis.here + 1),
            8000,
          ),
          2,
        );
      }
      await scene.client.restartEngines([0]);
    },
  },
  {
    name: 'names of built-ins that are declared anew',
    expected: 'their value; the engine lives',
    async run(scene) {
      await scene.client.direct(0).execute('here = 1');
      for (const code of declared)
        scene.is(code, await scene.ends(scene.client.direct(0).execute(code), 8000), 5);
      scene.is('still the same engine', await scene.ends(scene.client.direct(0).pull('here'), 8000), 1);
      await scene.client.restartEngines([0]);
    },
  },
  {
    name: "import { setTimeout } from 'node:timers/promises', then commands with a limit",
    expected: 'the limit holds, no words of ours in the output',
    async run(scene) {
      await scene.client.direct(0).execute("import { setTimeout } from 'node:timers/promises'");
      const result = scene.client.direct(0).command(['sleep', '3'], { timeLimit: 500 });
      scene.is('timed out', (await scene.ends(result)).timedOut, true);
      scene.is(
        'quiet',
        (await scene.ends(scene.client.direct(0).command(['sleep', '3'], { timeLimit: 500, stream: false })))
          .timedOut,
        true,
      );
      scene.is('output', result.output, '');
      scene.is('apply', await scene.ends(scene.client.direct(0).apply(() => 1)), 1);
      await scene.client.restartEngines([0]);
    },
  },
  {
    name: '100 MB printed by one task, then another task',
    expected: 'what was dropped is said at the first; nothing of it at the second',
    async run(scene) {
      const first = scene.client.direct(0).apply(() => {
        for (let line = 0; line < 100_000; line++) process.stdout.write(`${'x'.repeat(1000)}\n`);
      });
      let heard = 0;
      const hearing = (async () => {
        for await (const { text } of first.outputs()) heard += text.length;
      })();
      await first;
      await hearing;
      const second = scene.client.direct(0).apply(() => console.log('second'));
      await second;
      await sleep(300);
      scene.is("the second's output", second.output, 'second\n');
      if (heard < 100_100_000)
        scene.is('the first says what is missing', first.output.slice(-300), /dropped|missing/);
    },
  },
  {
    name: 'a value of 2.2 GB as a result',
    expected: 'it arrives, or an error with the number and the limit',
    long: true,
    async run(scene) {
      const got = await scene.ends(
        scene.client.direct(0).apply(() => new Uint8Array(2_200_000_000)),
        120_000,
      );
      scene.is('it', got?.length === 2_200_000_000 ? 'arrived' : got, /^arrived$|TOO_LARGE|2[.,]?\d* ?G/);
      await scene.answers();
    },
  },
];
