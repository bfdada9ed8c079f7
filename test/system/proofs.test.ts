import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import type { ConnectionFile } from '../../src/profile/connection-file.js';
import { enterSocket, Home } from '../helpers.js';

/*
 * Who answers at a Unix socket need not be the controller: its path is public, and the folder may be made
 * anew by anybody once it is gone. So nothing of worth is said there before he has shown what he holds.
 */
const home = new Home();
let file: ConnectionFile;
let sockets: string;

beforeAll(async () => {
  home.enter();
  sockets = mkdtempSync(join(home.folder, 's-'));
  await home.json('start', '-n', '1', '-d');
  file = JSON.parse(
    readFileSync(home.path('security', 'ipcontroller-client.json'), 'utf8'),
  ) as ConnectionFile;
});

afterAll(async () => {
  await home.run(['stop']);
  await home.leave();
});

let count = 0;
const freshSocket = (folder = sockets): string => join(folder, `${count++}.sock`);
const variantOf = (changes: Partial<ConnectionFile>): string => {
  const path = join(home.folder, `variant-${count++}.json`);
  writeFileSync(path, JSON.stringify({ ...file, ...changes }), { mode: 0o600 });
  return path;
};

/** Somebody who listens at a path, answers what he likes, and keeps what he hears. */
async function listener(
  answer: string,
  path = freshSocket(),
): Promise<{ path: string; heard: () => string; close: () => void }> {
  const heard: Buffer[] = [];
  const server: Server = createServer((socket) => {
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        heard.push(chunk);
        if (answer) socket.write(answer);
      });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { path, heard: () => Buffer.concat(heard).toString('latin1'), close: () => void server.close() };
}

const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: ipcluster\r\nConnection: Upgrade\r\n';
const answers = {
  'nothing at all': '',
  'that the token is wrong': 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n',
  'something else': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  'no HTTP': 'SSH-2.0-x\r\n',
  'yes, without a proof': `${upgraded}\r\n`,
  'yes, with a proof of his own':
    `${upgraded}ipcluster-nonce: ${'n'.repeat(32)}\r\nipcluster-proof: ` + `${'p'.repeat(43)}\r\n\r\n`,
};

describe('who answers at the socket in the controller’s place', () => {
  test.each(Object.entries(answers))(
    'and says %s hears nothing that helps, and the port is used',
    async (_what, answer) => {
      const stranger = await listener(answer);
      const client = await Client.connect({ file: variantOf({ socket: stranger.path }), timeout: 8000 });
      expect(await client.direct(0).execute('6 * 7')).toBe(42);
      await client.close();
      expect(stranger.heard()).toMatch(/^GET /);
      expect(stranger.heard()).not.toContain(file.token);
      // A request and nothing behind it: no proof, no packet.
      expect(stranger.heard().split('\r\n\r\n').at(-1)).toBe('');
      stranger.close();
    },
  );

  test('is told of where there is no other way', async () => {
    const stranger = await listener(answers['yes, with a proof of his own']);
    const path = variantOf({ socket: stranger.path, addresses: [] });
    await expect(Client.connect({ file: path, timeout: 2000, reconnect: 0 })).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('another program answers there'),
    });
    stranger.close();
  });

  test('gets no supervisor either, and that one joins by the port', async () => {
    const stranger = await listener(answers['yes, without a proof']);
    const token = (
      JSON.parse(readFileSync(home.path('security', 'ipcontroller-engine.json'), 'utf8')) as ConnectionFile
    ).token;
    const engine = home.spawn('ipengine', [
      '--file',
      variantOf({ socket: stranger.path, role: 'engine', token }),
    ]);
    const client = await Client.connect({ file: variantOf({}) });
    await client.waitForEngines(2);
    engine.kill();
    await new Promise((resolve) => engine.once('close', resolve));
    await client.close();
    expect(stranger.heard()).toMatch(/^GET /);
    expect(stranger.heard()).not.toContain(token);
    stranger.close();
  });

  test.each([{ host: 'elsewhere.example' }, { boot: 'another start' }])(
    'of another machine is not even asked: %o',
    async (where) => {
      const stranger = await listener('');
      const client = await Client.connect({ file: variantOf({ socket: stranger.path, ...where }) });
      await client.close();
      expect(stranger.heard()).toBe('');
      stranger.close();
    },
  );
});

describe.skipIf(process.getuid?.() !== 0)('another user', () => {
  /**
   * Listens as the other user at that path, in a folder that he makes; ends when its input does. Answers what
   * he heard.
   */
  async function strangerAt(path: string): Promise<() => Promise<string>> {
    const source = `const fs = require('fs'), path = process.argv[1]; let heard = '';
      try { fs.mkdirSync(require('path').dirname(path)); } catch {}
      require('net').createServer((socket) => socket.on('data', (chunk) => { heard += chunk.toString('latin1'); socket.write(${JSON.stringify(answers['yes, without a proof'])}); }).on('error', () => {})).listen(path, () => { fs.chmodSync(path, 0o777); console.log('listening'); });
      process.stdin.resume().on('end', () => { fs.rmSync(path, { force: true }); console.log(JSON.stringify(heard)); process.exit(); });`;
    const child = spawn(process.execPath, ['-e', source, path], {
      uid: 65_534,
      gid: 65_534,
      cwd: '/',
      env: {},
    });
    let out = '';
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    await expect.poll(() => out).toMatch(/listening/);
    return async () => {
      child.stdin.end();
      await new Promise((resolve) => child.once('close', resolve));
      return JSON.parse(out.trim().split('\n').at(-1) as string) as string;
    };
  }

  test('who made the sockets’ folder anew is not spoken to, and the port is used', async () => {
    const shared = mkdtempSync(join('/tmp', 'ipcluster-shared-'));
    execFileSync('chmod', ['1777', shared]);
    const path = join(shared, 'ipcluster-0', 'x.sock');
    const heard = await strangerAt(path);
    const client = await Client.connect({ file: variantOf({ socket: path }) });
    expect(await client.direct(0).execute('1')).toBe(1);
    await client.close();
    expect(await heard()).toBe('');
    rmSync(shared, { recursive: true });
  });

  test(
    'takes a socket’s path after everything was killed: commands say a sentence, and he ' + 'hears nothing',
    async () => {
      const shared = mkdtempSync(join('/tmp', 'ipcluster-shared-'));
      execFileSync('chmod', ['1777', shared]);
      const env = { TMPDIR: shared };
      await home.run(['start', '-n', '1', '-d', '--cluster-id', 'killed'], { env });
      const own = home.processes().filter(({ mark }) => mark.includes('#killed#'));
      expect(own.length).toBeGreaterThan(2);
      for (const { pid } of own) process.kill(pid, 'SIGKILL');
      const left = JSON.parse(
        readFileSync(home.path('security', 'ipcontroller-killed-client.json'), 'utf8'),
      ) as ConnectionFile;
      rmSync(dirname(left.socket), { recursive: true, force: true });
      const heard = await strangerAt(left.socket);
      for (const command of [['status'], ['exec', '1'], ['engines', 'restart', '0'], ['stop']]) {
        const { stdout, stderr } = await home.run([...command, '--cluster-id', 'killed'], { env });
        expect(`${stdout}${stderr}`.trim()).not.toMatch(/^$|\n\s+at /);
      }
      expect(await heard()).toBe('');
      expect(existsSync(home.path('security', 'ipcontroller-killed-client.json'))).toBe(false);
      rmSync(shared, { recursive: true });
    },
  );
});

describe('the controller', () => {
  const ends = (socket: Socket | Awaited<ReturnType<typeof enterSocket>>): Promise<string> => {
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
    return new Promise((resolve) => socket.once('close', () => resolve(heard)));
  };

  test('hangs up on a proof that is wrong, cut, or another connection’s', async () => {
    let recorded: Buffer = Buffer.alloc(0);
    const good = await enterSocket(file, (proof) => (recorded = proof));
    for (const change of [(proof: Buffer) => proof.fill(0, 31), () => recorded, () => Buffer.alloc(32)])
      expect(await ends(await enterSocket(file, change))).toMatch(
        /^HTTP\/1.1 401 Unauthorized\r\nContent-Length: 0/,
      );
    good.destroy();
  });

  test('does not answer one who knows a token’s name alone, nor a token said aloud', async () => {
    const say = (authorization: string): Promise<string> => {
      const socket = connect(file.socket);
      socket.write(
        'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ipcluster\r\nAuthorization: ' +
          `${authorization}\r\n\r\n`,
      );
      return ends(socket);
    };
    const nobody = await say(`Ipcluster ${'a'.repeat(22)} ${'b'.repeat(32)}`);
    expect(nobody).toMatch(/^HTTP\/1.1 401 Unauthorized\r\nContent-Length: 0\r\n/);
    expect(await say(`Bearer ${file.token}`)).toBe(nobody);
    expect(await say(`Ipcluster ${'a'.repeat(22)} short`)).toBe(nobody);
  });
});
