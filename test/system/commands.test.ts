import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Home, until } from '../helpers.js';

const home = new Home();
afterAll(() => home.leave());

interface Executed {
  results: { engine: number; value: unknown; error?: { ename: string } }[];
}

describe('a cluster of four, by the command line', () => {
  beforeAll(async () => {
    const started = await home.json('start', '-n', '4', '-d');
    expect(started).toMatchObject({ clusterId: '', profile: 'default', engines: 4, ids: [0, 1, 2, 3] });
    expect(existsSync(String(started['connectionFile']))).toBe(true);
    expect(started['seconds']).toBeGreaterThan(0);
  });

  test('has four engines in four processes, with a namespace each', async () => {
    const { results } = await home.json<Executed>('exec', 'process.pid');
    expect(new Set(results.map(({ value }) => value)).size).toBe(4);
    expect((await home.run(['exec', 'x = engineId * 2'])).code).toBe(0);
    expect((await home.run(['exec', 'x'])).stdout).toBe('[0] 0\n[1] 2\n[2] 4\n[3] 6\n');
    expect((await home.run(['exec', '--targets', '1,3', 'x'])).stdout).toBe('[1] 2\n[3] 6\n');
  });

  test('streams output, and says where code failed', async () => {
    const { stdout, stderr, code } = await home.run([
      'exec',
      '-t',
      '0',
      "console.log('out'); console.error('err'); null.f",
    ]);
    expect(stdout).toContain('out');
    expect(stderr).toContain('err');
    expect(stderr).toMatch(/engine 0: TypeError: Cannot read properties of null/);
    expect(stderr).toMatch(/at .*execute-\d+:1:/);
    expect(stderr).not.toContain('dist/programs');
    expect(code).toBe(1);
  });

  test('runs a file, with a stack into that file', async () => {
    const file = join(home.folder, 'work.js');
    writeFileSync(file, 'const y = await Promise.resolve(engineId);\n\nthrow new RangeError(`at ${y}`);\n');
    const { stderr, code } = await home.run(['exec', '-t', '2', '--file', file]);
    expect(stderr).toMatch(/RangeError: at 2/);
    expect(stderr).toContain(`${file}:3:`);
    expect(code).toBe(1);
  });

  test('--no-wait prints an id, and result shows what came of it', async () => {
    const signal = join(home.folder, 'go');
    const code = `const { existsSync } = await import('node:fs');
      while (!existsSync('${signal}')) await new Promise((r) => setTimeout(r, 20));
      42`;
    const { id } = await home.json<{ id: string }>('exec', '--no-wait', '-t', '1', code);
    expect((await home.json<{ record: { status: string } }>('result', id)).record.status).toBe('pending');
    writeFileSync(signal, '');
    expect(await home.json('result', id, '--wait')).toMatchObject({
      record: { status: 'ok', engine: 1 },
      results: [{ value: 42 }],
    });
  });

  test('status is an object with everything', async () => {
    const status = await home.json('status');
    expect(status).toMatchObject({ running: true, profile: 'default', queues: { balanced: 0, running: 0 } });
    expect(status['engines']).toHaveLength(4);
    const [engine] = status['engines'] as Record<string, unknown>[];
    for (const key of ['id', 'uuid', 'host', 'pid', 'state', 'task', 'since', 'language', 'rank'])
      expect(engine).toHaveProperty(key);
    expect(status['jobs']).toMatchObject([
      { role: 'controller', state: 'running' },
      { role: 'engines', state: 'running', count: 4 },
    ]);
    expect((await home.run(['status'])).stdout).toMatch(/id\s+state\s+for/);
  });

  test('list, ps, logs, connect, launchers, script and completion say something useful', async () => {
    expect((await home.json<{ clusters: object[] }>('list')).clusters).toMatchObject([
      { profile: 'default', running: true, engines: 4 },
    ]);
    const { processes } = await home.json<{ processes: { what: string }[] }>('ps');
    expect(processes.map(({ what }) => what).sort()).toEqual([
      'controller',
      ...Array(4).fill('engine'),
      'job',
      'job',
      'supervisor',
    ]);
    expect((await home.run(['logs'])).stdout).toContain('engine 3 joined');
    expect((await home.run(['connect'])).stdout).toContain("Client.connect({ profile: 'default' })");
    expect((await home.run(['launchers'])).stdout).toContain('local: processes of this machine');
    expect((await home.run(['script', '-n', '2'])).stdout).toContain('IPCLUSTER_COUNT=2');
    for (const shell of ['bash', 'zsh', 'fish'])
      expect((await home.run(['completion', shell])).stdout).toContain('dry-run');
    expect((await home.run(['--version'])).stdout).toMatch(/^ipcluster \d+\.\d+\.\d+ \(TypeScript/);
  });

  test('no secret is in any argument or environment', async () => {
    const { token } = JSON.parse(readFileSync(home.path('security', 'ipcontroller-client.json'), 'utf8')) as {
      token: string;
    };
    const { token: engineToken } = JSON.parse(
      readFileSync(home.path('security', 'ipcontroller-engine.json'), 'utf8'),
    ) as {
      token: string;
    };
    expect(token).not.toBe(engineToken);
    for (const { pid } of home.processes()) {
      const seen =
        readFileSync(`/proc/${pid}/environ`, 'utf8') + readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      expect(seen.includes(token) || seen.includes(engineToken)).toBe(false);
    }
  });

  test('SIGUSR1 opens no inspector and ends nothing', async () => {
    const pids = home.processes().map(({ pid }) => pid);
    for (const pid of pids) process.kill(pid, 'SIGUSR1');
    const opened = await new Promise<boolean>((resolve) => {
      const socket = connect(9229, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    expect(opened).toBe(false);
    expect((await home.run(['exec', 'x'])).stdout).toContain('[3] 6');
    expect(home.processes().map(({ pid }) => pid)).toEqual(pids);
  });

  test('Ctrl-C of exec interrupts what it started', async () => {
    const child = home.spawn('ipcluster', ['exec', '-t', '0', 'while (true) {}']);
    const closed = new Promise((resolve) => child.once('close', resolve));
    const stateOf = async (): Promise<string | undefined> =>
      (await home.json<{ engines: { state: string }[] }>('status')).engines[0]?.state;
    await until('engine 0 is busy', async () => (await stateOf()) === 'busy');
    child.kill('SIGINT');
    expect(await closed).toBe(130);
    expect(await stateOf()).toBe('idle');
  });

  test('engines can be added, restarted and stopped', async () => {
    expect(await home.json('engines', 'add', '-n', '2')).toEqual({ engines: 6, ids: [0, 1, 2, 3, 4, 5] });
    await home.run(['exec', 'kept = 1']);
    expect(await home.json('engines', 'restart', '4')).toEqual({ restarted: [4] });
    const { results } = await home.json<Executed>('exec', 'typeof kept');
    expect(results.map(({ value }) => value)).toEqual([
      'number',
      'number',
      'number',
      'number',
      'undefined',
      'number',
    ]);
    expect(await home.json('engines', 'stop', '4,5')).toEqual({ stopped: [4, 5] });
    await until(
      'two engines have left',
      async () => (await home.json<{ engines: object[] }>('status')).engines.length === 4,
    );
  });

  test('a second start is refused, and harms nothing', async () => {
    const { code, stderr } = await home.run(['start', '-n', '1', '-d']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('runs there already')]);
    expect((await home.run(['exec', 'x'])).stdout).toContain('[3] 6');
  });

  test('a second cluster id is a second cluster', async () => {
    expect(await home.json('start', '-n', '1', '-d', '--cluster-id', 'two')).toMatchObject({
      clusterId: 'two',
      engines: 1,
    });
    expect((await home.run(['exec', '--cluster-id', 'two', '1 + 1'])).stdout).toBe('[0] 2\n');
    expect(await home.json('kill', '--cluster-id', 'two')).toMatchObject({ killed: 5 });
    // Systems whose tools are here and whose daemons are not are named besides.
    expect(await home.json('ps', '--cluster-id', 'two')).toMatchObject({ processes: [], jobs: [] });
  });

  test('stop leaves no process, no connection file and no socket', async () => {
    expect(await home.json('stop')).toEqual({ clusterId: '', orderly: true, killed: 0 });
    expect(home.processes()).toEqual([]);
    expect(existsSync(home.path('security', 'ipcontroller-client.json'))).toBe(false);
    expect((await home.run(['status'])).code).toBe(4);
  });
});

describe('wrong use', () => {
  test.each([
    [['start', '--colour'], /has no flag --colour/],
    [['fly'], /no command "fly"/],
    [['engines', 'fly'], /no command "engines fly"/],
    [['start', '-n', '-1'], /-n/],
    [['start', '-n', 'x'], /-n is "x"/],
    [['start', '--launcher', 'torpedo'], /no launcher "torpedo"/],
    [['start', '-o', 'colour=red'], /no option "colour"/],
    [['start', '--port', '99999'], /--port is/],
    [['start', '--timeout', 'soon'], /--timeout is/],
    [['start', '--profile', '../up'], /cannot be a profile/],
    [['start', '--cluster-id', 'a b'], /cannot be a cluster id/],
    [['exec'], /Give either code or --file/],
    [['exec', '--file', '/no/such/file'], /cannot be read/],
    [['map'], /no command/],
    [['stop', '--', 'x'], /takes nothing after --/],
    [['map', '--retries', 'x', '--', 'true', ':::', 'a'], /--retries is/],
    [['map', '--env', 'NO_SUCH_VARIABLE', '--', 'true', ':::', 'a'], /no such variable/],
    [['completion', 'tcsh'], /no completion for "tcsh"/],
  ])('%j exits 2 with a sentence, and starts nothing', async (args, sentence) => {
    const { code, stderr, stdout } = await home.run(args);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([2, '']);
    expect(home.processes()).toEqual([]);
  });

  test.each([['stop'], ['status'], ['exec', '1'], ['connect'], ['result', 'x']])(
    '%s without a cluster exits 4',
    async (...args) => {
      const { code, stderr } = await home.run(args);
      expect([code, stderr]).toEqual([4, expect.stringMatching(/No cluster of profile "default"/)]);
    },
  );

  test('with --json the error is an object too', async () => {
    const { stdout, code } = await home.run(['status', '--json', '--profile', 'nobody']);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'CLUSTER_NOT_FOUND', suggestions: expect.any(Array) },
    });
  });

  test('a port in use is named, and nothing is left', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { code, stderr } = await home.run(['start', '-n', '1', '-d', '--port', String(port)]);
    server.close();
    expect(stderr).toMatch(/taken by another program/);
    expect(code).toBe(2);
    expect(home.processes()).toEqual([]);
  });

  test.each([
    ['half a file', '{"kind": "ipclu', /no JSON/],
    [
      "Python's file",
      readFileSync('test/fixtures/ipyparallel/ipcontroller-client.json.txt', 'utf8'),
      /Python's/,
    ],
  ])('%s in the place of the connection file gets a sentence', async (_what, text, sentence) => {
    mkdirSync(home.path('security'), { recursive: true });
    writeFileSync(home.path('security', 'ipcontroller-client.json'), text);
    const { code, stderr } = await home.run(['exec', '1']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(sentence)]);
    const { unlinkSync } = await import('node:fs');
    unlinkSync(home.path('security', 'ipcontroller-client.json'));
  });
});

describe('after a SIGKILL of everything', () => {
  test.each([['stop'], ['kill'], ['start', '-n', '1', '-d']])(
    '%s takes the leftovers away',
    async (...args) => {
      const { controller } = await home.json<{ controller: { pid: number } }>('start', '-n', '1', '-d');
      const { socket, memory } = JSON.parse(
        readFileSync(home.path('security', 'ipcontroller-client.json'), 'utf8'),
      ) as Record<string, string>;
      const [engine] = home.processesOf('engine');
      const engineSocket = /\S+\.sock/.exec(engine?.command ?? '')?.[0] ?? '';
      for (const { pid } of home.processes()) process.kill(pid, 'SIGKILL');
      await until('all are gone', () => home.processes().length === 0);
      expect([existsSync(socket ?? ''), existsSync(engineSocket)]).toEqual([true, true]);
      const said =
        args[0] === 'start' ? expect.stringMatching(/had been killed here: nothing of it was running/) : '';
      expect(await home.run(args)).toMatchObject({ code: 0, stderr: said });
      expect([
        existsSync(socket ?? ''),
        existsSync(engineSocket),
        memory ? existsSync(memory) : false,
      ]).toEqual([false, false, false]);
      if (args[0] === 'start') {
        expect((await home.json<{ controller: { pid: number } }>('status')).controller.pid).not.toBe(
          controller.pid,
        );
        await home.run(['stop']);
      }
    },
  );
});

describe('in the foreground', () => {
  test('Ctrl-C stops all, with exit code 130', async () => {
    const child = home.spawn('ipcluster', ['-n', '2']);
    let stdout = '';
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    await until('two engines', () => stdout.includes('2 engines in'));
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(130);
    expect(home.processes()).toEqual([]);
  });

  test.each([20, 150, 300])('Ctrl-C after %i ms, while it starts, leaves nothing', async (delay) => {
    const child = home.spawn('ipcluster', ['start', '-n', '3']);
    const closed = new Promise((resolve) => child.once('close', resolve));
    await new Promise((resolve) => setTimeout(resolve, delay));
    child.kill('SIGINT');
    expect([130, null]).toContain(await closed);
    await until('nothing is left', () => home.processes().length === 0, 5000);
    expect((await home.run(['status'])).code).toBe(4);
  });

  test(
    'IPCLUSTER_N is the default, and -n 0 starts a controller alone, for engines that ' + 'come by hand',
    async () => {
      const { code, stdout } = await home.run(['start', '-d', '--json', '--log-level', 'debug'], {
        env: { IPCLUSTER_N: '0' },
      });
      expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ engines: 0 })]);
      const engine = home.spawn('engine', ['--id', '7']);
      const ended = new Promise((resolve) => engine.once('close', resolve));
      await until(
        'an engine',
        async () => (await home.json<{ engines: { id: number }[] }>('status')).engines[0]?.id === 7,
      );
      expect((await home.run(['exec', 'engineId'])).stdout).toBe('[7] 7\n');
      await home.run(['stop']);
      expect(await ended).toBe(0);
    },
  );

  test('a controller by hand refuses a second one, and removes its files at SIGTERM', async () => {
    const controller = home.spawn('ipcontroller', ['--port', '20000-20100']);
    await until('the file', () => existsSync(home.path('security', 'ipcontroller-client.json')));
    expect((await home.json<{ controller: { store: string } }>('status')).controller.store).toBe(
      home.path('default', 'store.sqlite'),
    );
    const second = await home.run([], { program: 'ipcontroller' });
    expect([second.code, second.stderr]).toEqual([2, expect.stringContaining('runs there already')]);
    controller.kill('SIGTERM');
    expect(await new Promise((resolve) => controller.once('close', resolve))).toBe(0);
    expect(existsSync(home.path('security', 'ipcontroller-client.json'))).toBe(false);
  });

  test('an engine that finds no controller says so, and ends', async () => {
    const { code, stderr } = await home.run(['--timeout', '300ms'], { program: 'ipengine' });
    expect([code, stderr]).toEqual([3, expect.stringMatching(/No connection file after/)]);
  });
});
