import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import type { RemoteError } from '../../src/client/remote-error.js';
import { Cluster } from '../../src/cluster/cluster.js';
import type { ConnectionFile } from '../../src/profile/connection-file.js';
import { Session } from '../../src/protocol/message.js';
import { protocolVersion } from '../../src/protocol/messages.js';
import { dial } from '../../src/transport/dial.js';
import { Peer } from '../../src/transport/peer.js';
import { enterSocket, Home, until } from '../helpers.js';

const home = new Home();
let cluster: Cluster;
let client: Client;

beforeAll(async () => {
  home.enter();
  cluster = await Cluster.start({ n: 4 });
  client = cluster.client;
});

afterAll(async () => {
  await cluster.stop();
  await home.leave();
});

describe('interrupts', () => {
  const outcome = async (code: string): Promise<string | undefined> => {
    const one = client.direct(0);
    const pid = await one.execute('kept = 7; process.pid');
    const aimed = one.execute(code);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const how = (await one.interrupt())['0'];
    await expect(aimed).rejects.toMatchObject({ code: 'TASK_ABORTED' });
    if (how !== 'restarted') expect(await one.execute('[kept, process.pid]')).toEqual([7, pid]);
    return how;
  };

  /** The quickest of three, since what else the machine does is not the question. */
  const quickestStatus = async () => {
    const rounds = [];
    for (let nth = 0; nth < 3; nth += 1) {
      const begin = performance.now();
      const status = await home.json<{ engines: { state: string; task: string; since: string }[] }>('status');
      rounds.push({ ...status, took: performance.now() - begin });
    }
    return rounds.toSorted((one, other) => one.took - other.took)[0] as (typeof rounds)[number];
  };

  test('a tight loop: status answers meanwhile and shows it, the namespace is kept', async () => {
    const idle = await quickestStatus();
    const { id } = await home.json<{ id: string }>(
      'exec',
      '--targets',
      '0',
      '--no-wait',
      'kept = 7; while (true) {}',
    );
    // A loop that is left behind would hold up the tests that come after.
    onTestFinished(async () => void (await client.direct(0).interrupt()));
    await until('engine 0 is busy', async () => (await client.status()).engines[0]?.task === id);
    const busy = await quickestStatus();
    // Nobody waits for the engine: beside a core that spins, a command takes little longer than it did
    // before.
    expect(busy.took).toBeLessThan(2.5 * idle.took);
    const { engines } = busy;
    expect(engines[0]).toMatchObject({ state: 'busy', task: id });
    expect(Date.parse(engines[0]?.since ?? '')).toBeLessThanOrEqual(Date.now());
    const asked = performance.now();
    await client.status();
    expect(performance.now() - asked).toBeLessThan(100);
    expect(await home.json('engines', 'interrupt', '0')).toEqual({ outcomes: { 0: 'interrupted' } });
    expect(await client.direct(0).execute('kept')).toBe(7);
  });

  test.each([
    ['a loop', 'while (true) {}', 'interrupted'],
    ['a loop that prints', "while (true) console.log('x')", 'interrupted'],
    ['a loop after an await', 'await null; while (true) {}', 'interrupted'],
    ['a loop after a timer', 'await new Promise((r) => setTimeout(r, 10)); while (true) {}', 'interrupted'],
    ['a child that is waited for', "require('node:child_process').execSync('sleep 600')", 'interrupted'],
    [
      'a child after an await',
      "await null; require('node:child_process').execSync('sleep 600')",
      'interrupted',
    ],
    ['a wait for nothing', 'await new Promise(() => {})', 'abandoned'],
    ['a lock', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)', 'interrupted'],
    [
      'a loop in a timer, which only a restart ends',
      'setTimeout(() => { while (true) {} }, 1); await new Promise(() => {})',
      'restarted',
    ],
  ])('%s', async (_what, code, how) => {
    expect(await outcome(code)).toBe(how);
    await until(
      'no child is left',
      () => !home.processes().some(({ command }) => command.includes('sleep 600')),
    );
  });

  test('1,000 interrupts aimed at tasks of 1 ms hit those or none, and no engine dies', async () => {
    const one = client.direct(1);
    const pid = await one.execute(
      'burn = (ms) => { const end = performance.now() + ms; while (performance.now() < end); }; process.pid',
    );
    const counts: Record<string, number> = {};
    for (let round = 0; round < 1000; round++) {
      const before = one.execute('1');
      const aimed = one.execute(round % 2 ? 'burn(1)' : 'await null; burn(1)');
      const after = one.execute('2');
      const end = performance.now() + Math.random() * 3;
      while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
      const how = Object.values(await aimed.cancel())[0] as string;
      expect([await before, await after]).toEqual([1, 2]);
      const [settled] = await aimed.settled();
      expect(settled?.status).toBe(how === 'finished' ? 'fulfilled' : 'rejected');
      counts[how] = (counts[how] ?? 0) + 1;
    }
    expect(await one.execute('process.pid')).toBe(pid);
    expect(counts['interrupted']).toBeGreaterThan(0);
    expect(counts['restarted']).toBeUndefined();
  });
});

describe('crashes', () => {
  test('kill -9 of an engine while 1,000 tasks run: 1,000 results, each once', async () => {
    const pid = (await client.direct(3).execute('process.pid')) as number;
    const arrived: number[] = [];
    const work = client.balanced().map(
      async (x: number) => {
        await new Promise((r) => setTimeout(r, 10));
        return x;
      },
      Array.from({ length: 1000 }, (_unused, index) => index),
      { chunk: 1 },
    );
    const collecting = (async () => {
      for await (const { value } of work) arrived.push(value as number);
    })();
    await until('some are done', () => arrived.length > 200);
    const killed = performance.now();
    process.kill(pid, 'SIGKILL');
    const present = async () => (await client.status()).engines.find(({ id }) => id === 3);
    await until('it is noticed', async () => (await present())?.pid !== pid, 1000);
    expect(performance.now() - killed).toBeLessThan(1000);
    await until('it is there again', async () => (await present())?.restarts === 1);
    await collecting;
    expect(arrived.sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_unused, index) => index));
    expect(await work).toEqual(arrived);
  });

  test(
    'a direct request to a dying engine fails with EngineError, and its children ' + 'die with it',
    async () => {
      const pid = (await client.direct(2).execute('process.pid')) as number;
      const command = client.direct(2).command(['sleep', '4713']);
      const behind = client.direct(2).execute('1');
      await until('it sleeps', () => home.processes().some(({ command: text }) => text === 'sleep 4713'));
      process.kill(pid, 'SIGKILL');
      for (const result of [command, behind])
        await expect(result).rejects.toMatchObject({ code: 'ENGINE_DIED', engineId: 2 });
      await until(
        'no sleep is left',
        () => !home.processes().some(({ command: text }) => text === 'sleep 4713'),
        1000,
      );
    },
  );

  test(
    'a task that kills its engine is given up after three of them, with what is known ' + 'of their ends',
    async () => {
      const failed = await client
        .balanced()
        .apply(() => {
          require('node:fs').writeSync(2, 'my last words\n');
          process.kill(process.pid, 'SIGKILL');
        })
        .then(
          () => undefined,
          (error: unknown) => error as RemoteError,
        );
      expect(failed).toMatchObject({
        code: 'ENGINE_DIED',
        evalue: expect.stringMatching(/3 engines .* signal SIGKILL/),
      });
      expect(failed?.traceback.at(-1)).toBe('my last words');
      await until('all are there again', async () => (await client.status()).engines.length === 4);
      expect(client.ids).toEqual([0, 1, 2, 3]);
    },
  );

  test('an engine that ends again and again is not started for ever', async () => {
    expect(await home.json('engines', 'add', '-n', '1')).toMatchObject({ engines: 5 });
    for (let round = 0; round < 6; round++) {
      await until('it is there', async () =>
        (await client.status()).engines.some(({ id, restarts }) => id === 4 && restarts === round),
      );
      await client
        .direct(4)
        .execute('process.exit(3)')
        .then(undefined, () => {});
    }
    await until('it is given up', async () => (await client.status()).givenUp.length === 1);
    const [{ id, reason } = { id: -1, reason: '' }] = (await client.status()).givenUp;
    expect([id, reason]).toEqual([
      4,
      expect.stringMatching(/ended 6 times .* not started again .*exit code 3/),
    ]);
    expect(client.ids).toEqual([0, 1, 2, 3]);
  });
});

describe('strangers', () => {
  const read = (name: string): ConnectionFile =>
    JSON.parse(readFileSync(home.path('security', name), 'utf8')) as ConnectionFile;
  const variant = (changes: Partial<ConnectionFile>): string => {
    const path = join(home.folder, `variant-${Math.random()}.json`);
    writeFileSync(path, JSON.stringify({ ...read('ipcontroller-client.json'), ...changes }), { mode: 0o600 });
    return path;
  };
  const get = (
    path: string,
    token: string | undefined,
    local = false,
  ): Promise<[number | undefined, string]> =>
    new Promise((resolve, reject) => {
      const { port, certificate: ca, socket } = read('ipcontroller-client.json');
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const where = local
        ? { socketPath: socket, path, headers }
        : { host: '127.0.0.1', port, path, ca, headers, checkServerIdentity: () => undefined };
      const request = (local ? httpRequest : httpsRequest)(where as object, (response) => {
        let body = '';
        response.on('data', (chunk) => (body += String(chunk)));
        response.on('end', () => resolve([response.statusCode, body]));
      });
      request.on('error', reject).end();
    });

  test('without a valid token every path answers 401 and nothing else', async () => {
    for (const path of ['/', '/healthz', '/api/status', '/../etc']) {
      for (const token of [undefined, '', 'guess', read('ipcontroller-client.json').nonce]) {
        for (const local of [false, true]) expect(await get(path, token, local)).toEqual([401, '']);
      }
    }
  });

  test('with a token there is health and status, but status is not for engines', async () => {
    const [own, engine] = [read('ipcontroller-client.json').token, read('ipcontroller-engine.json').token];
    expect(await get('/healthz', engine)).toEqual([200, '{"status":"ok"}']);
    expect(JSON.parse((await get('/api/status', own))[1])).toMatchObject({
      status: 'ok',
      controller: { pid: expect.any(Number) },
    });
    expect((await get('/api/status', engine))[0]).toBe(404);
  });

  test('files and sockets are closed to others', () => {
    const { socket, memory } = read('ipcontroller-client.json');
    for (const name of ['ipcontroller-client.json', 'ipcontroller-engine.json'])
      expect(statSync(home.path('security', name)).mode & 0o777).toBe(0o600);
    for (const folder of [
      home.path('security'),
      home.path('default'),
      dirname(socket),
      ...(memory ? [memory] : []),
    ])
      expect(statSync(folder).mode & 0o077).toBe(0);
  });

  test('a wrong token, a wrong certificate and a dead port are told apart', async () => {
    const connect = (changes: Partial<ConnectionFile>): Promise<unknown> =>
      Client.connect({ file: variant(changes), timeout: 3000 }).then(
        () => 'connected',
        (error: { code: string }) => error.code,
      );
    expect(await connect({ token: 'guess' })).toBe('UNAUTHORIZED');
    expect(await connect({ token: 'guess', socket: '' })).toBe('UNAUTHORIZED');
    expect(await connect({ fingerprint: 'AA:BB', socket: '' })).toBe('CERTIFICATE');
    expect(
      await connect({
        certificate: (await import('../../src/controller/certificate.js')).makeCertificate().certificate,
        socket: '',
      }),
    ).toBe('CERTIFICATE');
    expect(await connect({ port: 1, socket: '' })).toBe('UNREACHABLE');
  });

  test('an engine token makes no client', async () => {
    const file = variant({ token: read('ipcontroller-engine.json').token });
    await expect(Client.connect({ file, timeout: 1000 })).rejects.toThrow();
  });

  test('other versions are refused with a sentence, clients and supervisors alike', async () => {
    const introduce = async (
      name: string,
      type: 'connection_request' | 'registration_request',
    ): Promise<unknown> => {
      const link = await dial(read(name), 3000);
      const content = {
        version: '99.0.0',
        protocol: 99,
        host: 'elsewhere',
        pid: 1,
        count: 1,
        ids: [],
        rank: null,
      };
      Object.assign(content, { run: 'r', engines: [] });
      const answer = await new Peer(link, new Session('stranger'))
        .request({ type, content })
        .catch((error: unknown) => error);
      link.close();
      return answer;
    };
    const refusal = {
      code: 'VERSION',
      message: expect.stringMatching(
        new RegExp(`protocol ${protocolVersion}\\).*99\\.0\\.0 \\(protocol 99\\)`),
      ),
    };
    expect(await introduce('ipcontroller-client.json', 'connection_request')).toMatchObject(refusal);
    expect(await introduce('ipcontroller-engine.json', 'registration_request')).toMatchObject(refusal);
  });

  test('over TLS everything works as over the socket', async () => {
    const remote = await Client.connect({
      file: variant({ socket: '', addresses: ['192.0.2.1', '127.0.0.1'] }),
    });
    const large = new Float64Array(1_000_000).fill(2);
    await remote.direct('all').push({ large });
    expect(await remote.direct(remote.ids[0] as number).pull('large')).toEqual(large);
    expect(await remote.balanced().map((x: number) => x + 1, [1, 2, 3])).toEqual([2, 3, 4]);
    await remote.close();
  });

  test('bytes that are no messages close the link, and the controller goes on', async () => {
    const stream = await enterSocket(read('ipcontroller-client.json'));
    const closed = new Promise<boolean>((resolve) => stream.on('close', () => resolve(true)));
    stream.write(Buffer.alloc(4096, 0x41));
    expect(await closed).toBe(true);
    expect(await client.direct(client.ids[0] as number).execute('1')).toBe(1);
  });
});
