import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ClusterStatus } from '../../src/cluster/status.js';
import { Home, until } from '../helpers.js';
import { bed, python, root, runPython } from './python.js';

/*
 * Engines of Python through launchers: in jobs of Slurm, on hosts of ssh, as ranks of MPI; and a client on a
 * machine of its own.
 */

const whoAndWhere =
  'rc = ipp.Client()\nimport socket\nprint(json.dumps([rc.ids, rc[:].apply_sync(os.getpid), ' +
  'rc[:].apply_sync(socket.gethostname)]))';

describe.skipIf(!root)("Python's engines in jobs of Slurm (needs root for its daemons)", () => {
  let home: Home;

  beforeAll(() => {
    bed('python', 'up');
    bed('slurm', 'up');
    home = new Home('hpc');
  }, 300_000);

  afterEach(async () => {
    await home.run(['stop']);
    execFileSync('scancel', ['-u', 'hpc']);
  });

  afterAll(async () => {
    await home.leave();
    bed('slurm', 'down');
  });

  const words = ['start', '--launcher', 'slurm', '-d', '--engine', 'python', '--python'];

  test('eight ids and pids, and stop leaves nothing', async () => {
    expect(await home.json(...words, python, '-n', '8')).toMatchObject({ engines: 8 });
    const [ids, pids] = JSON.parse((await runPython(home, whoAndWhere))[0] ?? '') as [number[], number[]];
    expect(ids).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(pids).size).toBe(8);
    expect(await home.json('stop')).toMatchObject({ orderly: true, killed: 0 });
    await until('no job', () => execFileSync('squeue', ['-h'], { encoding: 'utf8' }).trim() === '', 30_000);
    expect(home.processes()).toEqual([]);
  });

  test('an interpreter that the nodes lack is named by their own log', async () => {
    const { error } = await home.json<{ error: { code: string; message: string; verdict: string } }>(
      ...words,
      '/no/python',
      '-n',
      '2',
    );
    expect(error).toMatchObject({ code: 'JOB_FAILED', verdict: 'no-python' });
    expect(error.message).toMatch(/interpreter/);
  });
});

describe.skipIf(!root)("Python's engines on hosts of ssh (needs root for its hosts)", () => {
  let home: Home;

  beforeAll(() => {
    bed('python', 'up');
    bed('ssh', 'up');
    home = new Home('hpc', '/var/tmp/ipcluster-bed-ssh/shared', 'host0');
  }, 300_000);

  afterEach(() => home.run(['stop']));

  afterAll(async () => {
    await home.leave();
    bed('ssh', 'down');
  });

  const start = () =>
    home.json(
      'start',
      '--launcher',
      'ssh',
      '-o',
      'hosts=host[1-4]',
      '-n',
      '4',
      '-d',
      '--engine',
      'python',
      '--python',
      python,
    );

  test('on four hosts, one of which reaches the controller through its tunnel only', async () => {
    bed('ssh', 'host', 'wall', 'host4');
    onTestFinished(() => void bed('ssh', 'host', 'unwall', 'host4'));
    expect(await start()).toMatchObject({ engines: 4 });
    const [ids, , hosts] = JSON.parse((await runPython(home, whoAndWhere, 'host0'))[0] ?? '') as [
      number[],
      number[],
      string[],
    ];
    expect([ids, hosts]).toEqual([
      [0, 1, 2, 3],
      ['host1', 'host2', 'host3', 'host4'],
    ]);
    expect(await home.json('stop')).toMatchObject({ orderly: true, killed: 0 });
    await until(
      'nothing on the walled host',
      () =>
        !bed('ssh', 'host', 'exec', 'host4', 'bash', '-c', 'pgrep -u hpc -fl . || true').includes('python'),
    );
  });

  test('a client of Python on another machine, by connect --relay', async () => {
    await start();
    const command = [process.execPath, `${home.root}/bin/ipcluster`, 'connect', '--relay', '--json'];
    const relay = home.spawnOn('host5', command);
    const said = await new Promise<string>((resolve) =>
      relay.stdout.once('data', (chunk: Buffer) => resolve(String(chunk))),
    );
    const { python: lines, connectionFile } = JSON.parse(said) as { python: string; connectionFile: string };
    expect(connectionFile).toMatch(/ipcontroller-relay-host5-client\.json$/);
    expect(
      await runPython(
        home,
        `${lines}\nprint(rc.ids, rc[:].apply_sync(lambda: 1), ` +
          'rc.load_balanced_view().map_sync(abs, range(3)))',
        'host5',
      ),
    ).toEqual(['[0, 1, 2, 3] [1, 1, 1, 1] [0, 1, 2]']);
    const ended = new Promise((resolve) => relay.once('close', resolve));
    bed('ssh', 'host', 'exec', 'host5', 'pkill', '-INT', '-f', 'connect --relay');
    await ended;
    await until(
      'no relay',
      () =>
        !bed('ssh', 'host', 'exec', 'host5', 'bash', '-c', 'pgrep -u hpc -fl . || true').includes(
          'ipgateway',
        ),
    );
  });
});

describe.skipIf(!root)("Python's engines as ranks of MPI (needs root for its packages)", () => {
  let home: Home;

  beforeAll(() => {
    bed('python', 'up');
    bed('mpi', 'up');
    home = new Home('hpc');
  }, 300_000);

  afterEach(() => home.run(['stop']));
  afterAll(() => home.leave());

  const allReduce = 'from mpi4py import MPI\nMPI.COMM_WORLD.allreduce(MPI.COMM_WORLD.Get_rank() + 1)';

  test(
    'mpirun -n 4 ipengine --mpi=mpi4py: a collective over all of them, from Python and ' + 'from TypeScript',
    async () => {
      expect(await home.json('start', '-n', '0', '-d')).toMatchObject({ engines: 0 });
      const env = { OMPI_MCA_rmaps_base_oversubscribe: '1', PATH: `${home.root}/bin:${process.env['PATH']}` };
      const ranks = home.spawnOn(
        undefined,
        ['mpirun', '-n', '4', 'ipengine', '--mpi=mpi4py', '--python', python],
        { env },
      );
      const ended = new Promise((resolve) => ranks.once('close', resolve));
      await until(
        'four engines',
        async () => (await home.json<ClusterStatus>('status')).engines.length === 4,
        60_000,
      );
      const { engines } = await home.json<ClusterStatus>('status');
      expect(engines.map(({ id, rank, language }) => [id, rank, language])).toEqual(
        [0, 1, 2, 3].map((rank) => [rank, rank, 'python']),
      );
      const sum =
        'def total():\n    from mpi4py import MPI\n    return ' +
        'MPI.COMM_WORLD.allreduce(MPI.COMM_WORLD.Get_rank() + 1)\nprint(ipp.Client()[:].apply_sync(total))';
      expect(await runPython(home, sum)).toEqual(['[10, 10, 10, 10]']);
      expect((await home.run(['exec', allReduce])).stdout.trim().split('\n')).toEqual(
        [0, 1, 2, 3].map((id) => `[${id}] 10`),
      );
      await home.run(['stop']);
      await ended;
    },
  );

  test('a module for MPI that is not there gets a sentence', async () => {
    const outcome = await home.run(['--mpi=nompi', '--python', python], { program: 'ipengine' });
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringMatching(/has no module nompi/) });
    const many = await home.run(['-n', '2', '--mpi', '--python', python], { program: 'ipengine' });
    expect(many).toMatchObject({ code: 2, stderr: expect.stringMatching(/one process of MPI only/) });
  });
});
