import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectPlain, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import { makeCertificate } from '../../src/controller/certificate.js';
import type { ConnectionFile } from '../../src/profile/connection-file.js';
import { Home, until } from '../helpers.js';

/*
 * Another user of this machine tries what he can. He is a real one (the uid of "nobody"), so these tests need
 * root to become him; what he runs uses nothing of ours, since he may not even read our files.
 */
const nobody = 65_534;
const home = new Home();
let client: Client;
let file: ConnectionFile;
let engineSocket: string;

beforeAll(async () => {
  home.enter();
  await home.json('start', '-n', '1', '-d');
  client = await Client.connect();
  await client.balanced().apply(() => 'a result that is nobody’s business');
  file = JSON.parse(
    readFileSync(home.path('security', 'ipcontroller-client.json'), 'utf8'),
  ) as ConnectionFile;
  const [engine] = home.processesOf('engine');
  engineSocket = /\S+\.sock/.exec(engine?.command ?? '')?.[0] ?? '';
});

afterAll(async () => {
  await client.close();
  await home.run(['stop']);
  await home.leave();
});

/** Runs a script as the other user, with `given` as its input; answers what it printed as JSON. */
function asStranger<T>(script: string, given: object): Promise<T> {
  const source =
    `const given = JSON.parse(require('fs').readFileSync(0, 'utf8')); (async () => { ${script} ` +
    '})().then((answer) => console.log(JSON.stringify(answer)));';
  const child = spawn(process.execPath, ['-e', source], {
    uid: nobody,
    gid: nobody,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
  });
  child.stdin.end(JSON.stringify(given));
  return new Promise((resolve, reject) => {
    let [out, wrong] = ['', ''];
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    child.stderr.on('data', (chunk) => (wrong += String(chunk)));
    child.once('close', () => (out ? resolve(JSON.parse(out) as T) : reject(new Error(wrong))));
  });
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  );

describe.skipIf(process.getuid?.() !== 0)('another user of this machine', () => {
  test('reads none of our files, folders and environments, and ends none of our processes', async () => {
    const paths = [...filesBelow(home.path()), file.memory, join(file.socket, '..')].filter(Boolean);
    expect(paths.length).toBeGreaterThan(10);
    const pids = home.processes().map(({ pid }) => pid);
    const got = await asStranger<string[]>(
      `const fs = require('fs'), won = [];
       for (const path of given.paths) try { fs.statSync(path).isDirectory() ? fs.readdirSync(path) : fs.readFileSync(path); won.push(path); } catch {}
       for (const pid of given.pids) for (const name of ['environ', 'mem', 'fd', 'cwd', 'maps']) try { const path = '/proc/' + pid + '/' + name; name === 'fd' ? fs.readdirSync(path) : name === 'cwd' ? fs.readlinkSync(path) : fs.readFileSync(path); won.push(path); } catch {}
       for (const pid of given.pids) for (const signal of [0, 'SIGUSR1', 'SIGKILL']) try { process.kill(pid, signal); won.push(pid + signal); } catch {}
       return won;`,
      { paths, pids },
    );
    expect(got).toEqual([]);
    expect(home.processes().map(({ pid }) => pid)).toEqual(pids);
  });

  test('enters no Unix socket: not the controller’s, not the engines’', async () => {
    const got = await asStranger<string[]>(
      'return Promise.all(given.sockets.map((path) => new Promise((done) => ' +
        `require('net').connect(path, () => done('in')).on('error', (error) => done(error.code)))));`,
      { sockets: [file.socket, engineSocket] },
    );
    expect(got).toEqual(['EACCES', 'EACCES']);
  });

  test(
    'gets nothing from the port but 401 with an empty body, for 2,000 guesses and ' + 'every way in',
    async () => {
      const old = JSON.parse(
        readFileSync(home.path('security', 'ipcontroller-engine.json'), 'utf8'),
      ) as ConnectionFile;
      const got = await asStranger<Record<string, number>>(
        `const https = require('https'), crypto = require('crypto'), seen = {};
       const agent = new https.Agent({ keepAlive: true, maxSockets: 4, rejectUnauthorized: false });
       const ask = (path, headers) => new Promise((done) => {
         const request = https.request({ host: '127.0.0.1', port: given.port, path, headers, agent }, (response) => { let body = ''; response.on('data', (chunk) => (body += chunk)).on('end', () => done(response.statusCode + body)); });
         request.on('upgrade', (response) => done('upgraded')).on('error', (error) => done(error.code)).end();
       });
       const note = (answer) => (seen[answer] = (seen[answer] ?? 0) + 1);
       for (let round = 0; round < 200; round++) {
         const tokens = Array.from({ length: 10 }, () => crypto.randomBytes(32).toString('base64url'));
         await Promise.all(tokens.map((token) => ask('/api/status', { authorization: 'Bearer ' + token }).then(note)));
       }
       for (const path of ['/', '/healthz', '/api/status', '/%2e%2e/', '/?token=x']) note(await ask(path, {}));
       for (const upgrade of ['websocket', 'ipcluster']) note(await ask('/', { connection: 'Upgrade', upgrade, 'sec-websocket-key': 'x'.repeat(22) + '==', 'sec-websocket-version': '13', authorization: 'Bearer ' + given.nonce }));
       return seen;`,
        { port: file.port, nonce: old.nonce },
      );
      expect(Object.keys(got)).toEqual(['401']);
      expect(got['401']).toBe(2007);
    },
  );

  test(
    'fills nothing before he has a token: 3,000 half-open connections, and a good client is answered ' +
      'all the while',
    async () => {
      const controller = home.processes().find(({ command }) => command.includes('ipcontroller.js'))
        ?.pid as number;
      const memory = (): number =>
        Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${controller}/status`, 'utf8'))?.[1]);
      const before = memory();
      const flood = asStranger<number>(
        `const net = require('net'); let closed = 0;
       for (let round = 0; round < 30; round++) {
         for (let each = 0; each < 100; each++) { const socket = net.connect(given.port, '127.0.0.1', () => { if (each % 2) socket.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3])); }).on('error', () => {}).on('close', () => closed++); }
         await new Promise((done) => setTimeout(done, 50));
       }
       await new Promise((done) => setTimeout(done, 1000));
       return closed;`,
        { port: file.port },
      );
      const variant = join(home.folder, 'by-tls.json');
      writeFileSync(variant, JSON.stringify({ ...file, socket: '' }), { mode: 0o600 });
      for (let round = 0; round < 10; round++) {
        const asked = performance.now();
        const another = await Client.connect({ file: variant, timeout: 3000 });
        expect(await another.direct(0).execute('1')).toBe(1);
        expect(performance.now() - asked).toBeLessThan(3000);
        await another.close();
      }
      expect(await flood).toBeGreaterThan(2500);
      expect(memory()).toBeLessThan(before * 1.3 + 20_000);
    },
  );

  test('holds nothing of us after he was refused, even when he goes without having read it', async () => {
    const controller = home.processes().find(({ command }) => command.includes('ipcontroller.js'))
      ?.pid as number;
    const sockets = (): number => readdirSync(`/proc/${controller}/fd`).length;
    const before = sockets();
    const refused = await asStranger<number>(
      `const tls = require('tls'); let refused = 0;
       await Promise.all(Array.from({ length: 100 }, () => new Promise((done) => {
         const socket = tls.connect({ port: given.port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
           socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: ipcluster\\r\\nAuthorization: Bearer wrong\\r\\n\\r\\n');
           for (let each = 0; each < 20; each++) socket.write('x'.repeat(1000));
           setTimeout(() => socket.destroy(), 200);
         }).on('error', () => {}).on('close', done).on('data', () => refused++);
       })));
       return refused;`,
      { port: file.port },
    );
    expect(refused).toBeGreaterThan(90);
    await expect.poll(sockets, { timeout: 5000 }).toBeLessThan(before + 10);
  });

  test('takes the place of the sockets’ folder before we do, and we use another', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'ipcluster-shared-'));
    execFileSync('chmod', ['1777', temporary]);
    await asStranger(`require('fs').mkdirSync(given.folder, 0o777); return 1;`, {
      folder: join(temporary, 'ipcluster-0'),
    });
    const { code, stderr } = await home.run(['start', '-n', '1', '-d', '--cluster-id', 'other'], {
      env: { TMPDIR: temporary },
    });
    expect(code, stderr).toBe(0);
    const other = JSON.parse(
      readFileSync(home.path('security', 'ipcontroller-other-client.json'), 'utf8'),
    ) as ConnectionFile;
    expect(other.socket).toMatch(/ipcluster-0-.{6}\/[0-9a-f]+\.sock$/);
    expect((await home.run(['stop', '--cluster-id', 'other'], { env: { TMPDIR: temporary } })).code).toBe(0);
    expect(readdirSync(temporary)).toEqual(['ipcluster-0']);
    expect(readdirSync(join(temporary, 'ipcluster-0'))).toEqual([]);
    rmSync(temporary, { recursive: true });
  });
});

describe('on the way', () => {
  const listening = (server: {
    listen(port: number, host: string, done: () => void): unknown;
    address(): unknown;
  }): Promise<number> =>
    new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
  const connectBy = (changes: Partial<ConnectionFile>): Promise<unknown> => {
    const path = join(home.folder, `variant-${Math.random()}.json`);
    writeFileSync(path, JSON.stringify({ ...file, socket: '', addresses: ['127.0.0.1'], ...changes }), {
      mode: 0o600,
    });
    return Client.connect({ file: path, timeout: 2000, reconnect: 0 });
  };

  test('who answers in the controller’s place hears no token', async () => {
    const { key, certificate } = makeCertificate();
    const heard: Buffer[] = [];
    const server = createTlsServer({ key, cert: certificate }, (socket) =>
      socket.on('data', (chunk) => heard.push(chunk)),
    );
    server.on('tlsClientError', () => {});
    const port = await listening(server);
    await expect(connectBy({ port })).rejects.toMatchObject({ code: 'CERTIFICATE' });
    expect(Buffer.concat(heard).toString('latin1')).not.toContain(file.token);
    server.close();
  });

  test('what was recorded from a good connection and is played again does nothing', async () => {
    const recorded: Buffer[] = [];
    const sockets = new Set<Socket>();
    const proxy = createServer((inner) => {
      const outer = connectPlain(file.port, '127.0.0.1');
      for (const socket of [inner, outer]) sockets.add(socket.on('error', () => {}));
      inner.on('data', (chunk) => recorded.push(chunk)).pipe(outer);
      outer.pipe(inner);
    });
    const good = (await connectBy({ port: await listening(proxy) })) as Client;
    const before = (await client.status()).queues.completed;
    await good.balanced().apply(() => 1);
    await good.close();
    expect(Buffer.concat(recorded).toString('latin1')).not.toContain(file.token);
    const answered = await new Promise<string>((resolve) => {
      const again = connectPlain(file.port, '127.0.0.1', () => {
        for (const chunk of recorded) again.write(chunk);
      });
      let bytes = 0;
      again.on('data', (chunk) => (bytes += chunk.length));
      again.on('error', () => {}).on('close', () => resolve(bytes < 5000 ? 'closed' : 'served'));
    });
    expect(answered).toBe('closed');
    await until(
      'only the good client is there',
      async () => (await client.status()).controller.clients === 1,
    );
    expect((await client.status()).queues.completed).toBe(before + 1);
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });

  test('an old token is none, and a client’s token brings no engine', async () => {
    await expect(connectBy({ token: Buffer.alloc(32).toString('base64url') })).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    });
    const path = join(home.folder, 'engine-by-client.json');
    writeFileSync(path, JSON.stringify(file), { mode: 0o600 });
    const engine: ChildProcess = home.spawn('ipengine', ['--file', path, '--timeout', '2s']);
    const code = await new Promise((resolve) => engine.once('close', resolve));
    expect(code).not.toBe(0);
    expect(client.ids).toEqual([0]);
  });
});

test('no secret stands in arguments, environments, logs, scripts or plans', async () => {
  const keys = JSON.parse(readFileSync(home.path('security', 'ipcontroller-key.json'), 'utf8')) as {
    key: string;
    tokens: object;
  };
  const secrets = [...Object.values(keys.tokens), keys.key.split('\n')[1]] as string[];
  expect(secrets.every((secret) => secret.length > 20)).toBe(true);
  const leaks = (what: string, text: string): string[] =>
    secrets.some((secret) => text.includes(secret)) ? [what] : [];
  const found = home
    .processes()
    .flatMap(({ pid }) =>
      ['cmdline', 'environ'].flatMap((name) =>
        leaks(`${pid} ${name}`, readFileSync(`/proc/${pid}/${name}`, 'latin1')),
      ),
    );
  for (const path of filesBelow(home.path()).filter((candidate) => !candidate.includes('/security/')))
    if (existsSync(path)) found.push(...leaks(path, readFileSync(path, 'latin1')));
  expect(found).toEqual([]);
});
