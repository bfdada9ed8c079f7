// Faults of a PBS site, in the order of a job's life: refused, taken by a server that hangs, begun on a host
// that lacks something.
import { hostname, onPbs, sleep, until } from './pbs-scene.js';

const seconds = (begin) => (Date.now() - begin) / 1000;

export const rows = onPbs([
  {
    entry: 'P21 an option that qsub does not have',
    quick: true,
    expected: 'the line that names the option, none of the usage text; nothing is left',
    async run(scene, pbs) {
      const { error } = await pbs.start('-n', '1', '--', '-t', '1-4');
      scene.is('code', error?.code, 'SUBMIT_REFUSED');
      scene.is('said', error?.message, /qsub: invalid option -- 't'/);
      scene.is('usage', /usage:|directive_prefix/.test(error?.message), false);
    },
  },
  {
    entry: 'P1 the server takes the job, and says nothing any more',
    expected:
      'within 60 s: not known; the job is on the list as unknown, with its name, and a later stop ends it',
    async run(scene, pbs) {
      pbs.behave({ lose: 'qsub', hold: true, hang: ['qstat', 'qselect', 'qdel'] });
      const begin = Date.now();
      const { error } = await pbs.start('-n', '1');
      scene.is(
        'start',
        `${error?.code}: ${error?.message}`,
        /^SCHEDULER_SILENT: .*whether it has taken the job ipc-\S+ is not known/,
      );
      scene.is('within 60 s', seconds(begin) < 60, true);
      scene.is('list', (await scene.run('list')).out, /default .*pbs/);
      const { code, sentence } = await scene.why();
      scene.is(
        'why',
        `${code}: ${sentence}`,
        /^unknown-state: .*the scheduler has not said whether it has taken ipc-/,
      );
      pbs.behave({ hold: true });
      scene.is('in the queue', scene.asUser('qselect', '-u', 'hpc'), /^1\.fakehead$/);
      scene.is('later stop', (await scene.run('stop')).code, 0);
      scene.is('in the queue then', scene.asUser('qselect', '-u', 'hpc'), '');
    },
  },
  {
    entry: 'P1 all of PBS hangs',
    expected: 'start ends within 60 s with SCHEDULER_SILENT, ps within 15 s says who does not answer',
    async run(scene, pbs) {
      pbs.behave({ hang: ['qsub', 'qstat', 'qselect', 'qdel'] });
      let begin = Date.now();
      const { error } = await pbs.start('-n', '1');
      scene.is('start', error?.code, 'SCHEDULER_SILENT');
      scene.is('start within 60 s', seconds(begin) < 60, true);
      begin = Date.now();
      const { out, err } = await scene.run('ps');
      scene.is('ps', out + err, /pbs does not answer/);
      scene.is('ps within 15 s', seconds(begin) < 15, true);
      pbs.behave({});
    },
  },
  {
    entry: 'P28 all of PBS hangs while a cluster runs',
    expected: 'status and why say it within 15 s, stop within 30 s with exit code 1; the later stop ends it',
    async run(scene, pbs) {
      await pbs.start('-n', '1');
      pbs.behave({ hang: ['qsub', 'qstat', 'qselect', 'qdel'] });
      for (const { command, bound } of [
        { command: 'status', bound: 15 },
        { command: 'why', bound: 15 },
        { command: 'stop', bound: 30 },
      ]) {
        const begin = Date.now();
        const { code, err } = await scene.run(command);
        scene.is(`${command} within ${bound} s`, seconds(begin) < bound, true);
        if (command === 'stop')
          scene.is('stop', `${code} ${err}`, /^1 .*whether the job 1\.fakehead has ended is not known/s);
      }
      pbs.behave({});
      scene.is('later stop', (await scene.run('stop')).code, 0);
    },
  },
  {
    entry: 'P28 one command after another asks for a job that PBS has forgotten',
    expected: 'the second one does not begin to wait anew: taken from the queue, at once',
    async run(scene, pbs) {
      pbs.behave({ hold: true });
      const starting = scene.spawn('start', '--launcher', 'pbs', '-d', '-n', '1');
      await until(() => scene.asUser('qselect', '-u', 'hpc') !== '', 20_000);
      await sleep(2000);
      starting.kill('SIGKILL');
      scene.asUser('qdel', scene.asUser('qselect', '-u', 'hpc'));
      await scene.run('why');
      await sleep(6000);
      const begin = Date.now();
      const { findings } = await scene.why();
      scene.is('why', findings.map(({ sentence }) => sentence).join(' '), /taken from the queue/);
      scene.is('within 10 s', seconds(begin) < 10, true);
    },
  },
  {
    entry: 'P2 Node is not there on the host',
    quick: true,
    expected: 'node-missing with the host, and no word of a success',
    async run(scene, pbs) {
      const { error } = await pbs.start('-n', '2', '--nodes', '2', '--node', '/opt/nowhere/bin/node');
      const said = `${error?.verdict}: ${error?.message}`;
      scene.is('start', said, /^node-missing: /);
      scene.is('succeeded', /succe/i.test(said), false);
      scene.is('the job’s own word', pbs.jobs()[0]?.exit, 127);
    },
  },
  {
    entry: 'P8 the daemon of a host is killed, and ends the job when it is back',
    expected: 'node-failed: the daemon of PBS was started again',
    async run(scene, pbs) {
      pbs.behave({ history: true });
      await pbs.start('-n', '1');
      await pbs.restartDaemon(pbs.jobs().at(-1));
      const { code, sentence } = await pbs.finding('node-failed', 30_000);
      scene.is('why', `${code}: ${sentence}`, /^node-failed: .*pbs_mom/);
    },
  },
  {
    entry: 'P8 the same without job history',
    expected: 'within 30 s that it ended without a word, and that PBS has forgotten how',
    async run(scene, pbs) {
      await pbs.start('-n', '1');
      await pbs.restartDaemon(pbs.jobs().at(-1));
      const { code, sentence } = await pbs.finding('ended-silently', 30_000);
      scene.is('why', `${code}: ${sentence}`, /^ended-silently: .*pbs lists it no more/);
    },
  },
  {
    entry: 'P11 exec on engines after a qrerun',
    expected: 'the engines are back, exec answers, and nothing of Node’s own is said',
    async run(scene, pbs) {
      await pbs.start('-n', '2', '--shape', 'array');
      const before = await scene.run('exec', 'process.pid');
      scene.asUser('qrerun', `${pbs.jobs().at(-1).number}[].fakehead`);
      await until(
        () => pbs.jobs().filter(({ runs, state }) => runs === 2 && state === 'running').length === 2,
        30_000,
      );
      await until(async () => (await scene.engines()) === 2, 30_000);
      const { code, out, err } = await scene.run('exec', 'process.pid');
      scene.is('exec', `${code} ${out.match(/\d+/g)?.length > 0 && out !== before.out}`, '0 true');
      scene.is('said besides', err, '');
    },
  },
  {
    entry: 'P4 --controller in-job: the controller is on another machine',
    expected: 'start says where it is, and by which line Python’s clients of this machine reach it',
    async run(scene, pbs) {
      pbs.behave({ ownNames: true });
      const { code, out, err } = await scene.run(
        'start',
        '--launcher',
        'pbs',
        '-d',
        '-n',
        '1',
        '--controller',
        'in-job',
        '--engine',
        'python',
      );
      scene.is(
        'start',
        `${code} ${out}${err}`,
        /^0 .*The controller is on node1.*ipcluster connect --relay/s,
      );
      scene.is('this machine', hostname() === 'node1', false);
    },
  },
  {
    entry: 'P24 engines add without a launcher on a cluster of PBS',
    expected: 'a second job of PBS with the limit that was asked for, nothing on this machine',
    async run(scene, pbs) {
      await pbs.start('-n', '1');
      const { code, out, err } = await scene.run('engines', 'add', '-n', '2', '--time', '10m');
      scene.is('add', `${code} ${out}${err}`, /^0 .*2 engines/s);
      scene.is(
        'limits of the jobs',
        pbs.jobs().map(({ seconds: limit }) => limit),
        [3600, 600],
      );
      const { engines } = await scene.json('status');
      scene.is(
        'all of PBS',
        engines.map(({ job }) => /^pbs:/.test(job)),
        [true, true, true],
      );
    },
  },
  {
    entry: 'P26 start --reuse --controller job',
    expected: 'exit code 2 before anything is submitted: it starts on this machine, and what to write',
    async run(scene, pbs) {
      await pbs.start('-n', '1');
      const { controller } = await scene.json('status');
      process.kill(controller.pid, 'SIGKILL');
      const { code, err } = await scene.run(
        'start',
        '--launcher',
        'pbs',
        '--reuse',
        '--controller',
        'job',
        '-n',
        '1',
        '-d',
      );
      scene.is(
        'start',
        `${code} ${err}`,
        /^2 .*--reuse starts the controller on this machine.*--reuse --controller here/s,
      );
      scene.is('jobs', pbs.jobs().length, 1);
    },
  },
  {
    entry: 'a submit with words after -- names what really holds',
    quick: true,
    expected: 'account, queue and limit, read back from PBS',
    async run(scene) {
      const { code, err } = await scene.run(
        'start',
        '--launcher',
        'pbs',
        '-d',
        '-n',
        '1',
        '--',
        '-l',
        'walltime=00:05:00',
        '-q',
        'short',
        '-A',
        'proj7',
      );
      scene.is('code', code, 0);
      scene.is(
        'said',
        err,
        /As the scheduler has taken it: account proj7, queue short, it ends after 5m 00s\./,
      );
      scene.is('1h', /1h 00m/.test(err), false);
    },
  },
  {
    entry: 'qalter -l walltime of a job that runs',
    expected: 'status has the new end within a minute',
    async run(scene, pbs) {
      await pbs.start('-n', '1', '--time', '30m');
      scene.asUser('qalter', '-l', 'walltime=00:10:00', `${pbs.jobs().at(-1).number}.fakehead`);
      const left = async () =>
        (Date.parse((await scene.json('status')).engines?.[0]?.deadline) - pbs.jobs().at(-1).started) /
        60_000;
      await until(async () => (await left()) < 11, 60_000);
      scene.is('minutes', Math.round(await left()), 10);
    },
  },
]);
