import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import { Cluster } from '../../src/cluster/cluster.js';
import { Home, until } from '../helpers.js';

const home = new Home();
let cluster: Cluster;
let client: Client;

beforeAll(async () => {
  home.enter();
  cluster = await Cluster.start({ n: 3 });
  client = cluster.client;
});

afterAll(async () => {
  await cluster.stop();
  await home.leave();
});

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('direct', () => {
  test('push, pull, scatter, gather, and one engine by itself', async () => {
    const all = client.direct('all');
    await all.push({ a: 1, view: new Float64Array([1, 2]) });
    expect(await all.pull(['a', 'view'])).toEqual(Array(3).fill([1, new Float64Array([1, 2])]));
    expect(await client.direct(1).pull('a')).toBe(1);
    await all.scatter('part', [1, 2, 3, 4]);
    expect(await all.pull('part')).toEqual([[1, 2], [3], [4]]);
    expect(await all.gather('part')).toEqual([1, 2, 3, 4]);
    const view = Float32Array.from({ length: 10 }, (_unused, index) => index);
    await all.scatter('part', view);
    expect(await all.gather('part')).toEqual(view);
  });

  test('large arrays arrive whole, by memory of the host, and nothing of them stays there', async () => {
    const { readdirSync } = await import('node:fs');
    const large = Float64Array.from({ length: 500_000 }, (_unused, index) => index);
    await client.direct('all').push({ large });
    expect(await client.direct('all').execute('large.length + large[499999]')).toEqual(
      Array(3).fill(999_999),
    );
    expect(await client.direct(2).pull('large')).toEqual(large);
    if (client.connection.memory) expect(readdirSync(client.connection.memory)).toEqual([]);
  });

  test('apply by source, with results of any kind; map over all in order', async () => {
    const all = client.direct('all');
    expect(
      await all.apply(
        (a: number, b: Map<string, number>) => new Set([a, b.get('x')]),
        1,
        new Map([['x', 2]]),
      ),
    ).toEqual(Array(3).fill(new Set([1, 2])));
    expect(await all.apply(async (x: number) => x + 1, 1)).toEqual([2, 2, 2]);
    expect(await all.map((x: number) => x * x, [1, 2, 3, 4, 5])).toEqual([1, 4, 9, 16, 25]);
    const object = {
      method(x: number) {
        return x + 40;
      },
    };
    expect(await client.direct(0).apply(object.method, 2)).toBe(42);
  });

  test('apply by module and export', async () => {
    const module = join(home.folder, 'work.mjs');
    writeFileSync(module, 'export const triple = (x) => 3 * x;\n');
    expect(await client.direct(0).apply({ module, export: 'triple' }, 5)).toBe(15);
    await expect(client.direct(0).apply({ module, export: 'none' }, 5)).rejects.toThrow(
      /exports no function "none"/,
    );
    expect(await client.balanced().map({ module: 'node:path', export: 'basename' }, ['/a/b', '/c'])).toEqual([
      'b',
      'c',
    ]);
  });

  test('notebook semantics, and clear', async () => {
    const one = client.direct(0);
    await one.execute('const c = 1; let { d } = { d: 2 }; class K {}; function f() { return c + d }');
    await one.execute('const c = 10');
    expect(await one.execute('const e = await Promise.resolve(f()); e')).toBe(12);
    expect(await one.execute("import { basename } from 'node:path'; basename('/x/y')")).toBe('y');
    await one.clear();
    expect(await one.execute('typeof c + typeof d + typeof f + typeof e + typeof basename')).toBe(
      'undefined'.repeat(5),
    );
    expect(await one.execute('engineId')).toBe(0);
  });

  test('a value that cannot travel is shown as text', async () => {
    const result = client.direct(0).execute('() => 1');
    expect(await result).toBeUndefined();
    expect(result.texts).toEqual(['[Function (anonymous)]']);
  });

  test('output arrives while the code runs', async () => {
    const result = client
      .direct(0)
      .execute(
        "console.log('first'); await new Promise((r) => setTimeout(r, 400)); process.stderr.write('second')",
      );
    const { value } = await result.outputs().next();
    expect(value).toMatchObject({ name: 'stdout', text: 'first\n', engineId: 0 });
    expect(result.progress.done).toBe(0);
    await result;
    expect(result.output).toBe('first\nsecond');
  });

  test('errors carry name, message and a stack into user code, one per engine', async () => {
    const error = await client
      .direct('all')
      .apply(() => {
        throw new RangeError('too far');
      })
      .then(
        () => undefined,
        (caught: unknown) => caught,
      );
    expect(error).toMatchObject({
      code: 'REMOTE',
      errors: [0, 1, 2].map((engineId) => ({ engineId, ename: 'RangeError', evalue: 'too far' })),
    });
    const thrown = await client
      .direct(1)
      .execute('throw 7')
      .then(
        () => undefined,
        (caught: unknown) => caught,
      );
    expect(thrown).toMatchObject({ ename: 'Thrown', evalue: '7', engineId: 1 });
  });

  test('a syntax error is the engine’s own, and a floating rejection kills nothing', async () => {
    await expect(client.direct(0).execute('const = 3')).rejects.toThrow(/SyntaxError/);
    const result = client.direct(0).execute("Promise.reject(new Error('floating')); 1");
    expect(await result).toBe(1);
    await client.direct(0).execute("setTimeout(() => { throw new Error('late') }, 1)");
    await pause(50);
    expect(await client.direct(0).execute('1 + 1')).toBe(2);
  });
});

describe('bad input', () => {
  test('a closure that did not travel gets advice', async () => {
    const outside = 5;
    const error = await client
      .direct(0)
      .apply(() => outside + 1)
      .then(
        () => undefined,
        (caught: unknown) => caught,
      );
    expect(error).toMatchObject({
      ename: 'ReferenceError',
      suggestions: [expect.stringContaining('travel by source')],
    });
  });

  test('values and functions that cannot travel are refused here', () => {
    expect(() => client.direct(0).push({ f: () => 1 })).toThrow(
      expect.objectContaining({ code: 'NOT_CLONEABLE' }),
    );
    expect(() => client.balanced().apply(Math.max, 1)).toThrow(
      expect.objectContaining({ code: 'FUNCTION_SOURCE' }),
    );
    expect(() => client.balanced().map((x: number) => x, [1], { chunk: 0 })).toThrow(
      expect.objectContaining({ code: 'USAGE' }),
    );
  });

  test('a result that cannot travel is an error of that task', async () => {
    await expect(client.direct(0).apply(() => () => 1)).rejects.toMatchObject({ code: 'NOT_CLONEABLE' });
  });

  test('engines and tasks that there are not', async () => {
    expect(() => client.direct(9).execute('1')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    await expect(client.result('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(client.resubmit(['nothing'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('balanced', () => {
  test('map in chunks: all results in order, and each as it comes', async () => {
    const items = Array.from({ length: 500 }, (_unused, index) => index);
    const doubled = items.map((x) => 2 * x);
    for (const chunk of ['auto', 1, 7, 1000] as const)
      expect(await client.balanced().map((x: number) => 2 * x, items, { chunk })).toEqual(doubled);
    const seen = new Map<number, number>();
    for await (const { index, value } of client.balanced().map((x: number) => 2 * x, items))
      seen.set(index, value);
    expect([...seen.keys()].sort((a, b) => a - b).map((index) => seen.get(index))).toEqual(doubled);
  });

  test('all engines get work', async () => {
    const result = client.balanced().map(
      async () => {
        await new Promise((r) => setTimeout(r, 20));
        return 1;
      },
      Array(9).fill(0),
      { chunk: 1 },
    );
    await result;
    expect(new Set(result.engineIds)).toEqual(new Set([0, 1, 2]));
  });

  test('a short task does not wait behind a long one that was a surprise', async () => {
    const lb = client.balanced();
    await lb.map(() => 0, Array(500).fill(0), { chunk: 1 });
    const long = lb.apply(async () => {
      await new Promise((r) => setTimeout(r, 3000));
    });
    const begin = Date.now();
    await Promise.all(Array.from({ length: 100 }, () => lb.apply(() => 0)));
    expect(Date.now() - begin).toBeLessThan(2000);
    await long.cancel();
    await expect(long).rejects.toMatchObject({ code: 'TASK_ABORTED' });
  });

  test('after and follow, met and never met', async () => {
    const lb = client.balanced();
    const good = lb.apply(() => Date.now());
    const after = lb.with({ after: good }).apply(() => Date.now());
    expect((await after) >= (await good)).toBe(true);
    const follow = lb.with({ follow: good }).apply(() => (globalThis as Record<string, unknown>)['engineId']);
    expect(await follow).toBe(good.engineIds[0]);
    const bad = lb.apply(() => {
      throw new Error('no');
    });
    await expect(lb.with({ after: bad }).apply(() => 1)).rejects.toMatchObject({
      code: 'DEPENDENCY',
      ename: 'ImpossibleDependency',
    });
    expect(await lb.with({ after: { tasks: bad, success: false, failure: true } }).apply(() => 2)).toBe(2);
    expect(await lb.with({ after: { tasks: [bad, good], all: false } }).apply(() => 3)).toBe(3);
    await expect(lb.with({ after: 'never-heard-of' }).apply(() => 1)).rejects.toMatchObject({
      ename: 'InvalidDependency',
    });
  });

  test('retries go elsewhere; targets, time limits and priorities are kept', async () => {
    const lb = client.balanced();
    const fickle = () => {
      const space = globalThis as Record<string, unknown>;
      if (space['engineId'] !== 2) throw new Error('not here');
      return 2;
    };
    expect(await lb.with({ retries: 5 }).apply(fickle)).toBe(2);
    await expect(lb.with({ retries: 1, targets: [0, 1] }).apply(fickle)).rejects.toThrow(/not here/);
    await expect(lb.with({ targets: [77] }).apply(() => 1)).rejects.toMatchObject({
      ename: 'ImpossibleDependency',
    });
    const begin = Date.now();
    await expect(
      lb.with({ timeLimit: 200 }).apply(() => {
        for (;;);
      }),
    ).rejects.toMatchObject({ code: 'TASK_TIMEOUT' });
    expect(Date.now() - begin).toBeLessThan(2000);
    const busy = [0, 1, 2].map((id) =>
      client.direct(id).execute('await new Promise((r) => setTimeout(r, 1500))'),
    );
    await pause(50);
    await expect(lb.with({ timeout: 100 }).apply(() => 1)).rejects.toMatchObject({ ename: 'TaskTimeout' });
    await Promise.all(busy);
  });

  test('commands: code, output, environment, folder, input, limits, files', async () => {
    const lb = client.balanced();
    const result = await lb.command(['sh', '-c', 'pwd; echo "$COLOUR"; cat; exit 4'], {
      cwd: '/tmp',
      env: { COLOUR: 'red' },
      input: 'in',
    });
    expect(result).toMatchObject({ exitCode: 4, signal: null, stdout: '/tmp\nred\nin', timedOut: false });
    expect(await lb.command(['sleep', '60'], { timeLimit: 100 })).toMatchObject({ timedOut: true });
    const file = join(home.folder, 'out');
    expect(await lb.command(['echo', 'hello'], { stdoutFile: file })).toMatchObject({ stdout: '' });
    expect(await lb.command(['cat', file])).toMatchObject({ stdout: 'hello\n' });
    await expect(lb.command(['/no/such/program'])).rejects.toMatchObject({ code: 'USAGE' });
    await expect(lb.command(['true'], { cwd: '/no/such/folder' })).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('a cancelled command ends with all that it started', async () => {
    const running = client.balanced().command(['sh', '-c', 'sleep 4711 & sleep 4712']);
    await until(
      'both sleep',
      () => home.processes().filter(({ command }) => /^sleep 471/.test(command)).length === 2,
    );
    expect(Object.values(await running.cancel())).toEqual(['killed']);
    await expect(running).rejects.toMatchObject({ code: 'TASK_ABORTED' });
    await until(
      'both are gone',
      () => home.processes().filter(({ command }) => /sleep 471/.test(command)).length === 0,
    );
  });
});

describe('records', () => {
  test('tasks can be queried, their results fetched, and submitted again', async () => {
    const lb = client.balanced({ label: 'mine' });
    const [good, bad] = [
      lb.apply((x: number) => x, 5),
      lb.apply(() => {
        throw new TypeError('bad');
      }),
    ];
    await Promise.allSettled([good, bad]);
    const records = await client.query({ label: 'mine' });
    expect(records.map(({ status, queue, ename }) => [status, queue, ename]).sort()).toEqual([
      ['error', 'balanced', 'TypeError'],
      ['ok', 'balanced', null],
    ]);
    expect(await client.query({ label: 'mine', status: 'error' })).toHaveLength(1);
    expect(await client.query({ ids: good.ids })).toMatchObject([
      { id: good.ids[0], completed: expect.any(String), started: expect.any(String) },
    ]);
    expect((await client.result(good.ids[0] as string)).answers).toEqual([{ value: 5, error: undefined }]);
    const again = Object.values(await client.resubmit(good.ids))[0] as string;
    await until('the second run', async () => (await client.result(again)).record.status === 'ok');
    expect((await client.result(again)).answers[0]?.value).toBe(5);
  });

  test('watchers hear of tasks and engines', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of client.watch(stop.signal)) if (event.event === 'task') seen.push(event.state);
    })();
    await pause(100);
    await client.balanced().apply(() => 1);
    await until('three states', () => seen.length >= 3);
    stop.abort();
    await watching;
    expect(seen).toEqual(['queued', 'running', 'done']);
  });
});

describe('every request ends', () => {
  const ends = async (result: {
    settled(): Promise<PromiseSettledResult<unknown>[]>;
  }): Promise<[number, number]> => {
    const parts = await result.settled();
    const good = parts.filter(({ status }) => status === 'fulfilled').length;
    return [good, parts.length - good];
  };

  test('an engine named twice, none, and what is no array', async () => {
    expect(() => client.direct([0, 0]).execute('1')).toThrow(/names engine 0 more than once/);
    expect(() => client.direct([]).execute('1')).toThrow(/names no engine/);
    await client.direct('all').push({ number: 5 });
    await expect(client.direct('all').gather('number')).rejects.toThrow(/number cannot be gathered/);
  });

  test('each item of a map has its own end, whatever the chunks', async () => {
    const items = Array.from({ length: 200 }, (_unused, index) => index);
    const throwing = (x: number): number => {
      if (x === 77) throw new Error('bad');
      return x;
    };
    for (const chunk of ['auto', 50] as const) {
      expect(await ends(client.balanced().map(throwing, items, { chunk }))).toEqual([199, 1]);
      expect(
        await ends(client.balanced().map(async (x: unknown) => x, [...items, () => 1], { chunk })),
      ).toEqual([200, 1]);
      expect(
        await ends(client.balanced().map((x: number) => (x === 5 ? () => 1 : x), items, { chunk })),
      ).toEqual([199, 1]);
    }
  });

  test('a map that is cancelled sends no more', async () => {
    const slow = client.balanced().map(
      (x: number) => new Promise((resolve) => setTimeout(resolve, 50, x)),
      Array.from({ length: 300 }, (_unused, index) => index),
    );
    await until('some are done', () => slow.progress.done > 5);
    await slow.cancel();
    const [good, bad] = await ends(slow);
    expect(good + bad).toBe(300);
    expect(bad).toBeGreaterThan(200);
    expect(slow.ids.length).toBeLessThan(100);
  });

  test('close settles everything, twice as well', async () => {
    const other = await Client.connect({ timeout: 30 * 86_400_000 });
    const map = other.balanced().map(
      (x: number) => new Promise((resolve) => setTimeout(resolve, 100, x)),
      Array.from({ length: 100 }, (_unused, index) => index),
    );
    const direct = other.direct(0).execute('await new Promise((resolve) => setTimeout(resolve, 500)); 1');
    const output = direct.outputs().next();
    const engines = other.waitForEngines(9);
    const all = Promise.allSettled([map, direct, engines]);
    await other.close();
    await other.close();
    for (const end of await all)
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } });
    expect((await output).done).toBe(true);
    expect(await ends(other.balanced().map((x: number) => x, [1, 2]))).toEqual([0, 2]);
  });

  test('a limit of 30 days is one of 30 days', async () => {
    const month = { timeLimit: 30 * 86_400_000 };
    expect(await client.direct(0).command(['sleep', '0.05'], month)).toMatchObject({
      exitCode: 0,
      timedOut: false,
    });
    expect(await client.direct(0).command(['sleep', '0.05'], { ...month, stream: false })).toMatchObject({
      timedOut: false,
    });
    expect(await client.balanced(month).apply(() => 1)).toBe(1);
    expect(await client.waitForEngines(3, { timeout: month.timeLimit })).toHaveLength(3);
  });
});
