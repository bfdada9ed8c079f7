import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fromIpython } from '../../../src/config/ipython-flags.js';

describe('ipcontroller', () => {
  test.each([
    [['--profile=x', '--ip=*'], ['--profile=x', '--ip=*'], []],
    [['--log-level=10'], ['--log-level=debug'], []],
    [['--log-level=WARNING'], ['--log-level=warn'], []],
    [['--log-level', 'debug'], ['--log-level=debug'], []],
    [['--debug', '--quiet'], ['--log-level=debug', '--log-level=error'], []],
    [['--dictdb', '--ping=250'], ['--ping=250'], ['--dictdb']],
    [
      ['--IPController.registration_timeout=3', '--scheme=lru'],
      [],
      ['--IPController.registration_timeout=3', '--scheme=lru'],
    ],
    [['--scheme', 'lru', '--hwm', '0', '--reuse'], ['--reuse'], ['--scheme', '--hwm']],
    [['--reuse', '--nothing'], ['--reuse', '--nothing'], []],
    [
      ['--init', '--nodb', '--log-to-file', '--ip', '*'],
      ['--ip', '*'],
      ['--init', '--nodb', '--log-to-file'],
    ],
    [['--log-to-file=False', '--cluster-id='], ['--cluster-id='], ['--log-to-file=False']],
    [['--HubFactory.ip=*', '--IPController.location=n1'], ['--ip=*', '--location=n1'], []],
    [['--HeartMonitor.period=10000', '--IPController.reuse_files=True'], ['--ping=10000', '--reuse'], []],
    [['--IPController.reuse_files=False', '--ProfileDir.other', 'x'], [], ['--ProfileDir.other']],
  ])('%j', (given, argv, ignored) => {
    expect(fromIpython(given, 'ipcontroller')).toEqual({ argv, ignored, variables: {} });
  });

  test('a tunnel is refused with what to write', () => {
    expect(() => fromIpython(['--ssh=login1'], 'ipcontroller')).toThrow(
      /--ssh of IPython is not done here.*connect --relay/s,
    );
    expect(() => fromIpython(['--enginessh', 'me@login1'], 'ipcontroller')).toThrow(
      /--controller-ip localhost/,
    );
  });
});

describe('ipengine', () => {
  test.each([
    [['--profile=x', '--location=n1', '--log-to-file'], ['--profile=x'], ['--location=n1', '--log-to-file']],
    [['--IPEngine.timeout=30', '--timeout', '60'], ['--timeout=30', '--timeout', '60'], []],
    [
      ['--mpi=mpi4py', '--MPI.use=mpi4py', '--log-level=20'],
      ['--mpi=mpi4py', '--mpi=mpi4py', '--log-level=info'],
      [],
    ],
    [['--EngineFactory.url_file=/f', '--cluster-id', 'c'], ['--file=/f', '--cluster-id', 'c'], []],
    [
      ['-n', '2', '--controller', '--', '--scheme', '--ssh=x'],
      ['-n', '2', '--controller', '--', '--scheme', '--ssh=x'],
      [],
    ],
  ])('%j', (given, argv, ignored) => {
    expect(fromIpython(given, 'ipengine')).toEqual({ argv, ignored, variables: {} });
  });

  test('folders are variables, and where the controller is cannot be a URL', () => {
    const { argv, variables } = fromIpython(
      ['--profile-dir=~/nfs', '--ipython-dir', 'here', '--id=3'],
      'ipengine',
    );
    expect([argv, variables]).toEqual([
      ['--id=3'],
      { IPP_PROFILE_DIR: join(homedir(), 'nfs'), IPYTHONDIR: resolve('here') },
    ]);
    expect(() => fromIpython(['--url=tcp://n1:1'], 'ipengine')).toThrow(/--file PATH/);
    expect(() => fromIpython(['--profile-dir'], 'ipengine')).toThrow(/needs a value/);
  });
});

describe('ipcluster', () => {
  test.each([
    [['start', '--n=4', '--daemonize=True'], ['start', '--n=4', '--daemonize'], []],
    [['start', '--daemonize=False', '-d', '--reset'], ['start', '-d'], ['--reset']],
    [
      ['start', '--engines=Slurm', '--controller=Local'],
      ['start', '--launcher=slurm', '--controller=here'],
      [],
    ],
    [
      ['start', '--engines', 'MPI', '--controller', 'login.slurm'],
      ['start', '--launcher=mpi', '--controller=login.slurm'],
      [],
    ],
    [
      [
        'start',
        '--IPClusterEngines.engine_launcher_class=ipyparallel.cluster.launcher.PBSEngineSetLauncher',
        '--PBSLauncher.queue=q',
      ],
      ['start', '--launcher=pbs', '--partition=q'],
      [],
    ],
    [
      ['start', '--engines=MPIExecEngineSetLauncher', '--IPClusterStart.n=2'],
      ['start', '--launcher=mpi', '--n=2'],
      [],
    ],
    [
      ['start', '--delay=1', '--IPClusterStart.delay', '3'],
      ['start'],
      ['--delay=1', '--IPClusterStart.delay'],
    ],
  ])('%j', (given, argv, ignored) => {
    expect(fromIpython(given, 'ipcluster')).toEqual({ argv, ignored, variables: {} });
  });
});
