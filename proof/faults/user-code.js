// What user code may do to its engine.
import { memoryOf, sleep, until } from '../bed.js';

/** Runs code on engine 0 and answers its value, or the message of its error. */
const run = (scene, code) =>
  scene.client
    .direct(0)
    .execute(code)
    .then(
      (value) => value,
      (error) => error.message,
    );

const total = (scene) => scene.bed.processes().reduce((sum, { pid }) => sum + memoryOf(pid), 0);

export const userCodeFaults = [
  {
    name: 'memory runs out in an engine',
    expected: 'the engine dies alone, its error says so, the other one works on',
    async run(scene) {
      await scene.start(2);
      const work = scene.work(200);
      const hog = scene.client.direct(0).execute('hoard = []; for (;;) hoard.push(new Array(1e6).fill({}));');
      const said = await hog.then(
        () => 'a value',
        (error) => error.message,
      );
      scene.check(`the error says why (${said})`, /out of memory/.test(said));
      scene.said.push(said.slice(0, 160));
      await work.settled();
      await scene.engines(2);
      await scene.says('why', /killed an engine because memory ran out|Memory ran out|started again \(1\)/);
    },
  },
  {
    name: 'a task starts 500 children',
    expected: 'they are there while it runs, and go with the engine',
    async run(scene) {
      await scene.start(1);
      await run(
        scene,
        "const { spawn } = require('node:child_process'); for (let i = 0; i < 500; i++) spawn('sleep', " +
          "['603'], { detached: i % 2 === 0 }).on('error', () => {}); 1",
      );
      const count = () => scene.bed.processes().filter(({ command }) => command === 'sleep 603').length;
      scene.check('500 are there', await until(() => count() === 500));
      await scene.bed.run('engines', 'restart', '0');
      scene.check(`none is left (${count()})`, count() === 0);
      await scene.says('status', /idle/);
    },
  },
  {
    name: 'process.exit in a balanced task',
    expected: 'after three engines it is given up with the evidence; other tasks are not lost',
    quick: true,
    async run(scene) {
      await scene.start(2);
      const work = scene.work(200);
      const bad = scene.client.balanced().apply(() => process.exit(3));
      const error = await bad.then(
        () => undefined,
        (failed) => failed,
      );
      scene.check(
        `EngineError with the exit code (${error?.message})`,
        /3 engines ended .*exit code 3/.test(error?.message ?? ''),
      );
      scene.said.push(error?.message ?? '');
      await work.settled();
      await scene.engines(2);
    },
  },
  {
    name: 'a floating rejection',
    expected: 'it is reported, and ends nothing',
    quick: true,
    async run(scene) {
      await scene.start(1);
      await scene.remember();
      const result = scene.client
        .direct(0)
        .execute(
          "Promise.reject(new Error('nobody awaits me')); setTimeout(() => { throw new Error('nor me'); " +
            '}, 10); await new Promise((r) => setTimeout(r, 100))',
        );
      await result;
      scene.check(
        'both are reported',
        await until(() => /nobody awaits me[\s\S]*nor me/.test(result.output), 3000),
      );
      scene.said.push(result.output.split('\n')[0]);
      await scene.remembers();
    },
  },
  {
    name: 'a stack overflow',
    expected: 'a RangeError, and the engine goes on',
    async run(scene) {
      await scene.start(1);
      await scene.remember();
      const said = await run(scene, '(function again() { again(); })()');
      scene.check(`RangeError (${said})`, /RangeError/.test(said));
      scene.said.push(said);
      await scene.remembers();
    },
  },
  {
    name: 'a result of 1 GiB',
    expected: 'it arrives',
    async run(scene) {
      await scene.start(1);
      const value = await scene.client
        .direct(0)
        .execute('new Uint8Array(2 ** 30).fill(7)')
        .then(
          (got) => got,
          (error) => error.message,
        );
      scene.check(
        `1 GiB arrives (${String(value.length ?? value).slice(0, 100)})`,
        value.length === 2 ** 30 && value[2 ** 30 - 1] === 7,
      );
      await scene.remember();
      await scene.remembers();
    },
  },
  {
    name: 'an endless print',
    expected: 'memory of all processes grows by less than 250 MB; an interrupt ends it',
    async run(scene) {
      await scene.start(1);
      await scene.remember();
      const before = total(scene);
      const flood = scene.client.direct(0).execute("for (;;) console.log('x'.repeat(1000));");
      flood.then(undefined, () => {});
      await sleep(5000);
      const grown = Math.round((total(scene) - before) / 1e6);
      scene.check(`memory is bounded (${grown} MB more)`, grown < 250);
      scene.said.push(`${grown} MB more after 5 s`);
      await scene.says('engines interrupt 0', /interrupted/);
      await scene.remembers();
    },
  },
  {
    name: 'a task that calls setsid, and its engine is killed',
    expected: 'what it started is found by its mark and ended',
    quick: true,
    async run(scene) {
      await scene.start(1);
      await run(
        scene,
        "require('node:child_process').spawn('setsid', ['sh', '-c', 'setsid sleep 604 & sleep 605'], { " +
          'detached: true }); 1',
      );
      const there = (seconds) => scene.bed.processes().some(({ command }) => command === `sleep ${seconds}`);
      scene.check('both sleep', await until(() => there(604) && there(605)));
      scene.kill('engine');
      scene.check('none sleeps', await until(() => !there(604) && !there(605), 2000));
      await scene.engines(1);
    },
  },
];
