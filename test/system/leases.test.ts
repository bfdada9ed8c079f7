import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { IpclusterError } from '../../src/base/errors.js';
import { Client } from '../../src/client/client.js';
import { Home, until } from '../helpers.js';

const home = new Home();
const numbers = (count: number): number[] => Array.from({ length: count }, (_unused, index) => index);
const isRunning = (program: string): boolean => home.processesOf(program).length > 0;
/** A signal to nobody's pid would reach everybody. */
function pidOf(program: string): number {
  const [found] = home.processesOf(program);
  if (!found) throw new Error(`no ${program} runs`);
  return found.pid;
}

beforeAll(() => home.enter());
/** A test that fails must not leave its cluster to the next one. */
afterEach(() => home.run(['stop']));
afterAll(() => home.leave());

describe('a controller that is killed', () => {
  test(
    'and started again with --reuse is rejoined: nothing is lost, nothing runs twice, ' + 'namespaces stay',
    async () => {
      await home.json('start', '-n', '2', '-d', '--lease', '10s');
      const client = await Client.connect();
      const all = client.direct('all');
      await all.execute('kept = engineId + 100; runs = 0');
      const seen: number[] = [];
      const work = client.balanced().map(
        async (x: number) => {
          await new Promise((r) => setTimeout(r, 5));
          (globalThis as unknown as { runs: number }).runs += 1;
          return x;
        },
        numbers(400),
        { chunk: 1 },
      );
      const running = all.execute('await new Promise((r) => setTimeout(r, 2500)); kept');
      const collecting = (async () => {
        for await (const { value } of work) seen.push(value as number);
      })();
      await client.accepted();
      await until('some are done', () => seen.length > 20 || client.ids.length === 0, 20_000);
      process.kill(pidOf('ipcontroller'), 'SIGKILL');
      await until('it is gone', () => !isRunning('ipcontroller'));
      const meanwhile = client.balanced().apply((x: number) => x + 1, 41);
      const direct = client.direct(1).execute('kept');
      const { code, stderr } = await home.run(['start', '--reuse', '-n', '2', '-d', '--lease', '10s']);
      expect([code, stderr]).toEqual([0, '2 of 2 engines came back to the new controller.\n']);
      await collecting;
      expect(seen.toSorted((a, b) => a - b)).toEqual(numbers(400));
      expect(await Promise.all([running, meanwhile, direct])).toEqual([[100, 101], 42, 101]);
      const runs = (await all.pull('runs')) as number[];
      expect(runs.reduce((sum, count) => sum + count, 0)).toBe(400);
      await client.close();
      await home.run(['stop']);
      expect(home.processes()).toEqual([]);
    },
  );

  test(
    'by the TERM of a machine or a scheduler while tasks wait: engines and clients wait for ' +
      'the next one',
    async () => {
      await home.json('start', '-n', '2', '-d', '--lease', '10s');
      const client = await Client.connect();
      await client.direct('all').execute('kept = engineId + 100');
      const sleeping = (x: number): Promise<number> => new Promise((r) => setTimeout(r, 200, x));
      const work = client.balanced().map(sleeping, numbers(40), { chunk: 1 });
      work.then(undefined, () => {});
      await client.accepted();
      process.kill(pidOf('ipcontroller'), 'SIGTERM');
      await until('it is gone', () => !isRunning('ipcontroller'));
      const { code, stderr } = await home.run(['start', '--reuse', '-n', '2', '-d', '--lease', '10s']);
      expect([code, stderr]).toEqual([0, '2 of 2 engines came back to the new controller.\n']);
      expect(await work).toEqual(numbers(40));
      expect(await client.direct('all').pull('kept')).toEqual([100, 101]);
      await client.close();
      await home.run(['stop']);
      expect(home.processes()).toEqual([]);
    },
  );

  test(
    'by a TERM with nothing to do: its engines end with it, unless it is a job of ' + 'a scheduler',
    async () => {
      await home.json('start', '-n', '1', '-d', '--lease', '10s');
      process.kill(pidOf('ipcontroller'), 'SIGTERM');
      await until('nothing is left', () => home.processes().length === 0, 5000);
      const lease = ['--lease', '10s'];
      const scheduled = home.spawn('ipcontroller', lease, { env: { IPCLUSTER_JOB: 'pbs:7' } });
      await until('the file', () => existsSync(home.path('security', 'ipcontroller-client.json')));
      const engine = home.spawn('ipengine', []);
      const client = await Client.connect();
      await until('an engine', () => client.ids.length === 1);
      await client.direct(0).execute('kept = 7');
      scheduled.kill('SIGTERM');
      await new Promise((done) => scheduled.once('close', done));
      const next = home.spawn('ipcontroller', [...lease, '--reuse']);
      expect(await client.direct(0).execute('kept')).toBe(7);
      const ends = [next, engine].map((child) => new Promise((done) => child.once('close', done)));
      await client.shutdown();
      expect(await Promise.all(ends)).toEqual([0, 0]);
      await client.close();
    },
  );

  test('a moment after its engines came: they are waited for', async () => {
    await home.json('start', '-n', '2', '-d', '--lease', '10s');
    process.kill(pidOf('ipcontroller'), 'SIGKILL');
    await until('it is gone', () => !isRunning('ipcontroller'));
    const { stderr } = await home.run(['start', '--reuse', '-n', '2', '-d', '--lease', '10s']);
    expect(stderr).toBe('2 of 2 engines came back to the new controller.\n');
    await home.run(['stop']);
  });

  test(
    'its list of engines is lost, and their ids are given to others: their results arrive, ' +
      'under new ids',
    async () => {
      await home.json('start', '-n', '2', '-d', '--lease', '10s');
      const client = await Client.connect();
      let answered = 0;
      const sleep = (x: number): Promise<number> => new Promise((r) => setTimeout(r, 5, x));
      const work = client.balanced().map(sleep, numbers(1000), { chunk: 1 });
      const collecting = (async () => {
        for await (const _one of work) answered += 1;
      })();
      await until('some are done', () => answered > 100, 20_000);
      const supervisor = pidOf('ipengine');
      process.kill(supervisor, 'SIGSTOP');
      process.kill(pidOf('ipcontroller'), 'SIGKILL');
      await until('it is gone', () => !isRunning('ipcontroller'));
      rmSync(home.path('default', 'registered.json'));
      await home.run(['start', '--reuse', '-n', '2', '-d', '--lease', '10s']);
      process.kill(supervisor, 'SIGCONT');
      await collecting;
      expect(await work).toEqual(numbers(1000));
      await until('all are back', () => client.ids.length === 4);
      expect(
        await client.direct('all').execute('[engineId, Number(process.env.IPCLUSTER_ENGINE_ID)]'),
      ).toEqual(client.ids.map((id) => [id, id]));
      await client.close();
      await home.run(['stop']);
    },
  );

  test('and stays away: everything is gone within two leases and five seconds, whatever runs', async () => {
    await home.json('start', '-n', '2', '-d', '--lease', '2s');
    const client = await Client.connect();
    const loop = client.direct(0).execute('while (true) {}');
    const sleeping = client.direct(1).command(['sleep', '600.5']);
    const told = Promise.all(
      [loop, sleeping].map((result) =>
        result.then(
          () => 'done',
          (error: unknown) => (error as IpclusterError).code,
        ),
      ),
    );
    await until('it sleeps', () => home.processes().some(({ command }) => command === 'sleep 600.5'));
    for (const program of ['ipcontroller', 'ipengine']) process.kill(pidOf(program), 'SIGKILL');
    await until('nothing is left', () => home.processes().length === 0, 9000);
    expect(await told).toEqual(['CLOSED', 'CLOSED']);
    const why = await home.run(['why']);
    expect(why.stdout).toMatch(/controller: .*SIGKILL/);
    await home.run(['clean']);
  });

  test('what it had accepted is done by the one that comes after it, with new engines', async () => {
    await home.json('start', '-n', '1', '-d', '--lease', '1s');
    const client = await Client.connect();
    const tasks = numbers(20).map((x) =>
      client.balanced().apply(async (y: number) => {
        await new Promise((r) => setTimeout(r, 100));
        return y * 2;
      }, x),
    );
    for (const task of tasks) task.then(undefined, () => {});
    await client.accepted();
    process.kill(pidOf('ipcontroller'), 'SIGKILL');
    await until('all is gone', () => home.processes().length === 0, 10_000);
    await home.json('start', '--reuse', '-n', '2', '-d', '--lease', '10s');
    const again = await Client.connect();
    const answerOf = async (id: string): Promise<unknown> => (await again.result(id)).answers[0]?.value;
    const ids = tasks.map((task) => task.ids[0] as string);
    await until(
      'all are done',
      async () => !(await Promise.all(ids.map(answerOf))).includes(undefined),
      20_000,
    );
    expect(await Promise.all(ids.map(answerOf))).toEqual(numbers(20).map((x) => x * 2));
    await again.close();
    await client.close();
    await home.run(['stop']);
  });
});

test(
  'stopped for longer than the lease and then let go, controller and supervisor find each ' + 'other again',
  async () => {
    await home.json('start', '-n', '2', '-d', '--lease', '3s');
    const client = await Client.connect({ reconnect: 20_000 });
    await client.direct('all').execute('kept = engineId');
    for (const program of ['ipcontroller', 'ipengine']) {
      const pid = pidOf(program);
      const work = client.balanced().map((x: number) => x, numbers(50), { chunk: 1 });
      const begin = performance.now();
      process.kill(pid, 'SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 500));
      const { stdout } = await home.run(['why']);
      expect(stdout).toContain(`(pid ${pid}) is stopped by a signal`);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 4000 - (performance.now() - begin))));
      process.kill(pid, 'SIGCONT');
      expect(await work).toEqual(numbers(50));
      await until('engines are there', async () => (await client.status()).engines.length === 2);
      expect(await client.direct('all').pull('kept')).toEqual([0, 1]);
    }
    await client.close();
    await home.run(['stop']);
  },
);

test('a controller that nobody needs ends itself, and its engines with it', async () => {
  await home.json('start', '-n', '1', '-d', '--idle-timeout', '2s');
  const client = await Client.connect();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(await client.direct(0).execute('1')).toBe(1);
  await client.close();
  await until('all is gone', () => home.processes().length === 0, 10_000);
  expect((await home.run(['why'])).stdout).not.toMatch(/signal/);
  await home.run(['clean']);
});

test('a full disk takes nothing from who works, and the store comes back when there is room', async () => {
  const { mkdirSync } = await import('node:fs');
  const { execFileSync } = await import('node:child_process');
  const disk = join(home.folder, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'none', disk]);
  try {
    await home.json('start', '-n', '1', '-d', '--work-dir', disk);
    const client = await Client.connect();
    const filler = join(disk, 'filler');
    const fill = (): void => {
      try {
        for (let size = 0; size < 100; size++) writeFileSync(filler, Buffer.alloc(1 << 17), { flag: 'a' });
      } catch {
        // Now it is full.
      }
    };
    fill();
    const work = client.balanced().map((x: number) => [x, 'x'.repeat(10_000)], numbers(300), { chunk: 1 });
    expect(((await work) as [number, string][]).map(([x]) => x)).toEqual(numbers(300));
    expect((await client.status()).controller.store).toMatch(/^memory \(/);
    expect((await home.run(['why', '--work-dir', disk])).stdout).toMatch(/disk of .* is full/);
    expect((await client.result(work.ids[299] as string)).record.status).toBe('ok');
    writeFileSync(filler, '');
    await until(
      'the disk is used again',
      async () => (await client.status()).controller.store.startsWith(disk),
      15_000,
    );
    expect((await client.result(work.ids[299] as string)).record.status).toBe('ok');
    await client.close();
    await home.run(['stop', '--work-dir', disk]);
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});

test('results beyond what is kept go, the oldest first', async () => {
  await home.json('start', '-n', '1', '-d', '--lease', '10s');
  await home.run(['stop']);
  writeFileSync(home.path('ipcluster_config.yaml'), 'keepCount: 100\n');
  await home.json('start', '-n', '1', '-d');
  const client = await Client.connect();
  const first = client.balanced().apply(() => 'first');
  await first;
  const rest = client.balanced().map((x: number) => x, numbers(500), { chunk: 1 });
  await rest;
  await until('the oldest is gone', async () =>
    client.result(first.ids[0] as string).then(
      () => false,
      (error: unknown) => (error as IpclusterError).code === 'NOT_FOUND',
    ),
  );
  await until(
    'no more are kept than were asked for',
    async () => (await client.query({ limit: 1000 })).length <= 100,
  );
  expect((await client.result(rest.ids.at(-1) as string)).answers[0]?.value).toEqual([499]);
  await client.close();
  await home.run(['stop']);
  expect(readFileSync(home.path('ipcluster_config.yaml'), 'utf8')).toContain('100');
});
