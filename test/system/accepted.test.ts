import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import { Home, until } from '../helpers.js';

/* Accepted means: it would survive the controller's end. */

const home = new Home();
beforeAll(() => home.enter());
afterEach(async () => {
  await home.run(['stop']);
  expect(home.processes()).toEqual([]);
});
afterAll(() => home.leave());

const pidOf = (program: string): number => home.processesOf(program)[0]?.pid as number;

/** Sets the largest size of a file of a process that runs. */
const limitFiles = (pid: number, bytes: number | 'unlimited'): Promise<void> =>
  new Promise((resolve, reject) => {
    const prlimit = spawn('prlimit', [`--fsize=${bytes}:unlimited`, '--pid', String(pid)], {
      stdio: 'inherit',
    });
    prlimit.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`prlimit: ${code}`))));
  });

async function end(program: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const pid = pidOf(program);
  process.kill(pid, signal);
  await until('it is gone', () => pidOf(program) !== pid);
}

const submit = (client: Client, count: number): PromiseLike<unknown>[] => {
  const view = client.balanced();
  return Array.from({ length: count }, (_unused, index) => view.apply((value: number) => value, index));
};

describe('accepted()', () => {
  test('rejects while the store has no disk; the client keeps the tasks, and none is lost', async () => {
    await home.json('start', '-n', '1', '-d', '--lease', '5s');
    const client = await Client.connect();
    const busy = client.direct(0).execute('await new Promise((r) => setTimeout(r, 4000)); 1');
    busy.then(undefined, () => {});
    await limitFiles(pidOf('ipcontroller'), 20_000);
    const tasks = submit(client, 20);
    await expect(client.accepted()).rejects.toMatchObject({
      code: 'NOT_KEPT',
      suggestions: [expect.stringMatching(/disk/)],
    });
    await end('ipcontroller', 'SIGKILL');
    await home.json('start', '--reuse', '-n', '1', '-d', '--lease', '5s');
    expect(await Promise.all(tasks)).toEqual(Array.from({ length: 20 }, (_unused, index) => index));
    await client.accepted();
    await client.close();
  });

  test('settles when the disk is there again, and rejects when the connection is over', async () => {
    await home.json('start', '-n', '0', '-d');
    const client = await Client.connect();
    await limitFiles(pidOf('ipcontroller'), 20_000);
    const tasks = submit(client, 5);
    for (const task of tasks) task.then(undefined, () => {});
    await expect(client.accepted()).rejects.toMatchObject({ code: 'NOT_KEPT' });
    await limitFiles(pidOf('ipcontroller'), 'unlimited');
    const isBack = (): Promise<boolean> =>
      client.accepted().then(
        () => true,
        () => false,
      );
    onTestFailed(async () => console.error((await home.run(['logs', 'controller'])).stdout));
    await until('it is back', isBack, 30_000);
    await limitFiles(pidOf('ipcontroller'), 20_000);
    submit(client, 1)[0]?.then(undefined, () => {});
    await home.run(['stop']);
    await expect(client.accepted()).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|NOT_KEPT/) });
    await client.close();
  }, 60_000);
});

describe('a controller that is started again with --reuse', () => {
  test('knows every task after a SIGTERM, with its keys and without', async () => {
    await home.json('start', '-n', '0', '-d');
    for (const keys of ['kept', 'gone']) {
      const client = await Client.connect();
      const tasks = submit(client, 200);
      for (const task of tasks) task.then(undefined, () => {});
      await client.accepted();
      await end('ipcontroller', 'SIGTERM');
      expect(existsSync(home.path('security', 'ipcontroller-key.json'))).toBe(true);
      await client.close();
      if (keys === 'gone') rmSync(home.path('security', 'ipcontroller-key.json'));
      await home.json('start', '--reuse', '-n', '0', '-d');
      const { queues } = await home.json<{ queues: { balanced: number } }>('status');
      expect(queues.balanced).toBe(keys === 'kept' ? 200 : 400);
    }
    await end('ipcontroller', 'SIGTERM');
    // A new cluster has none of them, but nothing is erased.
    const aside = (): number =>
      readdirSync(home.path('default')).filter((name) => name.endsWith('-aside')).length;
    const before = aside();
    await home.run(['stop']);
    await home.json('start', '-n', '0', '-d');
    expect((await home.json<{ queues: { balanced: number } }>('status')).queues.balanced).toBe(0);
    expect(aside()).toBe(before + 1);
  });
});

test('all engines given up: what waits for one ends within a lease, and says why', async () => {
  await home.json('start', '-n', '1', '-d', '--lease', '2s');
  const client = await Client.connect();
  const ends = client
    .balanced({ retries: 0 })
    .map((_value: number) => process.exit(1), [1, 2, 3, 4, 5, 6, 7, 8], { chunk: 1 } as never);
  const results = await ends.settled();
  expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 'rejected'));
  await client.close();
}, 60_000);
