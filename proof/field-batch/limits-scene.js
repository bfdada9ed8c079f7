// Ways to set a limit that really holds, and to see what is said of it.
import { execFileSync, spawnSync } from 'node:child_process';
import { until } from '../bed.js';

/** Runs a tool as the administrator; throws with its words where it fails. */
export const root = (argv) =>
  execFileSync(argv[0], argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** A job of another kind, of the same user. */
export const plainJob = (scene, ...words) =>
  scene.asUser(
    'sbatch',
    '--parsable',
    '-n1',
    '-t',
    '5',
    '-J',
    'plain',
    '-o',
    '/dev/null',
    ...words,
    '--wrap',
    'sleep 300',
  );
export const stateOf = (id) => root(['squeue', '-h', '-t', 'all', '-j', id, '-o', '%T']);
export const runs = (id) => until(() => stateOf(id) === 'RUNNING');

/** Reasons of jobs that wait, but for the plain ones. */
const reasons = () => {
  const lines = spawnSync('squeue', ['-h', '-u', 'hpc', '-t', 'PD', '-o', '%j|%r'], {
    encoding: 'utf8',
  }).stdout.split('\n');
  return lines
    .filter((line) => line && !line.startsWith('plain|'))
    .map((line) => line.slice(line.indexOf('|') + 1));
};

/** Starts what must wait in vain; asserts Slurm's reason, our code and our sentence. */
async function waits(scene, args, { reason, code, words }) {
  let last = '';
  const timer = setInterval(() => {
    const [now] = reasons();
    if (now && now !== 'None') last = now;
  }, 300);
  const { error } = await scene.start('--queue-timeout', '4s', ...args);
  clearInterval(timer);
  scene.is('reason', last, reason instanceof RegExp ? reason : new RegExp(`^${reason}$`));
  scene.is('start', error?.code, 'QUEUE_TIMEOUT');
  scene.is('verdict', error?.verdict, code);
  scene.is('sentence', error?.message ?? '', words);
}

/** Starts what sbatch must refuse; asserts its word, our code and our sentence. */
async function refuses(scene, args, { reason, code, words }) {
  const { error } = await scene.start(...args);
  scene.is('start', error?.code, 'SUBMIT_REFUSED');
  scene.is('verdict', error?.verdict, code);
  const message = error?.message ?? '';
  scene.is(
    'sbatch said',
    message.slice(message.indexOf('\n') + 1),
    reason instanceof RegExp ? reason : new RegExp(reason),
  );
  scene.is('sentence', message.slice(0, message.indexOf('\n')), words);
}

/** What was advised is done; it must work then. */
async function works(scene, args) {
  const count = Number(args[args.indexOf('-n') + 1]);
  const { engines, error } = await scene.start(...args);
  scene.is(`with ${args.join(' ')}`, engines ?? error?.message, count);
}

/** A row that needs no limit of an account; `prepare` answers what takes it back. */
export const ofSystem = (
  entry,
  reason,
  args,
  { kind, code, words, advised = undefined, refused = false, prepare = undefined, bed = 'accounting' },
) => ({
  entry: `F6 ${entry}`,
  part: 'limits',
  bed,
  expected: `${code}, ${kind}`,
  async run(scene) {
    const { more = [], undo } = (await prepare?.(scene)) ?? {};
    let taken = false;
    const takeBack = async () => {
      if (!taken) await undo?.();
      taken = true;
    };
    try {
      await (refused ? refuses : waits)(scene, [...args, ...more], { reason, code, words });
      if (advised?.after) await takeBack();
      if (advised) await works(scene, advised.args ?? [...args, ...more]);
    } finally {
      await takeBack();
    }
  },
});
