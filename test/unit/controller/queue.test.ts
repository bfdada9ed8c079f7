import { describe, expect, test, vi } from 'vitest';
import { assign, type Engine, release } from '../../../src/controller/engine.js';
import { EngineTable } from '../../../src/controller/engine-table.js';
import { PriorityFifo } from '../../../src/controller/fifo.js';
import { IndexedHeap } from '../../../src/controller/indexed-heap.js';
import { leastLoad } from '../../../src/controller/policies.js';
import type { Supervisor } from '../../../src/controller/supervisor.js';
import { TaskQueue } from '../../../src/controller/task-queue.js';
import { makeTask, type Task } from '../../../src/controller/tasks.js';
import { Session } from '../../../src/protocol/message.js';

const session = new Session('s');
const peer = { link: { silence: 0 } };
const supervisor = { name: 'n', host: 'h', rank: null, allocation: null, peer } as Supervisor;

function task(id: string, metadata: Record<string, unknown> = {}): Task {
  return makeTask({ ...session.header('apply_request'), msg_id: id }, metadata, Buffer.alloc(1));
}

function up(engines: EngineTable, count: number, language = 'javascript'): void {
  for (const id of engines.reserve(supervisor, count, []))
    engines.up(supervisor, {
      id,
      uuid: `u${id}`,
      pid: 1,
      language,
      log: null,
      restarts: 0,
      cpus: null,
      gpus: null,
    });
}

/** A queue over so many engines, whose tasks end when they are told to. */
function queueOf(count: number) {
  const engines = new EngineTable();
  up(engines, count);
  const given: Task[] = [];
  const impossible: string[] = [];
  const queue = new TaskQueue(engines, leastLoad, {
    dispatch: (dispatched, engine) => {
      dispatched.engine = engine.id;
      assign(engine, dispatched.id, 'balanced');
      given.push(dispatched);
    },
    load: vi.fn(),
    impossible: (hopeless) => {
      impossible.push(hopeless.id);
      queue.finish(hopeless, false);
    },
  });
  const end = (ended: Task, ok = true): void => {
    const engine = engines.get(ended.engine ?? -1);
    if (engine) release(engine, ended.id);
    queue.finish(ended, ok);
    queue.schedule();
  };
  const drain = (): string[] => {
    const order: string[] = [];
    for (let next = given.shift(); next; next = given.shift()) {
      order.push(next.id);
      end(next);
    }
    return order;
  };
  return { queue, engines, given, impossible, end, drain };
}

const range = (count: number): number[] => Array.from({ length: count }, (_unused, index) => index);

describe('dependencies of thousands', () => {
  test.each(['chain', 'fan-out'])('a %s whose first fails: all are told, whatever their number', (shape) => {
    const { queue, given, impossible, end } = queueOf(1);
    const count = 20_000;
    for (const index of range(count)) {
      const before = shape === 'chain' ? index - 1 : 0;
      queue.add(task(`t${index}`, index === 0 ? {} : { after: [`t${before}`] }));
    }
    queue.schedule();
    end(given[0] as Task, false);
    expect(impossible).toHaveLength(count - 1);
    expect(queue.tasks.size).toBe(0);
    expect(queue.counts).toEqual({ balanced: 0, waiting: 0, running: 0 });
  });

  test('one that waits for 15,000 goes when the last has ended, although the first is long forgotten', () => {
    const { queue, drain } = queueOf(2);
    const ids = range(30_000).map((index) => `t${index}`);
    for (const id of ids) queue.add(task(id));
    queue.add(task('last', { after: ids, follow: { dependencies: ids.slice(0, 2), all: false } }));
    queue.schedule();
    expect(drain().at(-1)).toBe('last');
  });

  test('outcomes that only the store knew count, although there are more than are remembered', () => {
    const { queue, given } = queueOf(1);
    const ids = range(25_000).map((index) => `old${index}`);
    queue.add(task('new', { after: ids }), new Map(ids.map((id) => [id, { ok: true, engine: 0 }])));
    queue.schedule();
    expect(given.map(({ id }) => id)).toEqual(['new']);
  });

  test('one of any of them goes after the first that ends well, and never when all failed', () => {
    const { queue, given, impossible, end } = queueOf(3);
    const [a, b] = [task('a'), task('b')] as const;
    for (const each of [a, b]) queue.add(each);
    queue.add(task('any', { after: { dependencies: ['a', 'b', 'a'], all: false } }));
    queue.add(task('both', { after: { dependencies: ['a', 'b', 'b'] } }));
    queue.schedule();
    end(a, false);
    expect(impossible).toEqual(['both']);
    end(b);
    expect(given.at(-1)?.id).toBe('any');
  });

  test('one that cannot be answered for keeps no other from hearing of its end', () => {
    const engines = new EngineTable();
    const seen: string[] = [];
    const queue = new TaskQueue(engines, leastLoad, {
      dispatch: vi.fn(),
      load: vi.fn(),
      impossible: ({ id }) => {
        seen.push(id);
        throw new Error('no answer');
      },
    });
    const root = task('root');
    queue.add(root);
    for (const id of ['a', 'b', 'c']) queue.add(task(id, { after: ['root'] }));
    expect(() => queue.finish(root, false)).toThrow('no answer');
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  test('what is taken out waits for nobody, and others that wait for it hear of it', () => {
    const { queue, impossible } = queueOf(0);
    queue.add(task('root'));
    const middle = task('middle', { after: ['root'] });
    queue.add(middle);
    queue.add(task('end', { after: ['middle'] }));
    queue.remove(middle);
    expect(impossible).toEqual(['end']);
    expect(queue.counts).toEqual({ balanced: 1, waiting: 0, running: 0 });
  });
});

describe('wishes about engines', () => {
  test('priorities hold for all tasks; among equals those with wishes go first, each kind by arrival', () => {
    const { queue, drain } = queueOf(1);
    queue.add(task('first'));
    queue.schedule();
    for (const [id, metadata] of [
      ['plain', {}],
      ['aimed', { targets: [0] }],
      ['aimed too', { targets: [0, 7] }],
      ['high', { priority: 1 }],
      ['aimed high', { targets: [0], priority: 2 }],
      ['low', { targets: [0], priority: -1 }],
    ] as const)
      queue.add(task(id, metadata));
    queue.schedule();
    expect(drain()).toEqual(['first', 'aimed high', 'high', 'aimed', 'aimed too', 'plain', 'low']);
  });

  test('many different wishes: each task runs where it may, and none is forgotten', () => {
    const { queue, engines, given, end } = queueOf(16);
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const wishes = new Map<string, number[]>();
    for (const index of range(2000)) {
      const targets = range(16).filter(() => random(4) === 0);
      wishes.set(`t${index}`, targets);
      queue.add(task(`t${index}`, { targets, priority: random(3) }));
      queue.schedule();
    }
    let done = 0;
    for (let next = given.shift(); next; next = given.shift()) {
      const targets = wishes.get(next.id) as number[];
      if (targets.length > 0) expect(targets).toContain(next.engine);
      end(next);
      done += 1;
    }
    expect([done, queue.tasks.size, engines.size]).toEqual([2000, 0, 16]);
  });

  test(
    'what waits for an engine that goes can never run, and what waits for one that is being ' +
      'replaced waits',
    () => {
      const { queue, engines, given, impossible } = queueOf(2);
      for (const id of ['running', 'second', 'third']) queue.add(task(id, { targets: [1] }));
      queue.schedule();
      expect(given.map(({ id }) => id)).toEqual(['running']);
      engines.restarting.add(1);
      engines.down(1);
      queue.schedule();
      expect(impossible).toEqual([]);
      engines.restarting.delete(1);
      queue.schedule();
      expect(impossible).toEqual(['second', 'third']);
      queue.add(task('late', { targets: [1] }));
      queue.schedule();
      expect(impossible.at(-1)).toBe('late');
    },
  );

  test('a task put back goes before all others of its wishes', () => {
    const { queue, engines, given } = queueOf(1);
    for (const id of ['a', 'b', 'c']) queue.add(task(id, { targets: [0] }));
    queue.schedule();
    const a = given[0] as Task;
    release(engines.get(0) as Engine, 'a');
    queue.putBack(a);
    queue.schedule();
    expect(given.map(({ id }) => id)).toEqual(['a', 'a', 'b', 'c']);
  });

  test('tasks without a wish are stranded where nobody reads their language', () => {
    const { queue, engines } = queueOf(0);
    for (const id of ['a', 'b']) queue.add(task(id));
    queue.add(task('python', { language: 'python' }));
    queue.schedule();
    expect(queue.stranded.map(({ id }) => id)).toEqual(['a', 'b', 'python']);
    up(engines, 1, 'python');
    expect(queue.stranded.map(({ id }) => id)).toEqual(['a', 'b']);
  });
});

test('a heap has the first at hand, whatever is put, moved and taken out', () => {
  const values = range(500).map((index) => ({ rank: (index * 7919) % 500 }));
  const heap = new IndexedHeap<{ rank: number }>((one, other) => one.rank < other.rank);
  for (const value of values) heap.put(value);
  for (const value of values.slice(0, 100)) {
    value.rank = 1000 - value.rank;
    heap.put(value);
  }
  for (const value of values.slice(100, 200)) heap.delete(value);
  heap.delete({ rank: 1 });
  const left = [...values.slice(0, 100), ...values.slice(200)]
    .map(({ rank }) => rank)
    .toSorted((a, b) => a - b);
  const seen: number[] = [];
  for (let first = heap.first; first; first = heap.first) {
    seen.push(first.rank);
    heap.delete(first);
  }
  expect(seen).toEqual(left);
});

test('places in a queue by priority hold while others come, go and are put back', () => {
  const fifo = new PriorityFifo<number>();
  const places = range(3000).map((value) => fifo.push(value, 0));
  for (const value of range(1500)) expect(fifo.shift()).toBe(value);
  const back = range(50).map((value) => fifo.pushFront(-1 - value, 0));
  expect(fifo.delete(0, places[2000] as number)).toBe(true);
  expect(fifo.delete(0, places[2000] as number)).toBe(false);
  expect(fifo.delete(0, places[3] as number)).toBe(false);
  expect(fifo.delete(0, back[49] as number)).toBe(true);
  expect(fifo.first(2)).toEqual([-49, -48]);
  expect(fifo.size).toBe(1500 + 50 - 2);
});
