import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { FakeScheduler } from '../fakes/install.js';

/** What a launcher is tried on. */
export interface Stage {
  launcher: string;
  options: string[];
  /** False where the system sends no signals to jobs. */
  signals?: boolean;
  /** Why it cannot be tried here; empty text where it can. */
  missing(): string;
  enter(): void;
  leave(): void;
}

const bed = (name: string, ...args: string[]): string => {
  const [program, ...rest] = [resolve('test/beds', name), ...args];
  return execFileSync(program as string, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
};
const needsRoot = (): string => (process.getuid?.() === 0 ? '' : 'daemons of a batch system need root');
const nothing = (): void => {};

const before = { ...process.env };
function restore(): void {
  for (const name of Object.keys(process.env)) if (before[name] === undefined) delete process.env[name];
  Object.assign(process.env, before);
}

/** A stand-in, where no package brings the system. */
function fake(
  launcher: string,
  system: ConstructorParameters<typeof FakeScheduler>[0],
  options: string[] = [],
  wish: object = {},
): Stage {
  let scheduler: FakeScheduler | undefined;
  return {
    launcher,
    options,
    missing: () => '',
    enter() {
      scheduler = new FakeScheduler(system);
      scheduler.behave(wish);
      process.env['PATH'] = scheduler.path;
    },
    leave() {
      restore();
      scheduler?.remove();
    },
  };
}

/** Open MPI and MPICH from packages; the first one wants to be told that root means it. */
function mpiStage(options: string[]): Stage {
  return {
    launcher: 'mpi',
    options,
    missing: needsRoot,
    enter() {
      bed('mpi/up');
      Object.assign(process.env, { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' });
    },
    leave: restore,
  };
}

/** Hosts of their own, which see this machine's folders of jobs. */
function sshStage(options: string[]): Stage {
  return {
    launcher: 'ssh',
    options,
    missing: needsRoot,
    enter: () => void bed('ssh/up'),
    leave: () => void bed('ssh/down'),
  };
}

const stages: Record<string, Stage> = {
  local: { launcher: 'local', options: [], missing: () => '', enter: nothing, leave: nothing },
  slurm: {
    launcher: 'slurm',
    options: [],
    missing: needsRoot,
    enter: () => void bed('slurm/up'),
    leave: () => void bed('slurm/down'),
  },
  here: {
    launcher: 'here',
    options: [],
    missing: needsRoot,
    enter() {
      bed('slurm/up');
      // An allocation without a shell in it: what salloc would set is set here.
      execFileSync('salloc', ['--no-shell', '-Q', '-n', '4', '-N', '1', '-J', 'surround', '-t', '10']);
      const id = execFileSync('squeue', ['-h', '-n', 'surround', '-o', '%A'], { encoding: 'utf8' }).trim();
      Object.assign(process.env, {
        SLURM_JOB_ID: id,
        SLURM_JOB_NUM_NODES: '1',
        SLURM_TASKS_PER_NODE: '4',
        SLURM_NTASKS: '4',
      });
    },
    leave() {
      restore();
      bed('slurm/down');
    },
  },
  sge: {
    launcher: 'sge',
    options: ['pe=smp'],
    signals: false,
    missing: needsRoot,
    enter() {
      bed('gridengine/up');
      process.env['PATH'] = `/var/spool/ipcluster-bed-sge/bin:${process.env['PATH']}`;
    },
    leave() {
      restore();
      bed('gridengine/down');
    },
  },
  ssh: sshStage(['hosts=host[1-2]']),
  'ssh transport=openssh': sshStage(['hosts=host1,host2', 'transport=openssh']),
  mpi: mpiStage([]),
  // Its mpiexec dies of a signal that it does not pass on.
  'mpi command=mpiexec.hydra': { ...mpiStage(['command=mpiexec.hydra']), signals: false },
  // A signal ends the shell that PBS itself puts around a script, and with it the job. With a history of
  // jobs: without one a job that left no word is lost after two minutes only (pbs-jobs.test.ts).
  pbs: { ...fake('pbs', 'openpbs', [], { history: true }), signals: false },
  'pbs flavor=torque': { ...fake('pbs', 'torque', ['flavor=torque']), signals: false },
  lsf: fake('lsf', 'lsf'),
  'throw-away.mjs': fake(resolve('test/conformance/throw-away.mjs'), 'lsf'),
};

/** Launchers and variants, in groups that share nothing, so that they may be tried at once. */
export const groups = {
  batch: ['slurm', 'here', 'sge'],
  hosts: ['local', 'ssh', 'ssh transport=openssh', 'mpi', 'mpi command=mpiexec.hydra'],
  standIns: ['pbs', 'pbs flavor=torque', 'lsf', resolve('test/conformance/throw-away.mjs')],
};

/** The stage of a launcher; undefined for one that nobody has thought of. */
export const stageOf = (candidate: string): Stage | undefined =>
  stages[candidate.startsWith('/') ? join('.', candidate.slice(candidate.lastIndexOf('/') + 1)) : candidate];
