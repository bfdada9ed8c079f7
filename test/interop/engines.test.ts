import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import type { ClusterStatus } from '../../src/cluster/status.js';
import { Home, until } from '../helpers.js';
import { bed, python, root, runPython } from './python.js';

/*
 * Engines of Python, and clients of Python, on this machine: with our commands, beside engines and clients of
 * ours.
 */

describe.skipIf(!root)("Python's engines and clients (needs root for its packages)", () => {
  let home: Home;
  let client: Client | undefined;

  beforeAll(() => {
    bed('python', 'up');
    home = new Home();
  }, 300_000);

  afterEach(async () => {
    await client?.close();
    client = undefined;
    await home.run(['stop']);
  });

  afterAll(() => home.leave());

  const start = (...args: string[]) =>
    home.json<{ engines: number; ids: number[]; error?: { code: string; message: string } }>(
      'start',
      '-d',
      '--python',
      python,
      ...args,
    );
  const status = () => home.json<ClusterStatus>('status');
  const connect = async (): Promise<Client> => {
    client = await Client.connect({ file: home.path('security', 'ipcontroller-client.json') });
    return client;
  };

  test('the words of the README: four ids, four pids, and nothing is left', async () => {
    expect(await start('-n', '4', '--engine', 'python')).toMatchObject({ engines: 4, ids: [0, 1, 2, 3] });
    const [line] = await runPython(
      home,
      'rc = ipp.Client(); print(json.dumps([rc.ids, rc[:].apply_sync(lambda: __import__("os").getpid())]))',
    );
    const [ids, pids] = JSON.parse(line ?? '') as [number[], number[]];
    expect(ids).toEqual([0, 1, 2, 3]);
    const { engines } = await status();
    expect(engines.map(({ pid, language }) => [pid, language])).toEqual(pids.map((pid) => [pid, 'python']));
    const { processes } = await home.json<{ processes: { pid: number; what: string }[] }>('ps');
    const named = (what: string): number[] =>
      processes.flatMap((one) => (one.what === what ? [one.pid] : []));
    expect([named('engine').sort(), named('gateway').length, named('other')]).toEqual([
      [...pids].sort(),
      1,
      [],
    ]);
    expect(await home.json('stop')).toMatchObject({ orderly: true, killed: 0 });
    expect(home.processes()).toEqual([]);
  });

  test('the lines that connect prints work when pasted', async () => {
    await start('-n', '1', '--engine', 'python');
    const { python: lines } = await home.json<{ python: string }>('connect');
    expect(await runPython(home, `${lines.replace(/^rc\[:\](.*)$/m, 'print(rc[:]$1)')}`)).toEqual(['[42]']);
  });

  test(
    'mixed: each side sees the engines of the other, runs text on them, and is refused what they ' +
      'cannot read',
    async () => {
      await start('-n', '2');
      expect(
        await home.json('engines', 'add', '-n', '2', '--engine', 'python', '--python', python),
      ).toMatchObject({
        ids: [0, 1, 2, 3],
      });
      const own = await connect();
      const executed = own.direct([2, 3]).execute('import os\nprint("from python")\n6 * 7');
      await executed;
      expect([executed.texts, executed.output]).toEqual([['42', '42'], 'from python\nfrom python\n']);
      await expect(own.direct([2]).apply((x: number) => x, 1)).rejects.toMatchObject({
        code: 'WRONG_LANGUAGE',
      });
      await expect(own.direct([3]).execute('1/0')).rejects.toMatchObject({
        ename: 'ZeroDivisionError',
        engineId: 3,
      });
      expect(await own.balanced().map((x: number) => x * 2, [1, 2, 3, 4])).toEqual([2, 4, 6, 8]);
      const lines = await runPython(
        home,
        `
rc = ipp.Client()
print(rc.ids)
ar = rc[[0, 1]].execute('console.log("from node"); 6 * 7', silent=False)
ar.get()
ar.wait_for_output(5)
print(ar.stdout, [r['data']['text/plain'] for r in ar.execute_result])
try:
    rc[0].apply_sync(os.getpid)
except ipp.error.RemoteError as e:
    print(e.ename)
try:
    rc[1].execute('throw new TypeError("no")').get()
except ipp.error.RemoteError as e:
    print(e.ename, e.evalue)
print(rc.load_balanced_view().map_sync(lambda x: x * 2, range(4)))
ar = rc.broadcast_view().execute('1 + 1', silent=False)
ar.get()
print(len(ar.get()))
print(sorted(rc.queue_status()[2]))
`,
      );
      expect(lines).toEqual([
        '[0, 1, 2, 3]',
        "['from node\\n', 'from node\\n'] ['42', '42']",
        'WrongLanguage',
        'TypeError no',
        '[0, 2, 4, 6]',
        '4',
        "['completed', 'queue', 'tasks']",
      ]);
    },
  );

  test(
    'code that fails stops the code of its client behind it, unless it is silent, ' + 'wherever that waits',
    async () => {
      await start('-n', '1');
      await home.run(['engines', 'add', '-n', '1', '--engine', 'python', '--python', python]);
      const independent = home.spawnOn(undefined, [python, '-m', 'ipyparallel.engine']);
      const over = new Promise((done) => independent.once('close', done));
      const lines = await runPython(
        home,
        `
rc = ipp.Client()
rc.wait_for_engines(3, timeout=20)
other = ipp.Client()
def ending(ar):
    try:
        ar.get(10)
        return 'ok'
    except ipp.error.RemoteError as e:
        return e.ename
    except ipp.error.TaskAborted:
        return 'aborted'
slow = 'import time; time.sleep(0.5); 1/0'
for engine, fails in enumerate(['await new Promise((done) => setTimeout(done, 500)); null.x', slow, slow]):
    for silent in (True, False):
        asked = [rc[engine].execute(fails, silent=silent, block=False)]
        asked += [rc[engine].execute('1 + 1', silent=False, block=False) for i in range(3)]
        time.sleep(0.1)
        asked += [other[engine].execute('1 + 1', silent=False, block=False)]
        print(engine, silent, *map(ending, asked))
rc.shutdown(targets=[2], block=True)
`,
      );
      expect(lines).toEqual([
        '0 True TypeError ok ok ok ok',
        '0 False TypeError aborted aborted aborted ok',
        '1 True ZeroDivisionError ok ok ok ok',
        '1 False ZeroDivisionError aborted aborted aborted ok',
        '2 True ZeroDivisionError ok ok ok ok',
        '2 False ZeroDivisionError aborted aborted aborted ok',
      ]);
      await over;
    },
  );

  test(
    'an engine that dies is noticed at once and comes back; interrupt, restart, signals and logs are ' +
      'those of all engines',
    async () => {
      await start('-n', '2', '--engine', 'python');
      const lines = await runPython(
        home,
        `
rc = ipp.Client()
ar = rc[1].apply_async(os._exit, 3)
begin = time.time()
try:
    ar.get(10)
except ipp.error.RemoteError as e:
    print(e.ename, time.time() - begin < 1)
rc.wait_for_engines(2, timeout=20)
print(rc[1].apply_sync(lambda: 'again'))
ar = rc[0].apply_async(time.sleep, 60)
time.sleep(0.5)
rc.send_signal('SIGINT', targets=0, block=True)
try:
    ar.get(10)
except ipp.error.RemoteError as e:
    print(e.ename)
lb = rc.load_balanced_view()
lb.targets = [0]
first, second = lb.apply_async(time.sleep, 1), lb.apply_async(os.getpid)
second.abort()
try:
    second.get(10)
except ipp.error.TaskAborted:
    print('aborted')
`,
      );
      expect(lines).toEqual(['EngineError True', 'again', 'KeyboardInterrupt', 'aborted']);
      const { engines } = await status();
      expect(engines.map(({ restarts }) => restarts)).toEqual([0, 1]);
      const own = await connect();
      const endless = own.direct([0]).execute('import time\nwhile True: time.sleep(0.01)');
      await until('it runs', async () => (await status()).engines[0]?.state === 'busy');
      expect((await home.run(['engines', 'interrupt', '0'])).stdout).toMatch(/interrupted/);
      await expect(endless).rejects.toMatchObject({ ename: 'KeyboardInterrupt' });
      expect((await home.run(['logs', '--engine', '0'])).stdout).toMatch(/IPEngine/);
      await own.direct([0]).execute('kept = 1');
      expect((await home.run(['engines', 'restart', '0'])).code).toBe(0);
      await expect(own.direct([0]).execute('kept')).rejects.toMatchObject({ ename: 'NameError' });
    },
  );

  test('code that does not give way to an interrupt ends with its engine, under the same id', async () => {
    await start('-n', '1', '--engine', 'python');
    const own = await connect();
    const stubborn = own
      .direct([0])
      .execute('import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(60)');
    await until('it runs', async () => (await status()).engines[0]?.state === 'busy');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await home.run(['engines', 'interrupt', '0'])).stdout).toMatch(/restarted/);
    await expect(stubborn).rejects.toMatchObject({ code: expect.stringMatching(/TASK_ABORTED|ENGINE_DIED/) });
    await until('it is there again', async () => (await status()).engines[0]?.restarts === 1);
    const again = own.direct([0]).execute('1 + 1');
    await again;
    expect(again.texts).toEqual(['2']);
  });

  test('a gateway that is killed is started again, and its engines with it', async () => {
    await start('-n', '2', '--engine', 'python');
    const gateway = home.processes().find(({ command }) => command.includes('ipgateway.js'));
    process.kill(gateway?.pid ?? 0, 'SIGKILL');
    await until(
      'both are there again',
      async () => (await status()).engines.filter(({ restarts }) => restarts === 1).length === 2,
      20_000,
    );
    expect(await runPython(home, 'print(ipp.Client()[:].apply_sync(lambda: 1))')).toEqual(['[1, 1]']);
  });

  test('a supervisor that is killed takes its engines and its gateway with it, busy ones too', async () => {
    await start('-n', '2', '--engine', 'python');
    await runPython(home, 'ipp.Client()[0].apply_async(time.sleep, 600); time.sleep(0.5)');
    const [supervisor] = home.processesOf('ipengine');
    process.kill(supervisor?.pid ?? 0, 'SIGKILL');
    await until(
      'no engine is left',
      () => !home.processes().some(({ command }) => /ipyparallel|ipgateway/.test(command)),
    );
  });

  test(
    'a controller that is killed and comes back finds them again, and no balanced ' + 'task is lost',
    async () => {
      await start('-n', '2', '--engine', 'python', '--lease', '10s');
      const mapped = runPython(
        home,
        'lb = ipp.Client().load_balanced_view()\nars = [lb.apply_async(time.sleep, 0.05) for i in ' +
          'range(40)]\ntime.sleep(0.5)\nprint(*[m for a in ars for m in a.msg_ids])',
      );
      const ids = ((await mapped)[0] ?? '').split(' ');
      const controller = home.processes().find(({ command }) => command.includes('ipcontroller.js'));
      process.kill(controller?.pid ?? 0, 'SIGKILL');
      expect(
        await home.json(
          'start',
          '-d',
          '-n',
          '2',
          '--engine',
          'python',
          '--python',
          python,
          '--lease',
          '10s',
          '--reuse',
        ),
      ).toMatchObject({ engines: 2 });
      const [done] = await runPython(
        home,
        `rc = ipp.Client()\nar = rc.get_result(json.loads('${JSON.stringify(ids)}'))\nprint(len(ar.get(30)))`,
      );
      expect(done).toBe('40');
    },
  );

  test(
    'an engine that came by itself finds the controller that comes after, and keeps its id and ' +
      'its namespace',
    async () => {
      await start('-n', '1', '--lease', '10s');
      const independent = home.spawnOn(undefined, [python, '-m', 'ipyparallel.engine']);
      const over = new Promise((done) => independent.once('close', done));
      const before = await runPython(
        home,
        'rc = ipp.Client()\nrc.wait_for_engines(2, timeout=20)\nrc[1]["kept"] = 7\nprint(rc.ids, ' +
          'rc[1].apply_sync(os.getpid))',
      );
      expect(before).toEqual([`[0, 1] ${independent.pid}`]);
      const controller = home.processes().find(({ command }) => command.includes('ipcontroller.js'));
      process.kill(controller?.pid ?? 0, 'SIGKILL');
      expect(await home.json('start', '-d', '-n', '1', '--lease', '10s', '--reuse')).toMatchObject({
        ids: expect.arrayContaining([0]),
      });
      const again = await runPython(
        home,
        `
rc = ipp.Client()
rc.wait_for_engines(2, timeout=20)
print(rc.ids, rc[1].apply_sync(os.getpid), rc[1]["kept"])
lb = rc.load_balanced_view()
print(lb.apply_sync(lambda: 1))
`,
      );
      expect(again).toEqual([`[0, 1] ${independent.pid} 7`, '1']);
      await home.run(['stop']);
      await over;
    },
  );

  test(
    'an interpreter that is not there, or has no ipyparallel, is found before ' + 'anything is started',
    async () => {
      const wrong = await home.run([
        'start',
        '-n',
        '1',
        '-d',
        '--engine',
        'python',
        '--python',
        '/no/python',
      ]);
      expect(wrong).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/\/no\/python cannot be used as an interpreter of Python/),
      });
      const bare = home.path('..', 'bare');
      writeFileSync(bare, `#!/bin/sh\nexec ${python} -I -S "$@"\n`, { mode: 0o755 });
      const lacking = await home.run(['start', '-n', '1', '-d', '--engine', 'python', '--python', bare]);
      expect(lacking).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/has no module ipyparallel.*\n.*--python/),
      });
      expect(existsSync(home.path('default', 'jobs'))).toBe(
        existsSync(home.path('default', 'jobs')) && readdirSync(home.path('default', 'jobs')).length > 0,
      );
      expect(home.processes()).toEqual([]);
      const words = await home.run(['start', '-n', '1', '-d', '--engine', 'node --mpi']);
      expect(words).toMatchObject({ code: 2, stderr: expect.stringMatching(/node takes no words/) });
    },
  );

  test('words after python go to the engine, and any command may be one', async () => {
    const script = join(home.folder, 'startup.py');
    writeFileSync(script, 'prepared = 7\n');
    await start('-n', '1', '--engine', `python -s ${script}`);
    expect(await runPython(home, 'print(ipp.Client()[:]["prepared"])')).toEqual(['[7]']);
    await home.run(['stop']);
    const own = join(home.folder, 'engine.sh');
    writeFileSync(own, `#!/bin/sh\nexec ${python} -m ipyparallel.engine "$1"\n`, { mode: 0o755 });
    expect(await start('-n', '2', '--engine', own)).toMatchObject({ engines: 2 });
    expect(await runPython(home, 'print(ipp.Client()[:].apply_sync(lambda: 1))')).toEqual(['[1, 1]']);
    rmSync(script);
  });

  test('files for Python are for their user alone', async () => {
    await start('-n', '1', '--engine', 'python');
    const client = home.path('security', 'ipcontroller-client.json');
    expect(statSync(client).mode & 0o777).toBe(0o600);
    const { key, curve_serverkey: server } = JSON.parse(readFileSync(client, 'utf8')) as {
      key: string;
      curve_serverkey: string;
    };
    expect([key.length, server.length]).toEqual([43, 40]);
    const argv = home
      .processes()
      .map(
        ({ pid }) =>
          readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8'),
      );
    expect(argv.some((text) => text.includes(key) || text.includes(server))).toBe(false);
  });

  test('without a gateway nothing of ZeroMQ is loaded, and connect says what Python would need', async () => {
    await start('-n', '1', '--gateway', 'off');
    const controller = home.processes().find(({ command }) => command.includes('ipcontroller.js'));
    expect(readFileSync(`/proc/${controller?.pid}/maps`, 'utf8')).not.toMatch(/zeromq/);
    expect((await home.run(['connect'])).stdout).toMatch(/start with --gateway curve/);
  });
});
