import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import { Home, type Outcome, until } from '../helpers.js';

const home = new Home();
const pidsOf = (program: string): number[] => home.processesOf(program).map(({ pid }) => pid);

beforeAll(() => home.enter());
afterEach(async () => {
  await home.run(['nuke']);
  expect(home.processes()).toEqual([]);
});
afterAll(() => home.leave());

describe('starts', () => {
  test('two at once on one id: one starts, the other says so', async () => {
    const both = await Promise.all([1, 2].map(() => home.run(['start', '-n', '1', '-d', '--json'])));
    expect(both.map(({ code }) => code).toSorted()).toEqual([0, 2]);
    const refused = both.find(({ code }) => code === 2) as Outcome;
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'CLUSTER_RUNNING' } });
    expect(pidsOf('ipcontroller')).toHaveLength(1);
    expect(pidsOf('engine')).toHaveLength(1);
  });

  test('a lock of a process that is gone, or half a lock, is no lock', async () => {
    const lock = home.path('cluster', 'default.lock');
    for (const text of [
      '{"pid": 1, "startTime": 1, "host": "here"',
      '{"pid": 999999, "startTime": 5, "host": "',
      '',
    ]) {
      mkdirSync(home.path('cluster'), { recursive: true });
      writeFileSync(lock, text);
      expect((await home.run(['start', '-n', '1', '-d'])).code).toBe(0);
      await home.run(['stop']);
      expect(existsSync(lock)).toBe(false);
    }
  });

  test('limits are looked at first, with a sentence', async () => {
    const limited = (limit: string, count: number): SpawnSyncReturns<string> => {
      const script = `ulimit ${limit}; exec "$0" bin/ipcluster start -n ${count} -d`;
      return spawnSync('/bin/sh', ['-c', script, process.execPath], { env: home.env, encoding: 'utf8' });
    };
    const files = limited('-n 200', 60);
    expect([files.status, files.stderr]).toEqual([
      2,
      expect.stringMatching(/60 engines need 304 open files .*`ulimit -n` is 200/),
    ]);
    const memory = limited('-v 1400000', 1);
    expect([memory.status, memory.stderr]).toEqual([
      2,
      expect.stringMatching(/address space, but `ulimit -v` allows 1.4 GB/),
    ]);
    expect(home.processes()).toEqual([]);
  });
});

describe('after a crash', () => {
  test('ps, why and clean work without a controller, and take nothing that may be rejoined', async () => {
    await home.json('start', '-n', '1', '-d', '--lease', '5s');
    process.kill(pidsOf('ipcontroller')[0] as number, 'SIGKILL');
    await until('it is gone', () => pidsOf('ipcontroller').length === 0);
    expect(
      (await home.json<{ processes: { what: string }[] }>('ps')).processes.map(({ what }) => what).toSorted(),
    ).toEqual(['engine', 'job', 'supervisor']);
    const why = (await home.run(['why'])).stdout;
    expect(why).toMatch(/cannot be reached/);
    expect(why).toMatch(/1 supervisors wait for their controller .*lease/);
    expect(why).toMatch(/ended by SIGKILL/);
    expect((await home.run(['clean'])).stdout).toMatch(
      /3 processes of it live: `ipcluster start --reuse` takes them over/,
    );
    expect(pidsOf('engine')).toHaveLength(1);
    expect((await home.run(['kill'])).code).toBe(0);
    expect(home.processes()).toEqual([]);
  });

  test(
    'an orphan of a task is found by its mark and ended by clean; a stranger with our pid is ' +
      'not touched',
    async () => {
      await home.json('start', '-n', '1', '-d');
      const client = await Client.connect();
      await client
        .direct(0)
        .execute("require('node:child_process').spawn('setsid', ['sleep', '611'], { detached: true }); 1");
      await until('it sleeps', () => home.processes().some(({ command }) => command === 'sleep 611'));
      await client.close();
      const sleeper = home.processes().find(({ command }) => command === 'sleep 611')?.pid as number;
      // Whoever could sweep is killed, and the orphan is all that is left.
      for (const { pid } of home.processes().filter((each) => each.pid !== sleeper))
        process.kill(pid, 'SIGKILL');
      const stranger = home.spawn('engine', ['--timeout', '60s', '--file', '/nowhere'], {
        env: { IPCLUSTER_MARK: 'somebody#else#' },
      });
      expect((await home.json<{ processes: { what: string }[] }>('ps')).processes).toMatchObject([
        { what: 'task', pid: sleeper },
      ]);
      expect((await home.run(['clean'])).stdout).toMatch(/1 orphans were ended/);
      expect(home.processes().filter(({ pid }) => pid !== stranger.pid)).toEqual([]);
      expect(stranger.exitCode).toBeNull();
      stranger.kill('SIGTERM');
    },
  );

  test("nuke removes what is ours and nothing of the user's", async () => {
    await home.json('start', '-n', '1', '-d', '--cluster-id', 'second');
    const own = [
      home.path('startup', 'mine.py'),
      home.path('security', 'notes.txt'),
      home.path('log', 'x.log'),
    ];
    for (const path of own) {
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, 'mine');
    }
    const python = home.path('security', 'ipcontroller-python-client.json');
    writeFileSync(python, '{"hb_ping": 1, "registration": 2}');
    const said = (await home.run(['nuke'])).stdout;
    expect(said).toMatch(/second: \d processes were ended/);
    for (const path of own) expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(existsSync(python)).toBe(true);
    expect(existsSync(home.path('second'))).toBe(false);
    rmSync(home.path('security'), { recursive: true });
  });
});

describe("beside Python's controller", () => {
  const place = (role: string): string => home.path('security', `ipcontroller-${role}.json`);
  const fixture = (role: string): string =>
    readFileSync(`test/fixtures/ipyparallel/ipcontroller-${role}.json.txt`, 'utf8');
  const put = (role: string): void => {
    mkdirSync(home.path('security'), { recursive: true, mode: 0o700 });
    writeFileSync(place(role), fixture(role), { mode: 0o600 });
  };
  afterEach(() => {
    for (const role of ['client', 'engine']) rmSync(place(role), { force: true });
  });

  test.each([[['client', 'engine']], [['client']], [['engine']]])(
    'a start leaves its files %j alone, and says whose they are',
    async (roles) => {
      for (const role of roles) put(role);
      const { code, stderr } = await home.run(['start', '-n', '1', '-d']);
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(/A controller of Python's ipyparallel has its connection files there/),
      ]);
      expect((await home.run([], { program: 'ipcontroller' })).code).toBe(2);
      for (const role of roles) expect(readFileSync(place(role), 'utf8')).toBe(fixture(role));
      expect((await home.run(['start', '-n', '0', '-d', '--cluster-id', 'beside'])).code).toBe(0);
    },
  );

  test('files that it put in the place of ours stay when ours ends', async () => {
    await home.json('start', '-n', '0', '-d');
    put('client');
    expect((await home.run(['stop'])).code).toBe(0);
    expect(readFileSync(place('client'), 'utf8')).toBe(fixture('client'));
    expect(existsSync(place('engine'))).toBe(false);
    expect(home.processes()).toEqual([]);
  });
});

describe('a controller that lives is not ended by a start', () => {
  const security = (): string[] =>
    ['client', 'engine', 'key'].map((name) => home.path('security', `ipcontroller-${name}.json`));

  test('although its files are gone: it writes them again', async () => {
    await home.json('start', '-n', '1', '-d');
    const [pid] = pidsOf('ipcontroller');
    for (const flags of [[], ['--reuse']]) {
      for (const path of security()) rmSync(path);
      const { code, stderr } = await home.run(['start', '-n', '1', '-d', ...flags]);
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining(`A cluster runs there already (controller pid ${pid} on `),
      ]);
      expect(pidsOf('ipcontroller')).toEqual([pid]);
    }
    for (const path of security()) rmSync(path);
    expect((await home.run(['exec', '6 * 7'])).stdout).toBe('[0] 42\n');
  });

  test('although it is stopped by a signal', async () => {
    await home.json('start', '-n', '1', '-d');
    const [pid] = pidsOf('ipcontroller');
    process.kill(pid as number, 'SIGSTOP');
    const { code, stderr } = await home.run(['start', '-n', '1', '-d']);
    process.kill(pid as number, 'SIGCONT');
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(`its controller (pid ${pid}) is stopped by a signal`),
    ]);
    expect((await home.run(['exec', '6 * 7'])).stdout).toBe('[0] 42\n');
  });
});

describe('connection files', () => {
  test(
    'deleted while the cluster runs: who is connected goes on, and stop still ' + 'ends everything',
    async () => {
      await home.json('start', '-n', '1', '-d');
      const client = await Client.connect();
      rmSync(home.path('security', 'ipcontroller-client.json'));
      expect(await client.direct(0).execute('1 + 1')).toBe(2);
      expect((await home.run(['status'])).stdout).toMatch(/no connection file/);
      expect((await home.run(['stop'])).code).toBe(0);
      expect(home.processes()).toEqual([]);
      await client.close();
    },
  );

  test.skipIf(process.getuid?.() !== 0)('of another user: refused with a sentence', async () => {
    await home.json('start', '-n', '1', '-d');
    chownSync(home.path('security', 'ipcontroller-client.json'), 65_534, 65_534);
    const { code, stderr } = await home.run(['exec', '1']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/belongs to another user \(uid 65534\)/)]);
  });
});

describe('profiles and settings', () => {
  test('create, list, show, delete', async () => {
    const { configFile } = await home.json<{ configFile: string }>('profile', 'create', 'lab');
    expect(readFileSync(configFile, 'utf8')).toContain('#urlFile:');
    expect(await home.json('profile', 'create', 'lab')).toMatchObject({ created: false });
    writeFileSync(configFile, 'n: 1\nlease: 20s\n');
    expect((await home.run(['profile', 'show', 'lab'])).stdout).toMatch(/lease: 20s \(.*line 2\)/);
    expect((await home.json<{ profiles: object[] }>('profile', 'list')).profiles).toContainEqual(
      expect.objectContaining({ profile: 'lab', clusters: [] }),
    );
    expect(await home.json('start', '--profile', 'lab', '-d')).toMatchObject({ engines: 1 });
    const client = await Client.connect({ profile: 'lab' });
    expect((await client.status()).controller.lease).toBe(20_000);
    await client.close();
    expect((await home.run(['profile', 'delete', 'lab'])).code).toBe(2);
    await home.run(['stop', '--profile', 'lab']);
    writeFileSync(configFile, 'leese: 1s\n');
    expect(await home.run(['start', '--profile', 'lab'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/line 1: .*did you mean lease\?/),
    });
    expect((await home.run(['profile', 'delete', 'lab'])).stdout).toMatch(
      /holds settings of yours and was kept/,
    );
    rmSync(join(configFile, '..'), { recursive: true });
  });

  test(
    "an engine by hand takes urlFile from its profile, and a controller its lease; IPython's own names " +
      'are no cluster ids',
    async () => {
      mkdirSync(home.path(), { recursive: true });
      await home.json('start', '-n', '0', '-d', '--cluster-id', 'far');
      writeFileSync(
        home.path('ipcluster_config.yaml'),
        `urlFile: ${home.path('security', 'ipcontroller-far-engine.json')}\n`,
      );
      const engine = home.spawn('ipengine', []);
      const client = await Client.connect({ clusterId: 'far' });
      await client.waitForEngines(1, { timeout: 10_000 });
      engine.kill('SIGTERM');
      await client.close();
      expect((await home.run(['start', '--cluster-id', 'startup'])).stderr).toMatch(
        /cannot be a cluster id: IPython has a folder of that name/,
      );
      rmSync(home.path('ipcluster_config.yaml'));
    },
  );
});

describe('stale code', () => {
  test(
    'a file that changed since it was loaded is shown, and restart takes the new one, idle ' +
      'engines first',
    async () => {
      await home.json('start', '-n', '2', '-d');
      const client = await Client.connect();
      const [inner, outer] = ['inner', 'outer'].map((name) => join(home.folder, `${name}.mjs`)) as [
        string,
        string,
      ];
      writeFileSync(inner, 'export const version = 1;');
      writeFileSync(outer, "export { version } from './inner.mjs';");
      const read = (id: number) => client.direct(id).execute(`(await import('${outer}')).version`);
      expect([await read(0), await read(1)]).toEqual([1, 1]);
      const watch = home.spawn('ipcluster', ['engines', 'restart', '--watch', inner]);
      await new Promise((resolve) => watch.stderr.once('data', resolve));
      const busy = client.direct(0).execute('await new Promise((r) => setTimeout(r, 4000)); 7');
      writeFileSync(inner, 'export const version = 2;');
      await until(
        'it is said',
        async () => (await client.status()).engines.some(({ stale }) => stale.includes(inner)),
        6000,
      );
      await until(
        'the idle one is new',
        async () => (await client.status()).engines.find(({ id }) => id === 1)?.restarts === 1,
      );
      expect((await client.status()).engines.find(({ id }) => id === 0)?.restarts).toBe(0);
      expect(await busy).toBe(7);
      await until('both are new', async () =>
        (await client.status()).engines.every(({ restarts }) => restarts === 1),
      );
      expect([await read(0), await read(1)]).toEqual([2, 2]);
      expect((await client.status()).engines.flatMap(({ stale }) => stale)).toEqual([]);
      watch.kill('SIGINT');
      await client.close();
    },
  );
});

describe('what user code may do to its engine', () => {
  test('tasks run without the rank of their engine, and die before it when memory runs out', async () => {
    const rank = {
      OMPI_COMM_WORLD_RANK: '3',
      PMIX_RANK: '3',
      SLURM_PROCID: '3',
      SLURM_STEP_ID: '0',
      SLURM_JOB_ID: '77',
    };
    await home.run(['start', '-n', '1', '-d', '--launcher', 'local'], { env: rank });
    const client = await Client.connect();
    const names = (await client.direct(0).execute('Object.keys(process.env)')) as string[];
    expect(names.filter((name) => name in rank)).toEqual(['SLURM_JOB_ID']);
    expect(await client.direct(0).execute('process.env.SLURM_OVERLAP')).toBe('1');
    const { stdout } = await client.direct(0).command(['sh', '-c', 'env; cat /proc/self/oom_score_adj']);
    expect(stdout).not.toMatch(/RANK|PROCID|STEP/);
    const scoreOf = (pid: number | undefined): number =>
      Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'));
    const engine = scoreOf(pidsOf('engine')[0]);
    expect(Number(stdout.trim().split('\n').at(-1))).toBeGreaterThan(engine);
    expect(engine).toBeGreaterThan(scoreOf(pidsOf('ipengine')[0]));
    await client.close();
  });

  test('an endless print is dropped, not kept: memory of every process stays bounded', async () => {
    await home.json('start', '-n', '1', '-d');
    const client = await Client.connect();
    const before = home.processes().reduce((sum, { memory }) => sum + memory, 0);
    const flood = client.direct(0).execute("for (;;) console.log('x'.repeat(1000));");
    flood.then(undefined, () => {});
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const after = home.processes().reduce((sum, { memory }) => sum + memory, 0);
    expect(after - before).toBeLessThan(250e6);
    await flood.cancel();
    expect(await client.direct(0).execute("console.log('heard'); 1")).toBe(1);
    await client.close();
  });
});
