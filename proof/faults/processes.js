// Signals for engine, supervisor, controller and `start`; two of them at once.
import { sleep, until } from '../bed.js';
import { lease } from './scene.js';

const engineRuns = (scene) => until(() => scene.bed.pidOf('engine') > 0);
const alone = async (scene) => until(() => scene.bed.pidOf('ipcontroller') === -1);

/** Stops a process for longer than the lease, less than two, and lets it go again. */
async function freeze(scene, program) {
  const pid = scene.kill(program, 'SIGSTOP');
  const begin = performance.now();
  await scene.says('why', /\(pid \d+\) is stopped by a signal/);
  await sleep(1400 * lease - (performance.now() - begin));
  process.kill(pid, 'SIGCONT');
}

export const processFaults = [
  {
    name: 'kill -9 of an engine',
    expected: 'its tasks run elsewhere, it is started again under its id',
    quick: true,
    async run(scene) {
      await scene.start(2);
      const work = scene.work(300);
      await work.some(30);
      scene.kill('engine');
      await work.settled();
      await scene.engines(2);
      await scene.says('why', /Engine \d has been started again \(once\)/);
    },
  },
  {
    name: 'SIGSTOP of an engine for longer than the lease',
    expected: 'the others go on, its own task goes on afterwards, namespaces stay',
    async run(scene) {
      await scene.start(2);
      await scene.remember();
      const work = scene.work(200);
      await work.some(20);
      await freeze(scene, 'engine');
      await work.settled();
      await scene.remembers();
    },
  },
  {
    name: 'SIGTERM of an engine',
    expected: 'as kill -9: started again, nothing lost',
    async run(scene) {
      await scene.start(2);
      const work = scene.work(300);
      await work.some(30);
      scene.kill('engine', 'SIGTERM');
      await work.settled();
      await scene.engines(2);
      await scene.says('status', /idle .* 1(?= |$)/m);
    },
  },
  {
    name: 'kill -9 of a supervisor, another one is there',
    expected: 'its engines end with it, their tasks run on the other supervisor',
    async run(scene) {
      await scene.start(1);
      await scene.bed.run('engines', 'add', '-n', '1');
      const work = scene.work(200);
      await work.some(20);
      scene.kill('ipengine');
      await work.settled();
      await scene.engines(1);
      await scene.says('why', /(killed by SIGKILL|of 2 engines are registered)/);
    },
  },
  {
    name: 'SIGSTOP of a supervisor for longer than the lease',
    expected: 'its tasks go to others, it comes back with its namespaces, the first result counts',
    async run(scene) {
      await scene.start(1);
      await scene.bed.run('engines', 'add', '-n', '1');
      await scene.remember();
      const work = scene.work(300);
      await work.some(20);
      await freeze(scene, 'ipengine');
      await work.settled();
      await scene.engines(2);
      await scene.remembers();
    },
  },
  {
    name: 'SIGTERM of a supervisor',
    expected: 'it ends its engines, their tasks run elsewhere',
    async run(scene) {
      await scene.start(1);
      await scene.bed.run('engines', 'add', '-n', '1');
      const work = scene.work(200);
      await work.some(20);
      scene.kill('ipengine', 'SIGTERM');
      await work.settled();
      await scene.engines(1);
      await scene.says('why', /1 of 2 engines are registered/);
    },
  },
  {
    name: 'kill -9 of the controller, which is started again under 1,000 running tasks',
    expected: '1,000 results once, namespaces kept, clients go on',
    quick: true,
    async run(scene) {
      await scene.start(2);
      await scene.remember();
      const work = scene.work(1000, 5);
      await work.some(100);
      scene.kill('ipcontroller');
      await alone(scene);
      await scene.says('why', /wait for their controller to come back, until their lease ends/);
      await scene.says('start --reuse -n 2 -d', /2 of 2 engines came back to the new controller/);
      await work.settled();
      await scene.remembers();
    },
  },
  {
    name: 'kill -9 of the controller, nobody starts it again',
    expected:
      'everything is gone within two leases and 5 s, clients are told, and what was accepted is done ' +
      'after a later start --reuse',
    async run(scene) {
      await scene.start(1);
      const tasks = Array.from({ length: 20 }, (_unused, x) =>
        scene.client.balanced().apply((y) => new Promise((done) => setTimeout(done, 200, y)), x),
      );
      for (const task of tasks) task.then(undefined, () => {});
      await scene.client.accepted();
      scene.kill('ipcontroller');
      await scene.gone();
      await scene.says('start --reuse -n 2 -d', /2 engines in/);
      const again = await scene.bed.connect();
      const missing = async () =>
        (
          await Promise.all(tasks.map(async ({ ids: [id] }) => (await again.result(id)).answers.length))
        ).filter((count) => count === 0).length;
      await until(async () => (await missing()) === 0, 20_000);
      scene.lost += await missing();
      await again.close();
    },
  },
  {
    name: 'SIGSTOP of the controller for longer than the lease',
    expected: 'all find it again when it goes on: nothing lost, namespaces kept',
    async run(scene) {
      await scene.start(2);
      await scene.remember();
      const work = scene.work(300);
      await work.some(20);
      await freeze(scene, 'ipcontroller');
      await work.settled();
      await scene.engines(2);
      await scene.remembers();
    },
  },
  {
    name: 'SIGSTOP of the controller for longer than two leases',
    expected: 'the engines have ended by then; it says that tasks wait without any, and new engines do them',
    async run(scene) {
      await scene.start(2);
      const work = scene.work(100);
      await work.some(20);
      const pid = scene.kill('ipcontroller', 'SIGSTOP');
      await sleep((2 * lease + 2) * 1000);
      scene.check('no engine is left', scene.bed.pidOf('engine') === -1);
      process.kill(pid, 'SIGCONT');
      const alone = await until(async () => (await scene.client.status()).engines.length === 0);
      scene.check('the controller knows it', alone);
      await scene.says('why', /\d+ tasks wait, and there is no engine/);
      await scene.bed.run('engines', 'add', '-n', '1');
      await work.settled();
    },
  },
  {
    name: 'SIGTERM of the controller',
    expected: 'an orderly end: engines end at once, clients are told',
    async run(scene) {
      await scene.start(2);
      const running = scene.client.direct(0).execute('await new Promise(() => {})');
      running.then(undefined, () => {});
      scene.kill('ipcontroller', 'SIGTERM');
      const told = await Promise.race([
        running.then(
          () => 'done',
          (error) => error.message,
        ),
        sleep(5000),
      ]);
      scene.check(`the client is told why (${told})`, /SIGTERM/.test(told ?? ''));
      await scene.gone(5000);
    },
  },
  {
    name: 'kill -9 of `start` while it starts',
    expected: 'the next start says what it found and works',
    async run(scene) {
      const child = scene.bed.spawn('start', '-n', '3');
      await engineRuns(scene);
      child.kill('SIGKILL');
      await sleep(300);
      await scene.bed.run('kill');
      const second = scene.bed.spawn('start', '-n', '3', '-d');
      await sleep(180);
      second.kill('SIGKILL');
      for (const pid of scene.bed.pidsOf('ipcontroller')) process.kill(pid, 'SIGKILL');
      await scene.says('start -n 1 -d --lease 3s', /1 engines in/);
      await scene.says('status', /running/);
    },
  },
  {
    name: 'kill -9 of a `start` in the foreground',
    expected: 'the cluster goes on: it belongs to nobody’s terminal',
    async run(scene) {
      const child = scene.bed.spawn('start', '-n', '1', '--lease', `${lease}s`);
      await new Promise((done) => child.stdout.once('data', done));
      child.kill('SIGKILL');
      scene.bed.client = await scene.bed.connect();
      const work = scene.work(50);
      await work.settled();
      await scene.says('status', /running/);
    },
  },
  {
    name: 'SIGSTOP of a `start` in the foreground for longer than the lease',
    expected: 'the cluster does not notice; afterwards Ctrl-C still ends it',
    async run(scene) {
      const child = scene.bed.spawn('start', '-n', '1', '--lease', `${lease}s`);
      await new Promise((done) => child.stdout.once('data', done));
      child.kill('SIGSTOP');
      scene.bed.client = await scene.bed.connect();
      const work = scene.work(50);
      await sleep((lease + 1) * 1000);
      await work.settled();
      child.kill('SIGCONT');
      child.kill('SIGINT');
      const code = await new Promise((done) => child.once('close', done));
      scene.check(`exit code 130 (${code})`, code === 130);
      await scene.gone(1000);
    },
  },
  {
    name: 'SIGTERM of a `start` in the foreground',
    expected: 'it stops its cluster, and nothing is left',
    async run(scene) {
      const child = scene.bed.spawn('start', '-n', '2', '--lease', `${lease}s`);
      await new Promise((done) => child.stdout.once('data', done));
      child.kill('SIGTERM');
      await new Promise((done) => child.once('close', done));
      await scene.gone(1000);
    },
  },
  {
    name: 'kill -9 of engine and supervisor at once, with a command running',
    expected: 'the command ends too, tasks run elsewhere',
    async run(scene) {
      await scene.start(1);
      await scene.bed.run('engines', 'add', '-n', '1');
      const command = scene.client.direct(0).command(['sleep', '6001']);
      command.then(undefined, () => {});
      await until(() => scene.bed.processes().some(({ command: text }) => text === 'sleep 6001'));
      for (const program of ['ipengine', 'engine']) scene.kill(program);
      const work = scene.work(50);
      await work.settled();
      scene.check(
        'no sleep is left',
        await until(() => !scene.bed.processes().some(({ command: text }) => text === 'sleep 6001'), 3000),
      );
      await scene.says('why', /killed by SIGKILL|1 of 2 engines are registered/);
    },
  },
  {
    name: 'kill -9 of supervisor and controller at once: a tight loop and a sleep 600 running',
    expected: 'everything of ours is gone within two leases and 5 s',
    quick: true,
    async run(scene) {
      await scene.start(2);
      for (const result of [
        scene.client.direct(0).execute('for (;;);'),
        scene.client.direct(1).command(['sleep', '600']),
      ])
        result.then(undefined, () => {});
      await until(() => scene.bed.processes().some(({ command }) => command === 'sleep 600'));
      scene.bed.client = undefined;
      for (const program of ['ipengine', 'ipcontroller']) scene.kill(program);
      await scene.gone();
      await scene.says('why', /killed by SIGKILL/);
    },
  },
  {
    name: 'kill -9 of engine and controller at once, the controller comes back',
    expected: 'nothing lost: the engine is started again, the task of the dead one runs once more',
    async run(scene) {
      await scene.start(2);
      const work = scene.work(300);
      await work.some(30);
      scene.kill('engine');
      scene.kill('ipcontroller');
      await alone(scene);
      await scene.says('start --reuse -n 2 -d', /\d of 2 engines came back/);
      await work.settled();
      await scene.engines(2);
    },
  },
  {
    name: 'kill -9 of an engine that runs sleep 600',
    expected: 'no sleep one second later',
    quick: true,
    async run(scene) {
      await scene.start(1);
      scene.client
        .direct(0)
        .command(['sleep', '600'])
        .then(undefined, () => {});
      await until(() => scene.bed.processes().some(({ command }) => command === 'sleep 600'));
      scene.kill('engine');
      scene.check(
        'no sleep is left',
        await until(() => !scene.bed.processes().some(({ command }) => command === 'sleep 600'), 1000),
      );
      await scene.engines(1);
    },
  },
  {
    name: 'kill -9 of everything but a task that called setsid',
    expected: 'ps shows it, clean ends it',
    async run(scene) {
      await scene.start(1);
      await scene.client
        .direct(0)
        .execute("require('node:child_process').spawn('setsid', ['sleep', '602'], { detached: true }); 1");
      await until(() => scene.bed.processes().some(({ command }) => command === 'sleep 602'));
      scene.bed.client = undefined;
      for (const { pid, command } of scene.bed.processes())
        if (command !== 'sleep 602') process.kill(pid, 'SIGKILL');
      await scene.says('ps', /task .*sleep 602/);
      await scene.says('clean', /1 orphans were ended/);
      await scene.gone(1000);
    },
  },
];
