import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { poll } from '../../src/base/wait.js';
import type { ClusterStatus } from '../../src/cluster/status.js';
import { Home, until } from '../helpers.js';

/*
 * Sixteen hosts with an sshd each, in network, process and mount namespaces of their own; the commands run on
 * a seventeenth, host0.
 */

const root = process.getuid?.() === 0;
const hosts = Array.from({ length: 16 }, (_unused, index) => `host${index + 1}`);
const shared = '/var/tmp/ipcluster-bed-ssh/shared';
const bed = (verb: string, ...args: string[]): string =>
  execFileSync(resolve('test/beds/ssh', verb), args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
const host = (verb: string, name: string, ...args: string[]): string => bed('host', verb, name, ...args);

/** Files of ours on a host's own disk, and processes of the user on it. */
function leftOn(name: string): string[] {
  const files = host('exec', name, 'find', '/tmp', '/dev/shm', '-user', 'hpc').trim();
  const processes = host('exec', name, 'bash', '-c', 'pgrep -u hpc -fl . || true').trim();
  const lines = [...files.split('\n'), ...processes.split('\n')].filter(
    (line) => line !== '' && !/sshd: hpc|pgrep/.test(line),
  );
  return lines.map((line) => `${name}: ${line}`);
}
const left = (): string[] => ['host0', ...hosts].flatMap(leftOn);

/** Some of it takes a moment: tunnels, and what has to end itself. */
async function expectNothing(timeout = 10_000): Promise<void> {
  await poll(() => (left().length === 0 ? true : undefined), { timeout }, 500);
  expect(left()).toEqual([]);
}

describe.skipIf(!root)('--launcher ssh (needs root for its hosts)', () => {
  let home: Home;

  beforeAll(() => {
    bed('up');
    home = new Home('hpc', shared, 'host0');
  }, 60_000);

  /** Undoes what a test has done to hosts, also one that failed. */
  const undo: (() => void)[] = [];
  const disturb = (verb: string, back: string, ...names: string[]): void => {
    for (const name of names) {
      host(verb, name);
      undo.push(() => host(back, name));
    }
  };
  const undoAll = (): void => {
    for (const step of undo.splice(0).reverse()) step();
  };

  afterEach(async () => {
    undoAll();
    await home.run(['stop']);
  });

  afterAll(async () => {
    await home.leave();
    bed('down');
  });

  const start = (...args: string[]) =>
    home.json<{ engines: number; error?: { code: string; message: string; verdict: string } }>(
      'start',
      '--launcher',
      'ssh',
      '-d',
      ...args,
    );
  const names = async (): Promise<string[]> =>
    (await home.run(['exec', 'require("os").hostname()'])).stdout
      .trim()
      .split('\n')
      .map((line) => /'(.*)'/.exec(line)?.[1] ?? line);

  test.each(['ssh2', 'openssh'])(
    '64 engines on 16 hosts with %s, and nothing is left on any of them',
    async (transport) => {
      expect(await start('-o', 'hosts=host[1-16]', '-o', `transport=${transport}`, '-n', '64')).toMatchObject(
        { engines: 64 },
      );
      expect([...new Set(await names())].sort()).toEqual([...hosts].sort());
      const { engines, jobs } = await home.json<ClusterStatus>('status');
      expect(jobs.map(({ state }) => state)).toEqual(['running', 'running']);
      expect(engines.filter(({ host: on }) => on === 'host7').map(({ id }) => id)).toEqual([24, 25, 26, 27]);
      expect(await home.json('stop')).toMatchObject({ orderly: true, killed: 0 });
      expect(left()).toEqual([]);
    },
  );

  test.each(['ssh2', 'openssh'])(
    'hosts with disks of their own, and hosts that cannot reach the controller, with %s',
    async (transport) => {
      disturb('private', 'shared', ...hosts.filter((_name, index) => index % 2 === 1));
      disturb('wall', 'unwall', ...hosts.slice(12));
      expect(await start('-o', 'hosts=host[1-16]', '-o', `transport=${transport}`, '-n', '64')).toMatchObject(
        { engines: 64 },
      );
      expect([...new Set(await names())].sort()).toEqual([...hosts].sort());
      const mode = host('exec', 'host2', 'bash', '-c', 'stat -c %a:%U /tmp/ipcluster-*/*/join.json').trim();
      expect(mode).toBe('600:hpc');
      // What is said on a host's own disk is there for those who ask here.
      const other = await home.runOn('host5', [
        process.execPath,
        `${home.root}/bin/ipcluster`,
        'stop',
        '--json',
      ]);
      expect(JSON.parse(other.stdout)).toMatchObject({ orderly: true, killed: 0 });
      await expectNothing();
      expect(left()).toEqual([]);
    },
  );

  test(
    "forwards of the user's own configuration are not opened by ours, also one " + 'that cannot be',
    async () => {
      const config = `${home.folder}/config`;
      await home.runOn('host0', [
        'bash',
        '-c',
        'printf "RemoteForward 22 localhost:22\\nExitOnForwardFailure yes\\nInclude ' +
          `/etc/ssh/ssh_config\\n" >${config}`,
      ]);
      expect(
        await start('-o', 'hosts=host1', '-o', 'transport=openssh', '-o', `config=${config}`, '-n', '1'),
      ).toMatchObject({
        engines: 1,
      });
    },
  );

  test(
    'hosts that are cut off, die and freeze under work: every result is there, once; who ' +
      'thaws comes back',
    async () => {
      expect(await start('-o', 'hosts=host[1-8]', '-n', '32', '--lease', '5s')).toMatchObject({
        engines: 32,
      });
      const inputs = Array.from({ length: 2000 }, (_unused, index) => `n${index}`);
      const mapped = home.runOn('host0', [
        process.execPath,
        `${home.root}/bin/ipcluster`,
        'map',
        '--',
        'sh',
        '-c',
        'sleep 0.05; echo {}',
        ':::',
        ...inputs,
      ]);
      await new Promise((done) => setTimeout(done, 700));
      disturb('cut', 'join', 'host1');
      disturb('kill', 'boot', 'host2');
      disturb('freeze', 'thaw', 'host3');
      await new Promise((done) => setTimeout(done, 1500));
      host('thaw', 'host3');
      const { stdout, stderr } = await mapped;
      expect(stdout.trim().split('\n').sort(), stderr).toEqual([...inputs].sort());
      await until(
        'the frozen host is back, the others are gone for good',
        async () => {
          const { engines } = await home.json<ClusterStatus>('status');
          const on = (name: string): number => engines.filter(({ host: of }) => of === name).length;
          return on('host1') === 0 && on('host2') === 0 && on('host3') === 4 && engines.length === 24;
        },
        30_000,
      );
      const { findings } = await home.json<{ findings: { code: string; lines?: string[] }[] }>('why');
      expect(findings.map(({ code }) => code)).toContain('unknown-state');
      undoAll();
      // What was cut off ends itself when two leases are over.
      await until(
        'host1 is empty',
        () => leftOn('host1').filter((line) => !line.endsWith('.sock')).length === 0,
        30_000,
      );
      await home.run(['stop']);
      await expectNothing(20_000);
    },
  );

  test('a host beyond its lease is gone for good, never half', async () => {
    expect(await start('-o', 'hosts=host[1-2]', '-n', '4', '--lease', '2s')).toMatchObject({ engines: 4 });
    disturb('freeze', 'thaw', 'host2');
    await until(
      'its engines are given up',
      async () => (await home.json<ClusterStatus>('status')).engines.length === 2,
      20_000,
    );
    // Nobody waits for a host that hangs: its engines are missing, and what it would say is not known.
    expect((await home.json<ClusterStatus>('status')).jobs.at(-1)?.state).toBe(
      'running (2 of 4 engines; ssh has not said it within 3 s)',
    );
    await new Promise((done) => setTimeout(done, 3000));
    undoAll();
    await until('all or nothing', async () =>
      [2, 4].includes((await home.json<ClusterStatus>('status')).engines.length),
    );
    const { engines } = await home.json<ClusterStatus>('status');
    expect(engines.filter(({ host: on }) => on === 'host2').length % 2).toBe(0);
    await home.run(['stop']);
    await expectNothing(20_000);
  });

  test('a controller on one of the hosts; engines by what each host takes; more of them later', async () => {
    expect(await start('-o', 'hosts=host1:1,host2:3', '--controller', 'host2')).toMatchObject({ engines: 4 });
    const status = await home.json<ClusterStatus>('status');
    expect(status.controller?.host).toBe('host2');
    expect(status.engines.map(({ host: on }) => on)).toEqual(['host1', 'host2', 'host2', 'host2']);
    const added = await home.json<{ ids: number[] }>(
      'engines',
      'add',
      '--launcher',
      'ssh',
      '-o',
      'hosts=host[3-4]',
      '-n',
      '2',
    );
    expect(added.ids).toHaveLength(6);
    await home.run(['stop']);
    await expectNothing();
  });

  test('stop says which host it could not reach; kill ends what is left there when it is back', async () => {
    expect(await start('-o', 'hosts=host[1-2]', '-o', 'timeout=3s', '-n', '4')).toMatchObject({ engines: 4 });
    disturb('freeze', 'thaw', 'host2');
    const { code, stderr } = await home.run(['stop']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/not known; it ends by itself within two leases:\nhost2: It does not answer/),
    ]);
    expect(leftOn('host1')).toEqual([]);
    undoAll();
    await home.run(['kill']);
    await expectNothing();
  });

  test(
    'one host that fails is named; with --min-engines the others go on, and why ' + 'says it later',
    async () => {
      const failed = await start('-o', 'hosts=host[1-3],nohost', '-n', '4');
      expect(failed.error).toMatchObject({ code: 'HOSTS_FAILED', verdict: 'host-unknown' });
      expect(failed.error?.message).toMatch(
        /1 of 4 hosts could not be used:\n {2}nohost: There is no host of that name/,
      );
      expect(left()).toEqual([]);
      const { code, stderr } = await home.run([
        'start',
        '--launcher',
        'ssh',
        '-o',
        'hosts=host[1-3],nohost',
        '-n',
        '4',
        '-d',
        '--min-engines',
        '3',
      ]);
      expect([code, stderr]).toEqual([0, expect.stringContaining('nohost: There is no host of that name')]);
      const { findings } = await home.json<{ findings: { code: string }[] }>('why');
      expect(findings[0]).toMatchObject({
        code: 'host-unknown',
        sentence: expect.stringContaining('nohost'),
      });
    },
  );

  test('what is wrong with the words is said before any host is asked', async () => {
    for (const args of [
      ['-o', 'hosts=host[1-'],
      [],
      ['-o', 'hosts=host1:2000000'],
      ['-o', 'hosts=host1', '--controller', 'host9'],
    ]) {
      const { code, stderr } = await home.run(['start', '--launcher', 'ssh', '-n', '2', ...args]);
      expect([code, stderr.split('\n')[0]]).toEqual([2, expect.stringMatching(/^ipcluster: /)]);
    }
    const { stdout } = await home.run([
      'start',
      '--launcher',
      'ssh',
      '-o',
      'hosts=host[1-2]',
      '-n',
      '4',
      '--dry-run',
    ]);
    expect(stdout).toMatch(/\$ ssh host2 setsid \/bin\/bash .*\/job.sh 1 2,2 host2/);
  });
});
