import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterStatus } from '../../src/cluster/status.js';
import { Home, until } from '../helpers.js';

/*
 * The commands of IPython's old manual, as people type them, each machine a host of the bed of ssh; and ranks
 * of MPI jobs, here, over ssh hosts, and inside a job of Slurm. The words of each command are as they stand
 * there, quotes of the shell included.
 */

const root = process.getuid?.() === 0;
const bed = (name: string, verb: string, ...args: string[]): string =>
  execFileSync(resolve('test/beds', name, verb), args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
const shared = '/var/tmp/ipcluster-bed-ssh/shared';

type Child = ReturnType<Home['spawnOn']>;

describe.skipIf(!root)('by hand (needs root for its hosts)', () => {
  let home: Home;
  let started: { child: Child; said: () => string }[] = [];

  beforeAll(() => {
    bed('mpi', 'up');
    bed('ssh', 'up');
    home = new Home('hpc', shared, 'host0');
    home.env['PATH'] = `${join(home.root, 'bin')}:${process.env['PATH']}`;
  }, 120_000);

  /** Types a line into a shell of a host, and leaves it running. */
  function type(host: string | undefined, line: string, env: NodeJS.ProcessEnv = {}): () => string {
    const child = home.spawnOn(host, ['/bin/bash', '-c', line], { env });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    started.push({ child, said: () => said });
    return () => said;
  }

  afterEach(async () => {
    await home.run(['stop']);
    // The end of a controller is that of its engines; it was started by hand, so it is ended so.
    const controllers = (verb: string): string =>
      bed(
        'ssh',
        'host',
        'exec',
        'host0',
        'bash',
        '-c',
        `${verb} -u hpc -f bin/[i]pcontroller || true`,
      ).trim();
    controllers('pkill -TERM');
    await until('all have ended', () => home.processes().length === 0 && controllers('pgrep') === '', 20_000);
    started = [];
  });

  afterAll(async () => {
    await home.leave();
    bed('ssh', 'down');
  });

  const status = (): Promise<ClusterStatus> => home.json<ClusterStatus>('status');
  const registered = (count: number): Promise<void> =>
    until(
      `${count} engines: ${started.map(({ said }) => said()).join('\n')}`,
      async () => {
        const { stdout } = await home.run(['status', '--json']);
        return stdout !== '' && (JSON.parse(stdout) as Partial<ClusterStatus>).engines?.length === count;
      },
      20_000,
    );

  test("`ipcontroller --ip '*'` on host0 and `ipengine` on host1, with a shared profile", async () => {
    type('host0', "ipcontroller --ip '*'");
    const said = type('host1', 'ipengine');
    await registered(1);
    expect((await status()).engines).toMatchObject([{ id: 0, host: 'host1' }]);
    expect(said()).toMatch(/joined as host1/);
    expect((await home.run(['exec', '6 * 7'])).stdout).toContain('42');
  });

  test(
    '`ipcontroller --engine-port=10001` and `ipengine --controller-ip=host0 ' + '--controller-port=10001`',
    async () => {
      type('host0', "ipcontroller --ip '*' --engine-port=10001");
      type('host1', 'ipengine --controller-ip=host0 --controller-port=10001');
      type('host2', 'ipengine --controller-ip=host0 &\nwait');
      await registered(2);
      expect((await status()).engines.map(({ host }) => host).sort()).toEqual(['host1', 'host2']);
    },
  );

  test('with a copy of the connection file on a disk of its own', async () => {
    type('host0', "ipcontroller --ip '*' --profile=parallel");
    await until('the file', () => {
      const file = join(home.folder, 'ipython/profile_parallel/security/ipcontroller-engine.json');
      return (
        execFileSync('bash', ['-c', `test -s ${file} && echo yes || true`], { encoding: 'utf8' }).trim() ===
        'yes'
      );
    });
    bed('ssh', 'host', 'private', 'host3');
    // Nothing of the profile is seen there; the file is carried over by hand.
    const file = execFileSync(
      'cat',
      [join(home.folder, 'ipython/profile_parallel/security/ipcontroller-engine.json')],
      {
        encoding: 'utf8',
      },
    );
    execFileSync(
      resolve('test/beds/ssh/host'),
      [
        'exec',
        'host3',
        'bash',
        '-c',
        `umask 077; mkdir -p ${home.folder} && cat >/tmp/copied.json && chown -R hpc /tmp/copied.json ` +
          `${home.folder}`,
      ],
      { input: file },
    );
    type('host3', 'ipengine --profile=parallel --file=/tmp/copied.json', { IPYTHONDIR: '/tmp/ipython' });
    await until(
      'the engine',
      async () => {
        const { stdout } = await home.run(['status', '--profile', 'parallel', '--json']);
        return (JSON.parse(stdout) as ClusterStatus).engines.some(({ host }) => host === 'host3');
      },
      20_000,
    );
    bed('ssh', 'host', 'shared', 'host3');
  });

  test('an address without a secret: a sentence names the file to copy', async () => {
    const said = type('host4', 'ipengine --controller-ip=host0 --controller-port=10000 --timeout 2s', {
      IPYTHONDIR: '/tmp/ipython',
    });
    await until(
      'its end',
      () =>
        /copy ipcontroller-engine\.json .* on host0 to \/tmp\/ipython\/profile_default\/security/.test(
          said(),
        ),
      20_000,
    );
  });

  const many = { OMPI_MCA_rmaps_base_oversubscribe: '1' };

  test.each([
    ['Open MPI', 'mpirun -n 4 engine'],
    ['MPICH', 'mpiexec.hydra -n 4 ipengine --profile default'],
  ])('ranks of %s become ids: `%s`', async (_name, line) => {
    type('host0', 'ipcontroller');
    type('host0', line, many);
    await registered(4);
    expect((await status()).engines.map(({ id, rank }) => [id, rank])).toEqual(
      [0, 1, 2, 3].map((rank) => [rank, rank]),
    );
  });

  test.each([
    ['Open MPI', 'mpirun --host host1:2,host2:2 -n 4 engine', { ...many, OMPI_MCA_plm_rsh_agent: 'ssh' }],
    ['MPICH', 'mpiexec.hydra -localhost host0 -hosts host1:2,host2:2 -n 4 engine', {}],
  ])('ranks of %s over two ssh hosts', async (_name, line, env) => {
    type('host0', "ipcontroller --ip '*'");
    const path = `-x PATH -x IPYTHONDIR`;
    type(
      'host0',
      line
        .replace('mpirun ', `mpirun ${path} `)
        .replace(' engine', ` ${join(home.root, 'bin/engine')} --profile default`),
      env,
    );
    await registered(4);
    const { engines } = await status();
    expect(engines.map(({ id, rank, host }) => [id, rank, host])).toEqual([
      [0, 0, 'host1'],
      [1, 1, 'host1'],
      [2, 2, 'host2'],
      [3, 3, 'host2'],
    ]);
  });

  test.each(['mpirun', 'mpiexec.hydra'])(
    '--launcher mpi with %s: a rank that is killed is explained, and nothing is left',
    async (command) => {
      expect(
        await home.json('start', '--launcher', 'mpirun', '-n', '4', '-d', '-o', `command=${command}`),
      ).toMatchObject({
        ids: [0, 1, 2, 3],
      });
      const { engines, jobs } = await status();
      expect(engines.map(({ rank }) => rank)).toEqual([0, 1, 2, 3]);
      expect(jobs.map(({ launcher, state }) => [launcher, state])).toEqual([
        ['mpi', 'running'],
        ['mpi', 'running'],
      ]);
      const victim = home
        .processes()
        .find(({ command: line, mark }) => /ipengine\.js/.test(line) && /\.2$/.test(mark));
      process.kill(victim?.pid ?? 0, 'SIGKILL');
      await until(
        'its engine is gone',
        async () => (await status()).engines.every(({ rank }) => rank !== 2),
        20_000,
      );
      const { findings } = await home.json<{ findings: { code: string }[] }>('why');
      expect(['rank-killed', 'supervisor-killed']).toContain(findings[0]?.code);
      await home.run(['stop']);
      expect(home.processes()).toEqual([]);
    },
  );

  test('mpirun that cannot start is explained before anybody waits for a minute', async () => {
    const begin = Date.now();
    const { error } = await home.json<{ error: { code: string; verdict: string; message: string } }>(
      ...['start', '--launcher', 'mpi', '-n', '2', '-d', '-o', 'args=--host nohost:2'],
    );
    expect(error.code).toBe('JOB_FAILED');
    expect(error.verdict).toMatch(/host-unknown|mpi-ssh|mpi-slots/);
    expect(Date.now() - begin).toBeLessThan(30_000);
  });
});

describe.skipIf(!root)('ranks inside a job of Slurm (needs root for its daemons)', () => {
  let home: Home;
  beforeAll(() => {
    bed('mpi', 'up');
    bed('slurm', 'up');
    home = new Home('hpc');
  }, 180_000);
  afterEach(async () => {
    await home.run(['stop']);
    execFileSync('scancel', ['-u', 'hpc']);
  });
  afterAll(async () => {
    await home.leave();
    bed('slurm', 'down');
  });

  test.each(['mpirun', 'srun'])('--spread %s: ids are ranks, over two nodes', async (spread) => {
    const started = await home.json(
      'start',
      '--launcher',
      'slurm',
      '-n',
      '8',
      '--nodes',
      '2',
      '--spread',
      spread,
      '-d',
    );
    expect(started).toMatchObject({ engines: 8 });
    const { engines } = await home.json<ClusterStatus>('status');
    expect(engines.map(({ id, rank }) => [id, rank])).toEqual(
      Array.from({ length: 8 }, (_unused, rank) => [rank, rank]),
    );
    expect(await home.json('stop')).toMatchObject({ orderly: true });
    await until('no process', () => home.processes().length === 0);
  });
});
