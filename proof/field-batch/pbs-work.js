// What jobs of PBS are given, what is said of them, and clusters inside an allocation.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostname, onPbs, sleep, until } from './pbs-scene.js';

const threads = 'process.env.OMP_NUM_THREADS';

export const rows = onPbs([
  {
    entry: 'P9, P23 one CPU for each of two engines on a host that binds nothing',
    expected: 'one thread each',
    async run(scene, pbs) {
      await pbs.start('-n', '2', '--nodes', '1', '--ntasks-per-node', '2');
      const { out } = await scene.run('exec', threads);
      scene.is('threads', out.match(/'\d+'/g)?.join(' '), "'1' '1'");
    },
  },
  {
    entry: 'P9, P23 one CPU for one engine',
    quick: true,
    expected: 'one thread, not one for each processor of the host',
    async run(scene, pbs) {
      await pbs.start('-n', '1');
      const { out } = await scene.run('exec', threads);
      scene.is('threads', out, /'1'/);
      const { engines } = await scene.json('status');
      scene.is('bound', engines[0].cpus, null);
    },
  },
  {
    entry: 'P10 tasks wait while engines work',
    quick: true,
    expected: 'all-busy, and no advice to interrupt',
    async run(scene, pbs) {
      await pbs.start('-n', '1');
      const map = scene.spawn('map', '--', 'sleep', '{}', ':::', '15', '15', '15');
      const { suggestions = [] } = await pbs.finding('all-busy', 12_000);
      scene.is('advice', suggestions.join(' '), /ipcluster engines add/);
      scene.is('advice to interrupt', /interrupt/.test(suggestions.join(' ')), false);
      map.kill('SIGINT');
      await sleep(1000);
    },
  },
  {
    entry: 'P12, P31 the job log of tasks that waited',
    expected: 'the host by name, the start of each run, bytes both ways',
    async run(scene, pbs) {
      await pbs.start('-n', '1');
      const log = join(scene.folder, 'log');
      await scene.run('map', '--joblog', log, '--', 'sleep 1; echo {}', ':::', 'a', 'b', 'c');
      const lines = readFileSync(log, 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split('\t'));
      scene.is('hosts', [...new Set(lines.map(([, host]) => host))], [hostname()]);
      const starts = lines.map(([, , start]) => Number(start)).sort((a, b) => a - b);
      scene.is(
        'one after another',
        starts.every((start, index) => index === 0 || start - starts[index - 1] >= 0.9),
        true,
      );
      scene.is(
        'bytes',
        lines.every(([, , , , sent, received]) => Number(sent) > 0 && Number(received) > 0),
        true,
      );
    },
  },
  {
    entry: 'P31 why after engines stop',
    expected: 'engines-stopped, not engines-died',
    async run(scene, pbs) {
      await pbs.start('-n', '2');
      await scene.run('engines', 'stop', '0,1');
      const { sentence } = await pbs.finding('engines-stopped');
      scene.is('why', sentence, /Its engines were stopped/);
      const { findings } = await scene.why();
      scene.is(
        'engines-died',
        findings.some(({ code }) => code === 'engines-died'),
        false,
      );
    },
  },
  {
    entry: 'P27 -- -l walltime=00:05:00',
    expected: 'status: the end is in less than five minutes',
    async run(scene, pbs) {
      await pbs.start('-n', '1', '--', '-l', 'walltime=00:05:00');
      const left = async () => {
        const { engines = [] } = await scene.json('status');
        return (Date.parse(engines[0]?.deadline) - Date.now()) / 60_000;
      };
      for (let tries = 0; tries < 15 && (await left()) > 5; tries++) await sleep(1000);
      const minutes = await left();
      scene.is('minutes', minutes > 4 && minutes <= 5, true);
    },
  },
  {
    entry: 'P27 --time 1m',
    quick: true,
    expected: 'start says that no task of the queue can run',
    async run(scene, pbs) {
      pbs.behave({ hold: true });
      const child = scene.spawn('start', '--launcher', 'pbs', '-d', '-n', '1', '--time', '1m');
      let said = '';
      child.stderr.on('data', (chunk) => (said += chunk));
      await until(() => /It ends/.test(said), 20_000);
      scene.is('said', said, /No task from the queue .* can run in that time/);
      child.kill('SIGINT');
      await new Promise((done) => child.once('close', done));
    },
  },
  {
    entry: 'P20 here, in a script that ends without stop',
    expected: 'nothing is left some seconds after it',
    async run(scene, pbs) {
      pbs.submit(
        `${scene.root}/bin/ipcluster start --launcher here -n 2 -d >${scene.folder}/said 2>&1`,
        '-l',
        'select=1:ncpus=2:mpiprocs=2',
      );
      await until(() => pbs.jobs()[0]?.state === 'ended', 60_000);
      const said = readFileSync(join(scene.folder, 'said'), 'utf8');
      scene.is('start', said, /2 engines in/);
      await until(() => scene.processes().length === 0, 20_000);
      scene.is('processes left', scene.processes().length, 0);
    },
  },
  {
    entry: 'P25 here has the end of its allocation',
    expected: 'status: the end that PBS knows, ten minutes from the job’s start',
    async run(scene, pbs) {
      const lines =
        `${scene.root}/bin/ipcluster start --launcher here -n 1 -d >/dev/null 2>&1\nsleep ` +
        `8\n${scene.root}/bin/ipcluster status --json ` +
        `>${scene.folder}/status\n${scene.root}/bin/ipcluster stop`;
      pbs.submit(lines, '-l', 'select=1:ncpus=1:mpiprocs=1', '-l', 'walltime=00:10:00');
      await until(() => pbs.jobs()[0]?.state === 'ended', 90_000);
      const { engines } = JSON.parse(readFileSync(join(scene.folder, 'status'), 'utf8'));
      const left = (Date.parse(engines[0].deadline) - pbs.jobs()[0].started) / 1000;
      scene.is('seconds from its start', Math.round(left / 5) * 5, 600);
    },
  },
  {
    entry: 'P30 core-hours of sets that differ',
    expected: 'what each set asked for: 2 × 10m × 1 and 1 × 30m × 2',
    async run(scene, pbs) {
      await pbs.start('-n', '2', '--time', '10m');
      await scene.run('engines', 'add', '-n', '1', '--time', '30m', '--cpus-per-task', '2');
      await scene.run('engines', 'stop', '0');
      const { hours } = await scene.json('stop');
      scene.is('asked', hours?.asked, 1.33);
    },
  },
  {
    entry: 'P6 the scheduler ends the controller’s own job under a map',
    expected:
      'its store is kept, engines and client wait: a start with --reuse has all of them, and the map goes on',
    async run(scene, pbs) {
      await pbs.start('-n', '2', '--controller', 'job');
      const map = scene.spawn('map', '--', 'sleep', '{}', ':::', ...Array.from({ length: 20 }, () => '2'));
      await sleep(5000);
      const controller = pbs.jobs().find(({ name }) => /-c/.test(name));
      scene.asUser('qdel', `${controller.number}.fakehead`);
      await sleep(3000);
      const { code, out, err } = await scene.run('start', '--reuse', '--controller', 'here', '-d');
      scene.is('start --reuse', `${code} ${out}${err}`, /^0 .*2 of 2 engines came back/s);
      const ended = await new Promise((done) =>
        map.exitCode === null ? map.once('close', done) : done(map.exitCode),
      );
      scene.is('map', ended, 0);
    },
  },
]);
