import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterStatus } from '../../src/cluster/status.js';
import { Home, until } from '../helpers.js';

/*
 * Real Slurm on this machine, four nodes of sixteen CPUs and a small one; everything is done as an ordinary
 * user.
 */

const root = process.getuid?.() === 0;
const bed = (verb: string, ...args: string[]): string =>
  execFileSync(resolve('test/beds/slurm', verb), args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
const squeue = (format = '%A %j %T'): string =>
  execFileSync('squeue', ['-h', '-o', format], { encoding: 'utf8' }).trim();

interface Started {
  engines: number;
  ids: number[] | null;
}

describe.skipIf(!root)('slurm (needs root for its daemons)', () => {
  let home: Home;

  beforeAll(() => {
    bed('up');
    home = new Home('hpc');
  }, 180_000);

  afterEach(async () => {
    await home.run(['stop']);
    execFileSync('scancel', ['-u', 'hpc']);
  });

  afterAll(async () => {
    await home.leave();
    bed('down');
  });

  /** What a cluster of 64 on four nodes must be able to do, and that nothing of it is left in the end. */
  async function proveItWorks(nodes = 4): Promise<void> {
    const status = await home.json<ClusterStatus>('status');
    expect(status.engines).toHaveLength(64);
    const places = new Set(status.engines.map(({ job, node }) => `${job?.replace(/:.*/, '')} ${node}`));
    expect([...places].sort()).toEqual(Array.from({ length: nodes }, (_unused, index) => `slurm ${index}`));
    expect(status.engines.filter(({ node }) => node === 2)).toHaveLength(16);
    expect(
      status.engines.every(({ deadline }) => deadline !== null && Date.parse(deadline) > Date.now()),
    ).toBe(true);
    const { stdout } = await home.run(['exec', 'process.env.SLURMD_NODENAME ?? process.pid']);
    expect(stdout.trim().split('\n')).toHaveLength(64);
    const mapped = await home.run([
      'map',
      '--',
      'echo',
      '{}',
      ':::',
      ...Array.from({ length: 100 }, (_unused, index) => `line${index}`),
    ]);
    expect(mapped.stdout.trim().split('\n').sort()).toHaveLength(100);
    const stopped = await home.json<{ orderly: boolean; hours: { asked: number } }>('stop');
    expect(stopped).toMatchObject({ orderly: true, killed: 0, hours: { asked: 64 } });
    await until('no job', () => squeue() === '', 30_000);
    expect(home.processes()).toEqual([]);
  }

  const start = (...args: string[]): Promise<Started> =>
    home.json<Started>('start', '--launcher', 'slurm', '-n', '64', '-d', ...args);

  test('64 engines with one command: one job, four process trees', async () => {
    expect(await start()).toMatchObject({
      engines: 64,
      ids: Array.from({ length: 64 }, (_unused, index) => index),
    });
    expect(squeue().split('\n')).toEqual([
      expect.stringMatching(/^\d+ ipc-[0-9a-f]{6}-e[0-9a-f]{3} RUNNING$/),
    ]);
    expect(home.processes().filter(({ command }) => command.includes('ipengine.js'))).toHaveLength(4);
    await proveItWorks();
  });

  test(
    'the end of a running job that is moved is known within a minute, and tasks are given ' + 'accordingly',
    async () => {
      await home.json('start', '--launcher', 'slurm', '-n', '2', '-d', '--time', '1m');
      const left = async (): Promise<number> => {
        const { engines } = await home.json<ClusterStatus>('status');
        return Math.min(...engines.map(({ deadline }) => Date.parse(deadline ?? '') - Date.now()));
      };
      expect(await left()).toBeLessThan(60_000);
      const waiting = home.run(['map', '--', 'echo', '{}', ':::', 'given']);
      execFileSync('scontrol', ['update', `JobId=${squeue('%A')}`, 'TimeLimit=30']);
      await until('the new end', async () => (await left()) > 25 * 60_000, 60_000);
      expect((await waiting).stdout).toBe('given\n');
    },
  );

  test('as an array of node-sized elements', async () => {
    expect(await start('--shape', 'array')).toMatchObject({ engines: 64 });
    expect(squeue().split('\n')).toHaveLength(4);
    await proveItWorks();
  });

  test('with the controller in a job of its own', async () => {
    expect(await start('--controller', 'job')).toMatchObject({ engines: 64 });
    expect(squeue().split('\n')).toHaveLength(2);
    // One CPU is the controller's: of the four nodes, or of the small one where Slurm is still clearing the
    // four.
    const [nodes] = squeue('%C %D').match(/(?<=^64 )\d+$/m) ?? [];
    expect(['4', '5']).toContain(nodes);
    await proveItWorks(Number(nodes));
  });

  test('with the controller in the job of the engines', async () => {
    expect(await start('--controller', 'in-job')).toMatchObject({ engines: 64 });
    expect(squeue().split('\n')).toHaveLength(1);
    await proveItWorks();
  });

  test('with everything but the keys in another work folder', async () => {
    const work = mkdtempSync(join(tmpdir(), 'ipcluster-work-'));
    // As a site's scratch is: open, and nobody can take away what is another's.
    chmodSync(work, 0o1777);
    Object.assign(home.env, { IPCLUSTER_WORK_DIR: work });
    try {
      expect(await start()).toMatchObject({ engines: 64 });
      expect(readdirSync(join(work, 'default/jobs')).some((name) => name.endsWith('-engines'))).toBe(true);
      await proveItWorks();
    } finally {
      delete home.env['IPCLUSTER_WORK_DIR'];
      rmSync(work, { recursive: true, force: true });
    }
  });

  test.each([
    ['salloc', ['salloc', '-Q', '-n', '64', '-t', '10']],
    ['a batch script', ['sbatch', '--wait', '-Q', '-n', '64', '-t', '10', '-o', 'batch.log']],
  ])(
    '--launcher here inside %s: it spreads over what is there and submits nothing',
    async (what, command) => {
      const script = join(home.folder, 'inside.sh');
      const cli = `${process.execPath} ${resolve('bin/ipcluster')}`;
      writeFileSync(
        script,
        [
          '#!/bin/bash',
          'set -e',
          `${cli} start ${what === 'salloc' ? '-n 64' : ''} -d --json`,
          'squeue -h -o %j',
          `${cli} status --json`,
          `${cli} stop`,
          '',
        ].join('\n'),
      );
      chmodSync(script, 0o755);
      const [program, ...args] = [...command, script] as unknown as [string, ...string[]];
      const child = spawn(program, args, { cwd: home.folder, env: home.env, ...home.user });
      let out = '';
      child.stdout?.on('data', (chunk) => (out += String(chunk)));
      child.stderr?.on('data', (chunk) => (out += String(chunk)));
      const code = await new Promise((done) => child.once('close', done));
      if (what !== 'salloc')
        out = execFileSync('cat', [join(home.folder, 'batch.log')], { encoding: 'utf8' });
      expect(code, out).toBe(0);
      const [started, ...rest] = out
        .trim()
        .split('\n')
        .filter((line) => !/engines: |^It ends/.test(line));
      expect(JSON.parse(started ?? '')).toMatchObject({ engines: 64 });
      expect(rest[0]).toMatch(/^(inside\.sh|interactive)$/);
      const status = JSON.parse(rest[1] ?? '') as ClusterStatus;
      expect(new Set(status.engines.map(({ node }) => node))).toEqual(new Set([0, 1, 2, 3]));
      expect(rest.at(-1)).toBe('stopped');
      await until('no job', () => squeue() === '', 30_000);
    },
  );

  test(
    'what stands after -- reaches the scheduler; a requeue brings engines of a new run, and those of the ' +
      'old are gone',
    async () => {
      const { code, stderr } = await home.run([
        'start',
        '--launcher',
        'slurm',
        '--nodes',
        '2',
        '--ntasks-per-node',
        '2',
        '-d',
        '--',
        '--requeue',
      ]);
      expect(code, stderr).toBe(0);
      const ids = async (): Promise<number[]> =>
        (await home.json<ClusterStatus>('status')).engines.map(({ id }) => id);
      expect(await ids()).toEqual([0, 1, 2, 3]);
      execFileSync('scontrol', ['requeue', squeue().split(' ')[0] ?? '']);
      await until('four other engines', async () => (await ids()).join(' ') === '4 5 6 7', 60_000);
    },
  );

  test(
    'where the controller cannot be reached, status, why, logs and stop work from the files and the ' +
      'scheduler, and the others say so',
    async () => {
      await home.json('start', '--launcher', 'slurm', '-n', '2', '-d', '--controller', 'in-job');
      const path = home.path('security', 'ipcontroller-client.json');
      const file = JSON.parse(readFileSync(path, 'utf8')) as object;
      writeFileSync(path, JSON.stringify({ ...file, addresses: ['192.0.2.1'], socket: '' }));
      // The controller writes its file once a second at most.
      await until(
        'the file names both',
        async () => (await home.json<ClusterStatus>('status')).registered?.engines === 2,
      );
      const status = await home.json<ClusterStatus>('status');
      expect(status).toMatchObject({
        running: false,
        registered: { engines: 2 },
        jobs: [{ state: expect.stringMatching(/^running/) }],
      });
      expect(
        (await home.json<{ findings: { code: string }[] }>('why')).findings.map(({ code }) => code),
      ).toContain('controller-silent');
      expect((await home.run(['logs'])).stdout).toMatch(/joined as .* with engines 0 1/);
      expect((await home.run(['exec', '1'])).stderr).toMatch(/cannot be reached: 192\.0\.2\.1/);
      expect((await home.run(['stop'])).code).toBe(0);
      // Our script has said its last word; Slurm may still be clearing up behind it.
      expect(squeue()).toMatch(/^$|^\d+ ipc-\S+ COMPLETING$/);
      await until('no job', () => squeue() === '', 30_000);
    },
  );

  test('--min-engines is ready with the first ones; the rest may come later, and go with stop', async () => {
    const started = await home.json<Started>(
      'start',
      '--launcher',
      'slurm',
      '-d',
      '-n',
      '80',
      '--shape',
      'array',
      '--ntasks-per-node',
      '16',
      '--min-engines',
      '64',
    );
    expect(started).toMatchObject({ engines: 64 });
    expect(
      squeue()
        .split('\n')
        .map((line) => line.split(' ').at(-1))
        .sort(),
    ).toEqual(['PENDING', ...Array.from({ length: 4 }, () => 'RUNNING')]);
    await home.run(['stop']);
    await until('no job', () => squeue() === '', 30_000);
  });

  test('Ctrl-C while it waits in the queue leaves no job behind', async () => {
    const child = home.spawn('ipcluster', [
      'start',
      '--launcher',
      'slurm',
      '-n',
      '4',
      '--partition',
      'closed',
    ]);
    await until('it waits', () => squeue().includes('PENDING'));
    child.kill('SIGINT');
    const code = await new Promise((done) => child.once('close', done));
    expect(code).toBe(130);
    expect(squeue()).toBe('');
  });

  test('jobs are found, and ended, from another login node: without any file of the cluster', async () => {
    await home.json('start', '--launcher', 'slurm', '-n', '4', '-d', '--controller', 'in-job');
    rmSync(home.path('cluster'), { recursive: true });
    rmSync(home.path('security'), { recursive: true });
    const { jobs } = await home.json<{ jobs: { ids: string[] }[] }>('ps');
    expect(jobs).toHaveLength(1);
    await home.run(['kill']);
    await until('no job', () => squeue() === '', 30_000);
  });

  test('a mistake is said before anything is submitted, with exit code 2', async () => {
    for (const [args, sentence] of [
      [['--launcher', 'slurm'], /How many engines/],
      [['--launcher', 'slurm', '-n', '4', '--time', '30'], /read in different ways/],
      [['--launcher', 'slurm', '-n', '4', '--mem', 'lots'], /no amount of memory/],
      [['--launcher', 'sge', '-n', '4', '--nodes', '2'], /no --nodes/],
      [['--launcher', 'lsf', '-n', '4'], /no LSF here/],
      [['-n', '4', '--', '--exclusive'], /the launcher local has none/],
    ] as const) {
      const { code, stderr } = await home.run(['start', '-d', ...args]);
      expect([code, stderr]).toEqual([2, expect.stringMatching(sentence)]);
    }
    expect(squeue()).toBe('');
  });
});

describe.skipIf(!root)('slurm where binding is true (needs root for its daemons)', () => {
  let home: Home;

  beforeAll(() => {
    bed('up', 'affinity');
    home = new Home('hpc');
  }, 180_000);

  afterAll(async () => {
    await home.run(['stop']);
    await home.leave();
    bed('down');
  });

  test(
    'engines have processors of their own, and tasks may use the allocation: srun, mpirun, and a second ' +
      'step at once',
    async () => {
      const cpus = availableParallelism();
      expect(
        await home.json<Started>('start', '--launcher', 'slurm', '-n', String(cpus), '-d'),
      ).toMatchObject({
        engines: cpus,
      });
      const { engines } = await home.json<ClusterStatus>('status');
      expect(new Set(engines.map((engine) => engine.cpus)).size).toBe(cpus);
      const { stdout } = await home.run([
        'exec',
        '/^Cpus_allowed_list:\\s*(\\S+)/m.exec(require("fs").readFileSync("/proc/self/status", ' +
          '"utf8"))[1] + " " + process.env.OMP_NUM_THREADS',
      ]);
      const seen = stdout
        .trim()
        .split('\n')
        .map((line) => line.replace(/^\[\d+\] '?|'$/g, ''));
      expect(seen.sort()).toEqual(engines.map((engine) => `${engine.cpus} 1`).sort());

      const task = async (...words: string[]): Promise<string> => {
        const begin = performance.now();
        const outcome = await home.run(['map', '--', ...words, ':::', 'x']);
        expect([outcome.code, outcome.stderr]).toEqual([0, expect.anything()]);
        // A step that must wait for another would hang until the job's end.
        expect(performance.now() - begin).toBeLessThan(20_000);
        return outcome.stdout;
      };
      expect(await task('srun', '-n1', 'echo', 'stepped', '{}')).toContain('stepped x');
      const ranks = await task(
        'mpirun',
        '--oversubscribe',
        '-n',
        '2',
        'sh',
        '-c',
        'echo rank $OMPI_COMM_WORLD_RANK {}',
      );
      expect(ranks.trim().split('\n').sort()).toEqual(['rank 0 x', 'rank 1 x']);
      const id = squeue().split(' ')[0] ?? '';
      const step = execFileSync('srun', ['--jobid', id, '--overlap', '-n1', 'echo', 'beside'], {
        encoding: 'utf8',
        timeout: 20_000,
        cwd: home.folder,
        ...home.user,
      });
      expect(step).toBe('beside\n');
    },
  );
});
