import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/client.js';
import { Cluster } from '../../src/cluster/cluster.js';
import { Home, packageFor, until } from '../helpers.js';

/* The system refuses what a living process asks of it: it is met where it happens, and passes. */

const home = new Home();
let cluster: Cluster;
let client: Client;

beforeAll(async () => {
  home.enter();
  cluster = await Cluster.start({ n: 2 });
  client = cluster.client;
});

afterAll(async () => {
  await cluster.stop();
  await home.leave();
});

const limit = (pid: number, ...limits: string[]): Buffer =>
  execFileSync('prlimit', ['--pid', String(pid), ...limits]);
const pidOf = async (id: number): Promise<number> =>
  (await client.status()).engines.find((engine) => engine.id === id)?.pid as number;
const pidsOf = (program: string): number[] => home.processesOf(program).map(({ pid }) => pid);
/** Every descriptor from now on would be beyond the limit. */
const noMoreFiles = (pid: number): Buffer => limit(pid, '--nofile=3:4096');

describe('output belongs to the command that made it', () => {
  test.each([true, false])('what outlives its command is heard by nobody (stream: %s)', async (stream) => {
    const one = client.direct(0);
    const script = (name: string): string[] => ['sh', '-c', `(sleep 0.3; echo LATE) & echo NOW-${name}`];
    expect(await one.command(script('a'), { stream })).toMatchObject({ stdout: 'NOW-a\n' });
    const next = one.command(['sh', '-c', 'sleep 0.6; echo own'], { stream });
    expect(await next).toMatchObject({ stdout: 'own\n', stderr: '' });
    expect(next.output).not.toContain('LATE');
  });

  test('bytes arrive as they were written, in both ways', async () => {
    const bytes = Buffer.from([0, 0xff, 0xc3, 0x28, 10]);
    for (const stream of [true, false]) {
      const { stdoutBytes, stdout } = await client
        .direct(0)
        .command(['printf', '\\000\\377\\303(\\n'], { stream });
      expect(stdoutBytes).toEqual(bytes);
      expect(stdout).toBe(bytes.toString());
    }
  });

  test('more than is kept is counted', async () => {
    const size = 20_000_000;
    const argv = ['sh', '-c', `head -c ${size} /dev/zero | tr '\\000' x`];
    const quiet = await client.direct(0).command(argv, { stream: false });
    expect(quiet).toMatchObject({ truncated: true, dropped: { stdout: size - 16 * 1024 * 1024, stderr: 0 } });
  });

  test('what was dropped is told at the request that it is missing from', async () => {
    const flood = client
      .direct(0)
      .execute("for (let i = 0; i < 400; i++) process.stdout.write('x'.repeat(100_000)); 1");
    await flood;
    const next = client.direct(0).execute("console.log('mine'); 1");
    await next;
    expect(next.output).toBe('mine\n');
    expect(flood.output).toMatch(/characters of output were dropped/);
  });
});

describe('names, limits and words of commands', () => {
  test('a name that is none of a shell goes by env, and is never run', async () => {
    const env = { 'X;touch INJECTED;Y': '1', 'A.B': 'dots', OPTIND: 'text', PLAIN: "it's" };
    const { stdout } = await client.direct(0).command(['env'], { stream: false, env, cwd: home.folder });
    for (const [name, value] of Object.entries(env)) expect(stdout).toContain(`${name}=${value}\n`);
    expect((await home.runOn(undefined, ['ls', home.folder])).stdout).not.toContain('INJECTED');
  });

  test('what can be no name, and a NUL, are refused', async () => {
    const refused = { code: 'USAGE' };
    for (const stream of [true, false]) {
      await expect(client.direct(0).command(['true'], { stream, env: { 'a=b': '1' } })).rejects.toMatchObject(
        refused,
      );
      await expect(client.direct(0).command(['echo', 'a\0b'], { stream })).rejects.toMatchObject(refused);
    }
  });

  test('limits beyond the timers of the platform, and none', async () => {
    for (const timeLimit of [0, 30 * 86_400_000])
      for (const stream of [true, false])
        expect(await client.direct(0).command(['sleep', '0.05'], { stream, timeLimit })).toMatchObject({
          timedOut: false,
        });
  });
});

describe('descriptors', () => {
  test(
    'an engine without any: its commands say so, balanced ones run elsewhere, and ' + 'it recovers',
    async () => {
      const pid = await pidOf(0);
      await client.direct(0).command(['true'], { stream: false });
      noMoreFiles(pid);
      const direct = [true, false].map((stream) => client.direct(0).command(['echo', 'x'], { stream }));
      for (const result of direct) await expect(result).rejects.toMatchObject({ code: 'SYSTEM' });
      const tasks = [1, 2, 3, 4].map((n) =>
        client.balanced().command(['echo', String(n)], { stream: false }),
      );
      expect((await Promise.all(tasks)).map(({ stdout }) => stdout.trim())).toEqual(['1', '2', '3', '4']);
      limit(pid, '--nofile=1024:4096');
      for (const stream of [true, false])
        expect(await client.direct(0).command(['echo', 'again'], { stream })).toMatchObject({
          stdout: 'again\n',
        });
    },
  );

  test('a controller without any still answers status', async () => {
    const [pid = -1] = pidsOf('ipcontroller');
    noMoreFiles(pid);
    expect((await client.status()).engines).toHaveLength(2);
    limit(pid, '--nofile=1024:4096');
  });
});

describe('an engine that cannot be started again', () => {
  test('is on the list with the reason, and comes back; what aims at it waits', async () => {
    const [supervisor = -1] = pidsOf('ipengine');
    noMoreFiles(supervisor);
    process.kill(await pidOf(0), 'SIGKILL');
    await until('it is on the list with the reason', async () =>
      (await client.status()).engines.some(
        ({ id, state, reason }) => id === 0 && state === 'restarting' && /ulimit -n/.test(reason ?? ''),
      ),
    );
    const direct = client.direct(0).execute('40 + 2');
    limit(supervisor, '--nofile=1024:4096');
    await client.restartEngines([0]);
    expect(await direct).toBe(42);
  });
});

describe('files that may grow no more', () => {
  test('a log that cannot be written ends no program', async () => {
    const [supervisor = -1] = pidsOf('ipengine');
    for (const pid of [...pidsOf('ipcontroller'), supervisor]) limit(pid, '--fsize=1:unlimited');
    process.kill(await pidOf(1), 'SIGKILL');
    await until('it is there again', async () =>
      (await client.status()).engines.some(
        ({ id, state, restarts }) => id === 1 && state === 'idle' && restarts > 0,
      ),
    );
    expect(await client.direct(1).execute('1 + 1')).toBe(2);
    for (const pid of [...pidsOf('ipcontroller'), supervisor]) limit(pid, '--fsize=unlimited:unlimited');
  });
});

test.skipIf(process.getuid?.() !== 0)(
  'a user who is in no list of users, and has no SHELL, as in some containers',
  () => {
    const unknown = 54_321;
    const own = mkdtempSync('/tmp/ipcluster-unknown-');
    try {
      chownSync(own, unknown, unknown);
      const run = (...args: string[]) =>
        spawnSync(process.execPath, [`${packageFor(unknown)}/bin/ipcluster`, ...args], {
          uid: unknown,
          gid: unknown,
          cwd: own,
          encoding: 'utf8',
          timeout: 60_000,
          env: { PATH: process.env['PATH'], HOME: own },
        });
      expect(run('start', '-n', '1', '-d')).toMatchObject({ status: 0, stderr: '' });
      expect(run('exec', '1 + 1')).toMatchObject({ status: 0, stdout: '[0] 2\n' });
      expect(run('ps').stdout).toMatch(/controller.*supervisor.*engine/s);
      expect(run('stop')).toMatchObject({ status: 0 });
      // Systems whose tools are here and whose daemons are not cannot be asked.
      expect(run('ps').stdout).toMatch(/^nothing( on this machine)?\n$/);
    } finally {
      rmSync(own, { recursive: true, force: true });
    }
  },
);
