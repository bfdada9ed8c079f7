// What a queue, its rules and its operator do to a job. `expected` was written down before the first run.
import { execFileSync } from 'node:child_process';
import { sleep, until } from '../bed.js';
import { queue } from './scene.js';

const asUser = (scene, ...argv) =>
  execFileSync(argv[0], argv.slice(1), {
    encoding: 'utf8',
    cwd: scene.folder,
    env: scene.env,
    ...scene.user,
  }).trim();
const impatient = ['-n', '2', '--queue-timeout', '4s'];
const idOf = () => queue()[0]?.split(' ')[0];

/** A start that the queue must let wait in vain; the verdict is what `why` keeps of it. */
const waits =
  (expected, ...args) =>
  async (scene) => {
    const { error } = await scene.start(...args);
    scene.check(`start ends with QUEUE_TIMEOUT, not ${error?.code}`, error?.code === 'QUEUE_TIMEOUT');
    scene.check(`start names it itself (${error?.verdict})`, error?.verdict === expected);
  };

/** A start that sbatch must refuse. */
const refused =
  (...args) =>
  async (scene) => {
    const { error } = await scene.start(...args);
    scene.check(`start ends with SUBMIT_REFUSED, not ${error?.code}`, error?.code === 'SUBMIT_REFUSED');
    scene.check('the scheduler is quoted', /sbatch: error/.test(error?.message ?? ''));
  };

export const queueRows = [
  {
    name: 'a closed partition',
    expected: 'partition-down',
    quick: true,
    run: waits('partition-down', ...impatient, '--partition', 'closed'),
  },
  {
    name: 'a job that is held',
    expected: 'held',
    quick: true,
    run: waits('held', ...impatient, '--', '--hold'),
  },
  {
    name: 'a bad account',
    expected: 'bad-account',
    bed: 'accounting',
    run: refused('-n', '2', '--account', 'nosuch'),
  },
  { name: 'a bad QOS', expected: 'bad-qos', bed: 'accounting', run: refused('-n', '2', '--qos', 'nosuch') },
  {
    name: 'too many CPUs for any node',
    expected: 'never-fits',
    quick: true,
    run: refused('-n', '2', '--cpus-per-task', '64'),
  },
  {
    name: 'more time than the partition allows',
    expected: 'too-long',
    quick: true,
    run: refused('-n', '2', '--partition', 'short', '--time', '3h'),
  },
  {
    name: 'a partition that there is not',
    expected: 'bad-partition',
    run: refused('-n', '2', '--partition', 'nosuch'),
  },
  {
    name: 'a partition of others',
    expected: 'not-allowed',
    run: refused('-n', '2', '--partition', 'private'),
  },
  {
    name: 'a directive that there is not',
    expected: 'bad-directive',
    run: async (scene) => {
      const { error } = await scene.start('-n', '2', '--', '--nosuchoption');
      scene.check(`start ends with SUBMIT_REFUSED, not ${error?.code}`, error?.code === 'SUBMIT_REFUSED');
    },
  },
  {
    name: 'a dependency that can never be met',
    expected: 'never-starts',
    run: async (scene) => {
      const id = asUser(
        scene,
        'sbatch',
        '--parsable',
        '-n1',
        '-J',
        'plain',
        '-o',
        '/dev/null',
        '--wrap',
        'exit 1',
      );
      scene.check(
        'that job fails',
        await until(() => asUser(scene, 'squeue', '-h', '-t', 'all', '-j', id, '-o', '%T') === 'FAILED'),
      );
      await waits('never-starts', ...impatient, '--', `--dependency=afterok:${id}`)(scene);
    },
  },
  {
    name: 'cancelled from outside',
    expected: 'cancelled',
    quick: true,
    run: async (scene) => {
      await scene.start('-n', '2');
      execFileSync('scancel', [idOf()]);
      scene.check('its engines go', await until(async () => (await scene.engines()) === 0, 20_000));
    },
  },
  {
    name: 'a walltime of one minute',
    expected: 'time-limit',
    run: async (scene) => {
      scene.check('two engines', (await scene.start('-n', '2', '--time', '1m')).engines === 2);
      scene.check('its end comes', await until(() => queue().length === 0, 150_000));
    },
  },
  {
    name: 'requeued by the operator',
    expected: 'none',
    run: async (scene) => {
      await scene.start('-n', '2', '--', '--requeue');
      const before = (await scene.json('status')).engines.map(({ uuid }) => uuid).join();
      execFileSync('scontrol', ['requeue', idOf()]);
      scene.check(
        'others come back',
        await until(async () => {
          const { engines = [] } = await scene.json('status');
          return engines.length === 2 && engines.map(({ uuid }) => uuid).join() !== before;
        }, 60_000),
      );
    },
  },
  {
    name: 'SQUEUE_PARTITION and other defaults of the user are set',
    expected: 'none',
    quick: true,
    run: async (scene) => {
      Object.assign(scene.env, {
        SQUEUE_PARTITION: 'gpu',
        SQUEUE_FORMAT: '%i',
        SQUEUE_STATES: 'PD',
        SACCT_FORMAT: 'JobID',
        SLURM_TIME_FORMAT: '%s',
      });
      scene.check('two engines', (await scene.start('-n', '2')).engines === 2);
      const { jobs } = await scene.json('status');
      scene.check(
        'the job is known to run',
        jobs.some(({ role, state }) => role === 'engines' && state === 'running'),
      );
    },
  },
  {
    name: 'a banner in the output of sbatch',
    expected: 'none',
    quick: true,
    run: async (scene) => {
      scene.wrap('sbatch', 'echo "*** 20261121: 12 nodes are down for maintenance ***"\nexec $real "$@"');
      scene.check('two engines', (await scene.start('-n', '2')).engines === 2);
    },
  },
  {
    name: 'the answer to the submit is lost',
    expected: 'none',
    quick: true,
    run: async (scene) => {
      scene.wrap(
        'sbatch',
        '[ "$1" = --version ] && exec $real "$@"\n$real "$@" >/dev/null\necho "sbatch: error: Batch job ' +
          'submission failed: Socket timed out on send/recv operation" >&2\nexit 1',
      );
      scene.check('two engines', (await scene.start('-n', '2')).engines === 2);
      scene.check('one job, not two', queue().length === 1);
    },
  },
  {
    name: 'a state that nobody knows',
    expected: 'unknown-state',
    quick: true,
    run: async (scene) => {
      scene.wrap('squeue', '$real "$@" | sed s/PENDING/FROBNICATED/');
      const child = scene.spawn('start', '--launcher', 'slurm', '-n', '2', '--partition', 'closed');
      await until(() => queue().length > 0);
      scene.chosen = await scene.why();
      scene.check('nothing was taken for ended', child.exitCode === null);
      child.kill('SIGINT');
      await new Promise((done) => child.once('close', done));
    },
  },
  {
    name: 'accounting is off, and squeue has forgotten the job',
    expected: 'exited',
    run: async (scene) => {
      scene.wrap(
        'squeue',
        'case "$*" in *-j*) echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1;; ' +
          'esac\nexec $real "$@"',
      );
      const { error } = await scene.start('-n', '2', '--prologue', 'echo famous last words; exit 1');
      scene.check(`start ends with JOB_FAILED, not ${error?.code}`, error?.code === 'JOB_FAILED');
      await sleep(100);
    },
  },
];
