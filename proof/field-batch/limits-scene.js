// Ways to set a limit that really holds, and to see what is said of it.
import { execFileSync, spawnSync } from 'node:child_process';
import { sleep, until } from '../bed.js';

/** Runs a tool as the administrator; throws with its words where it fails. */
export const root = (argv) => execFileSync(argv[0], argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
const manage = (...words) => root(['sacctmgr', '-i', '-Q', ...words]);

/** A job of another kind, of the same user. */
export const plainJob = (scene, ...words) =>
  scene.asUser('sbatch', '--parsable', '-n1', '-t', '5', '-J', 'plain', '-o', '/dev/null', ...words, '--wrap', 'sleep 300');
export const stateOf = (id) => root(['squeue', '-h', '-t', 'all', '-j', id, '-o', '%T']);
export const runs = (id) => until(() => stateOf(id) === 'RUNNING');

/** Reasons of jobs that wait, but for the plain ones. */
const reasons = () => {
  const lines = spawnSync('squeue', ['-h', '-u', 'hpc', '-t', 'PD', '-o', '%j|%r'], { encoding: 'utf8' }).stdout.split('\n');
  return lines.filter((line) => line && !line.startsWith('plain|')).map((line) => line.slice(line.indexOf('|') + 1));
};

/** Starts what must wait in vain; asserts Slurm's reason, our code and our sentence. */
export async function waits(scene, args, { reason, code, words }) {
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
export async function refuses(scene, args, { reason, code, words }) {
  const { error } = await scene.start(...args);
  scene.is('start', error?.code, 'SUBMIT_REFUSED');
  scene.is('verdict', error?.verdict, code);
  const message = error?.message ?? '';
  scene.is('sbatch said', message.slice(message.indexOf('\n') + 1), reason instanceof RegExp ? reason : new RegExp(reason));
  scene.is('sentence', message.slice(0, message.indexOf('\n')), words);
}

/** What was advised is done; it must work then. */
async function works(scene, args) {
  const count = Number(args[args.indexOf('-n') + 1]);
  const { engines, error } = await scene.start(...args);
  scene.is(`with ${args.join(' ')}`, engines ?? error?.message, count);
}

/** Sets `words` on the user's association for as long as `act` takes. */
async function withAssociation(words, act) {
  manage('modify', 'user', 'hpc', 'set', ...words);
  await sleep(400);
  try {
    await act();
  } finally {
    manage('modify', 'user', 'hpc', 'set', ...words.map((word) => word.replace(/=[^=]*$/, '=-1')));
  }
}

/** Makes a QOS with `words` for as long as `act` takes. */
async function withQos(words, act) {
  manage('add', 'qos', 'bound', ...words);
  manage('modify', 'user', 'hpc', 'set', 'qos+=bound');
  await sleep(400);
  try {
    await act();
  } finally {
    manage('modify', 'user', 'hpc', 'set', 'qos-=bound');
    manage('delete', 'qos', 'bound');
  }
}

const rowOf = (bound, reason, set, args, { kind, code, words, then, refused = false, before, after }) => ({
  entry: `F6 ${refused ? 'refused' : 'waits'}: ${reason}`,
  part: 'limits',
  bed: 'accounting',
  expected: `${code}, ${kind}`,
  run: (scene) =>
    bound(set, async () => {
      const other = before?.(scene);
      if (other) await runs(other);
      try {
        await (refused ? refuses : waits)(scene, args, { reason, code, words });
      } finally {
        if (other) root(['scancel', other]);
      }
      if (other) await until(() => stateOf(other) === 'CANCELLED');
      after?.(scene);
      if (then) await works(scene, then);
    }),
});

/** A limit of the association: `set` are words of sacctmgr. */
export const ofAssociation = (reason, set, args, rest) => rowOf(withAssociation, reason, set, args, rest);
/** A limit of a QOS, which is asked for. */
export const ofQos = (reason, set, args, rest) =>
  rowOf(withQos, reason, set, [...args, '--qos', 'bound'], { ...rest, then: rest.then && [...rest.then, '--qos', 'bound'] });

/** A row that needs no limit of an account; `prepare` answers what takes it back. */
export const ofSystem = (entry, reason, args, { kind, code, words, then, refused = false, prepare, bed = 'accounting' }) => ({
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
      if (then?.after) await takeBack();
      if (then) await works(scene, then.args ?? [...args, ...more]);
    } finally {
      await takeBack();
    }
  },
});
