// What nodes, networks, disks and the scheduler itself do. `expected` was written down before the first run.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, until } from '../bed.js';
import { bed, queue } from './scene.js';

const idOf = () => queue()[0]?.split(' ')[0];
const pidOf = (name) => Number(readFileSync(`/tmp/ipcluster-bed-slurm/${name}.pid`, 'utf8'));

/** The cluster file as it is. */
function textOf({ folder }) {
  try {
    return readFileSync(join(folder, 'ipython/profile_default/cluster/default.json'), 'utf8');
  } catch {
    return '';
  }
}

/** A start that fails once its job has begun. */
const fails =
  (code, ...args) =>
  async (scene) => {
    const { error } = await scene.start('-n', '2', ...args);
    scene.check(`start ends with ${code}, not ${error?.code}`, error?.code === code);
  };

/** Starts a job that is held, does something to its folder, and lets it go. */
const meddled = (code, meddle) => async (scene) => {
  const started = scene.start('-n', '2', '--timeout', '6s', '--', '--hold');
  const file = () => join(scene.jobFolder() ?? '/none', 'join.json');
  scene.check('it waits', await until(() => queue().length > 0 && exists(file())));
  meddle(file());
  execFileSync('scontrol', ['release', idOf()]);
  const { error } = await started;
  scene.check(`start ends with ${code}, not ${error?.code}`, code.test(error?.code ?? ''));
};

function exists(path) {
  try {
    return statSync(path).size > 0;
  } catch {
    return false;
  }
}

/** The scheduler is away while a job waits; what waits goes on, and is told afterwards why it waits. */
const away = (leave, comeBack, seconds) => async (scene) => {
  const child = scene.spawn('start', '--launcher', 'slurm', '-n', '2', '--partition', 'closed');
  scene.check('the job is known', await until(() => /"ids": \[\s*"\d+"\s*\]/.test(textOf(scene))));
  await leave();
  await sleep(seconds * 1000);
  scene.chosen = await scene.why();
  await comeBack();
  scene.check('it answers again', await until(() => queue().length > 0, 30_000));
  const after = await scene.why();
  scene.check(`afterwards the reason is known again (${after.code})`, after.code === 'partition-down');
  scene.check('the start still waits', child.exitCode === null);
  child.kill('SIGINT');
  await new Promise((done) => child.once('close', done));
};

export const nodeRows = [
  {
    name: 'a job that exits with 1 at once',
    expected: 'exited',
    quick: true,
    run: fails('JOB_FAILED', '--prologue', 'echo my last words; exit 1'),
  },
  {
    name: 'the interpreter is not there',
    expected: 'node-missing',
    quick: true,
    run: fails('JOB_FAILED', '--node', '/no/such/node'),
  },
  {
    name: 'too little address space',
    expected: 'address-space',
    quick: true,
    run: fails('JOB_FAILED', '--prologue', 'ulimit -v 1200000'),
  },
  {
    name: 'a Node that is too old',
    expected: 'node-too-old',
    run: async (scene) => {
      const old = join(scene.bin, 'old-node');
      writeFileSync(
        old,
        '#!/bin/sh\n[ "$1" = --version ] && echo v12.0.0 && exit\necho "$0: bad option: ' +
          '--max-semi-space-size=8" >&2\nexit 9\n',
      );
      chmodSync(old, 0o755);
      await fails('JOB_FAILED', '--node', old)(scene);
    },
  },
  {
    name: 'the token is wrong',
    expected: 'wrong-token',
    run: meddled(/JOB_FAILED/, (file) => {
      const content = JSON.parse(readFileSync(file, 'utf8'));
      const { uid, gid } = statSync(file);
      writeFileSync(file, JSON.stringify({ ...content, token: 'x'.repeat(content.token.length) }));
      execFileSync('chown', [`${uid}:${gid}`, file]);
    }),
  },
  {
    name: 'the connection file is not seen there',
    expected: 'file-not-seen',
    run: meddled(/JOB_FAILED|REGISTRATION_TIMEOUT/, (file) => rmSync(file)),
  },
  {
    name: 'the route to the controller is blocked',
    expected: 'unreachable',
    bed: 'gridengine',
    run: async (scene) => {
      // An address of the head that its hosts have no way to.
      bed('gridengine', 'enter', '/usr/sbin/ip', 'addr', 'add', '10.127.0.1/32', 'dev', 'lo');
      const { error } = await scene.start('-n', '2', '--ip', '10.127.0.1', '--timeout', '8s');
      scene.check(
        `start ends with an error, ${error?.code}`,
        /JOB_FAILED|REGISTRATION_TIMEOUT/.test(error?.code ?? ''),
      );
    },
  },
  {
    name: 'a node goes down in the middle',
    expected: 'node-failed',
    run: async (scene) => {
      await scene.start('--nodes', '2', '--ntasks-per-node', '2');
      execFileSync('scontrol', ['update', 'nodename=n2', 'state=down', 'reason=proof']);
      scene.check('its engines go', await until(async () => (await scene.engines()) === 2, 30_000));
      const { out } = await scene.run('exec', '6 * 7');
      scene.check('the others work', out.match(/42/g)?.length === 2);
      scene.chosen = await scene.why();
      execFileSync('scontrol', ['update', 'nodename=n2', 'state=resume']);
    },
  },
  {
    name: 'the disk of the job folder is full',
    expected: 'disk-full',
    run: async (scene) => {
      scene.work = join(scene.folder, 'small');
      mkdirSync(scene.work);
      execFileSync('mount', [
        '-t',
        'tmpfs',
        '-o',
        `size=200k,uid=${scene.user.uid},gid=${scene.user.gid},mode=0700`,
        'tmpfs',
        scene.work,
      ]);
      try {
        writeFileSync(join(scene.work, 'ballast'), Buffer.alloc(196 * 1024));
        scene.env.IPCLUSTER_WORK_DIR = scene.work;
        const { error } = await scene.start('-n', '2', '--timeout', '10s');
        scene.check(`start ends with an error, ${error?.code}`, error !== undefined);
        scene.chosen = await scene.why();
      } finally {
        await scene.run('stop');
        execFileSync('umount', ['-l', scene.work]);
      }
    },
  },
  {
    name: 'slurmctld is down for 60 s',
    expected: 'scheduler-silent',
    run: away(
      async () => {
        // Its state is on disk some seconds after a change; what is younger is lost with it, and that is
        // Slurm's affair.
        await sleep(8000);
        process.kill(pidOf('slurmctld'), 'SIGKILL');
      },
      async () => void execFileSync('slurmctld', [], { stdio: 'ignore' }),
      60,
    ),
  },
  {
    name: 'slurmctld hangs',
    expected: 'scheduler-silent',
    run: away(
      async () => void process.kill(pidOf('slurmctld'), 'SIGSTOP'),
      async () => void process.kill(pidOf('slurmctld'), 'SIGCONT'),
      5,
    ),
  },
];
