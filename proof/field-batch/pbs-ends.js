// How jobs of PBS end: by signals, by orders, by silence.
import { constants } from 'node:os';
import { onPbs, sleep, until } from './pbs-scene.js';

/**
 * A job whose end is a signal that nobody of ours sent. It meets PBS's own outer shell, which ends the job;
 * where PBS keeps no history (its default) only what the job itself has left tells of it.
 */
const signalled = (name, history, words) => ({
  entry: `P7, P17, P22 qsig ${name} on the job, ${history ? 'with' : 'no'} job history`,
  expected: history
    ? `signal: killed by SIG${name}`
    : 'within 30 s that it is over, and not as a success: by that signal, or that PBS has forgotten how',
  async run(scene, pbs) {
    pbs.behave({ history });
    await pbs.start('-n', '1');
    const [job] = pbs.jobs().slice(-1);
    scene.asUser('qsig', '-s', name, `${job.number}.fakehead`);
    await until(() => pbs.jobs().at(-1).state === 'ended', 10_000);
    scene.is('PBS', pbs.jobs().at(-1).exit, 256 + constants.signals[`SIG${name}`]);
    const { code, sentence } = await pbs.oneOf(['signal', 'cancelled', 'ended-silently'], 30_000);
    scene.is('why', `${code}: ${sentence}`, words);
    // What looked after the engines may have told of it before.
    scene.is('verdict', (await scene.why()).code, new RegExp(`^(${code}|supervisor-killed)$`));
  },
});

const silently = /^ended-silently: .*pbs lists it no more and keeps no history/s;

export const rows = onPbs([
  ...['TERM', 'KILL', 'USR1', 'USR2', 'HUP'].map((name) =>
    signalled(name, true, new RegExp(`^signal: The job of the engines failed: killed by SIG${name}\\.`)),
  ),
  signalled('TERM', false, /^cancelled: The job was cancelled by SIGTERM from outside/),
  signalled('HUP', false, /^cancelled: The job was cancelled by SIGHUP from outside/),
  // These two leave the script some time to write down of what its program died, where the host is quick.
  ...['USR1', 'USR2'].map((name) =>
    signalled(
      name,
      false,
      new RegExp(`^signal: The job of the engines failed: killed by SIG${name}\\.|${silently.source}`, 's'),
    ),
  ),
  signalled('KILL', false, silently),
  {
    entry: 'P5, P13 no job history: qdel of a running job',
    expected: 'cancelled, from outside',
    async run(scene, pbs) {
      pbs.behave({});
      await pbs.start('-n', '1');
      scene.asUser('qdel', `${pbs.jobs().at(-1).number}.fakehead`);
      const { sentence } = await pbs.finding('cancelled');
      scene.is('why', sentence, /The job was cancelled by SIGTERM from outside/);
    },
  },
  {
    entry: 'P5, P13 no job history: qdel of a job that waits',
    expected: 'start ends within seconds: cancelled, taken from the queue',
    async run(scene, pbs) {
      pbs.behave({ hold: true });
      const starting = pbs.start('-n', '1');
      await until(() => scene.asUser('qselect', '-u', 'hpc') !== '', 20_000);
      await sleep(3000);
      const begin = Date.now();
      scene.asUser('qdel', scene.asUser('qselect', '-u', 'hpc'));
      const { error } = await starting;
      scene.is('start', error?.message, /taken from the queue/);
      scene.is('within 15 s', Date.now() - begin < 15_000, true);
    },
  },
  {
    entry: 'P3 the job is held after too many attempts',
    quick: true,
    expected: 'start ends: launch-failed, with --work-dir as advice',
    async run(scene, pbs) {
      pbs.behave({ unstartable: true });
      const { error } = await pbs.start('-n', '2');
      scene.is(
        'start',
        `${error?.verdict}: ${error?.message}`,
        /^launch-failed: .*too many failed attempts/s,
      );
      scene.is('advice', error?.suggestions?.join(' '), /--work-dir/);
      scene.is('left in the queue', scene.asUser('qselect', '-u', 'hpc'), '');
    },
  },
  {
    entry: 'P14 a host of a gang dies, the job runs on',
    expected: 'node-failed, with the name of the host and the word of pbsnodes',
    async run(scene, pbs) {
      await pbs.start('-n', '4', '--nodes', '2', '--ntasks-per-node', '2');
      const { engines } = await scene.json('status');
      const { host, supervisor } = engines.at(-1);
      pbs.behave({ downNodes: [host] });
      // All of that host at once: nobody of it writes a last word.
      const gone = [
        ...pbs.pids(/node\.sh \S+ 1/),
        ...pbs.pids(/pbsdsh -n 2/),
        Number(supervisor.split('/')[1]),
      ];
      for (const pid of gone) process.kill(pid, 'SIGKILL');
      const { code, sentence } = await pbs.finding('node-failed');
      scene.is(
        'why',
        `${code}: ${sentence}`,
        new RegExp(`^node-failed: The host ${host} is lost .*communication closed`),
      );
      const verdict = await scene.why();
      scene.is('verdict', verdict.code, 'node-failed');
    },
  },
  {
    entry: 'P15, P29 a host says nothing, its lease is 15 minutes',
    expected: 'host-silent within 20 s, with the host and since when; status says it too',
    async run(scene, pbs) {
      await pbs.start('-n', '2', '--lease', '15m');
      const { engines } = await scene.json('status');
      const [, pid] = engines[0].supervisor.split('/');
      process.kill(Number(pid), 'SIGSTOP');
      const { sentence } = await pbs.finding('host-silent', 25_000);
      scene.is(
        'why',
        sentence,
        new RegExp(`Nothing was heard of ${engines[0].host} .*last heard 1\\d\\.\\d s ago.*after 15m 00s`),
      );
      const { out } = await scene.run('status');
      scene.is('status', out, /was last heard 1\d\.\d s ago: engines 0 1/);
      process.kill(Number(pid), 'SIGCONT');
    },
  },
  {
    entry: 'P16 PBS suspends the job',
    quick: true,
    expected: 'suspended, and how it is resumed',
    async run(scene, pbs) {
      await pbs.start('-n', '1');
      const id = `${pbs.jobs().at(-1).number}.fakehead`;
      scene.asUser('qsig', '-s', 'suspend', id);
      const { code, suggestions = [] } = await pbs.finding('suspended');
      scene.is('why', code, 'suspended');
      scene.is('advice', suggestions.join(' '), /qsig -s resume/);
      scene.asUser('qsig', '-s', 'resume', id);
    },
  },
  {
    entry: 'P18 the server is away while the cluster is stopped',
    quick: true,
    expected: 'exit code 1, not known, stays on the list; a later stop ends it',
    async run(scene, pbs) {
      await pbs.start('-n', '1');
      pbs.behave({ down: true });
      const begin = Date.now();
      const { code, out, err } = await scene.run('stop');
      scene.is('exit code', code, 1);
      scene.is('said', out + err, /does not answer/);
      scene.is('within 30 s', Date.now() - begin < 30_000, true);
      scene.is('listed', (await scene.run('list')).out, /default/);
      pbs.behave({});
      scene.is('later', (await scene.run('stop')).code, 0);
    },
  },
]);
