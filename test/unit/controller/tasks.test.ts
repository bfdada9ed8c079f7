import { describe, expect, test, vi } from 'vitest';
import { assign, type Engine, release, windowOf } from '../../../src/controller/engine.js';
import { EngineTable } from '../../../src/controller/engine-table.js';
import { PriorityFifo } from '../../../src/controller/fifo.js';
import { Incarnations } from '../../../src/controller/incarnations.js';
import { leastLoad } from '../../../src/controller/policies.js';
import type { Supervisor } from '../../../src/controller/supervisor.js';
import { TaskQueue } from '../../../src/controller/task-queue.js';
import { judge, makeTask, type Outcome, type Task } from '../../../src/controller/tasks.js';
import { Session } from '../../../src/protocol/message.js';

const session = new Session('s');
const supervisor = { name: 'n', host: 'h', rank: null, allocation: null } as Supervisor;

function task(metadata: Record<string, unknown> = {}, id?: string): Task {
  const header = session.header('apply_request');
  return makeTask(id ? { ...header, msg_id: id } : header, metadata, Buffer.alloc(1));
}

/** Engines of a supervisor come up: so many, of that language. */
function comeUp(engines: EngineTable, owner: Supervisor, count: number, language = 'javascript'): void {
  const plain = { pid: 1, language, log: null, restarts: 0, cpus: null, gpus: null };
  for (const id of engines.reserve(owner, count, [])) engines.up(owner, { ...plain, id, uuid: `u${id}` });
}

function table(count: number): EngineTable {
  const engines = new EngineTable();
  comeUp(engines, supervisor, count);
  return engines;
}

function queueOf(engines: EngineTable) {
  const given: [string, number][] = [];
  const impossible = vi.fn();
  const queue = new TaskQueue(engines, leastLoad, {
    dispatch: (dispatched, engine) => {
      dispatched.engine = engine.id;
      assign(engine, dispatched.id, 'balanced');
      given.push([dispatched.id, engine.id]);
    },
    load: vi.fn(),
    impossible: (hopeless, reason) => {
      impossible(hopeless.id, reason);
      queue.finish(hopeless, false);
    },
  });
  const add = (...tasks: Task[]): void => {
    for (const added of tasks) queue.add(added);
    queue.schedule();
  };
  const end = (ended: Task, ok = true): void => {
    release(engines.get(ended.engine ?? -1) as Engine, ended.id);
    queue.finish(ended, ok);
    queue.schedule();
  };
  return { queue, given, impossible, add, end };
}

describe('languages', () => {
  const mixed = (): EngineTable => {
    const engines = table(1);
    comeUp(engines, supervisor, 1, 'python');
    return engines;
  };

  test('each task goes to an engine that reads it, and none holds up another', () => {
    const { given, add, queue } = queueOf(mixed());
    const [first, second, python] = [task(), task(), task({ language: 'python' })];
    add(first, second, python);
    expect(given).toEqual([
      [first.id, 0],
      [python.id, 1],
    ]);
    expect(queue.counts).toMatchObject({ balanced: 1, running: 2 });
  });

  test('text goes anywhere; what nobody here reads is known at once, and waits only where nobody is', () => {
    const { queue, given, add } = queueOf(mixed());
    const header = { ...session.header('execute_request'), msg_id: 'text' };
    add(task(), makeTask(header, {}, Buffer.alloc(1)));
    expect(given.map(([, engine]) => engine)).toEqual([0, 1]);
    expect(queue.otherLanguages(task({ language: 'cobol' }))).toEqual(['javascript', 'python']);
    expect(queue.otherLanguages(task({ language: 'python', targets: [0] }))).toEqual(['javascript']);
    expect(queue.otherLanguages(task({ language: 'python' }))).toEqual([]);
    expect(queueOf(new EngineTable()).queue.otherLanguages(task({ language: 'python' }))).toEqual([]);
  });
});

describe('engines where a task cannot run', () => {
  const exclude = (one: Task, name: 'excluded' | 'unmet', ...ids: number[]): Task =>
    Object.assign(one, { [name]: new Set(ids) });

  test('where it failed it is tried again when there is no other, unless it can wait for one', () => {
    const { given, add, queue } = queueOf(table(2));
    const [hasty, patient] = [
      exclude(task(), 'excluded', 0, 1),
      exclude(task({ timeout: 5 }), 'excluded', 0, 1),
    ];
    add(hasty, patient);
    expect(given).toEqual([[hasty.id, 0]]);
    expect(queue.isWaiting(patient)).toBe(true);
  });

  test(
    'what an engine lacks it lacks for ever: another is waited for, or there is none among ' + 'its targets',
    () => {
      const { given, add, impossible, queue } = queueOf(table(1));
      const [free, bound] = [exclude(task(), 'unmet', 0), exclude(task({ targets: [0] }), 'unmet', 0)];
      add(free, bound);
      expect(given).toEqual([]);
      expect(queue.isWaiting(free)).toBe(true);
      expect(impossible).toHaveBeenCalledWith(bound.id, expect.any(String));
    },
  );
});

describe('dependencies', () => {
  const outcomes: Record<string, Outcome> = { good: { ok: true, engine: 0 }, bad: { ok: false, engine: 1 } };
  const judged = (dependencies: string[], wish: object = {}) =>
    judge({ dependencies, all: true, success: true, failure: false, ...wish }, (id) => outcomes[id]);

  test.each([
    [['good'], {}, 'met'],
    [['bad'], {}, 'never'],
    [['good', 'open'], {}, 'wait'],
    [['good', 'bad'], {}, 'never'],
    [['bad'], { success: false, failure: true }, 'met'],
    [['good'], { success: false, failure: true }, 'never'],
    [['bad', 'good'], { failure: true }, 'met'],
    [['bad', 'good'], { all: false }, 'met'],
    [['bad', 'open'], { all: false }, 'wait'],
    [['bad'], { all: false }, 'never'],
  ])('%j with %j: %s', (ids, wish, verdict) => {
    expect(judged(ids, wish)).toBe(verdict);
  });

  test.each([{ after: 'x' }, { retries: 'x' }, { retries: -1 }, { targets: [1.5] }, { timeout: -1 }])(
    '%j is refused',
    (metadata) => {
      expect(() => task(metadata)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );
});

describe('the balanced queue', () => {
  test('gives tasks to the engine with the fewest, one each while nothing is known of their length', () => {
    const { given, add } = queueOf(table(2));
    add(task({}, 'a'), task({}, 'b'), task({}, 'c'));
    expect(given).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
  });

  test('goes by priority, then by arrival', () => {
    const { given, add, end } = queueOf(table(1));
    const first = task({}, 'first');
    add(first);
    add(task({}, 'low'), task({ priority: 5 }, 'high'), task({}, 'later'));
    end(first);
    expect(given.map(([id]) => id)).toEqual(['first', 'high', 'low', 'later']);
  });

  test('a task waits for those that it comes after, and follows them to their engine', () => {
    const { given, add, end } = queueOf(table(2));
    const [a, b] = [task({}, 'a'), task({}, 'b')];
    add(a, b, task({ after: ['a', 'b'] }, 'after'), task({ follow: ['b'] }, 'follow'));
    expect(given).toHaveLength(2);
    end(b);
    expect(given.at(-1)).toEqual(['follow', 1]);
    end(a);
    expect(given.at(-1)).toEqual(['after', 0]);
  });

  test('what can never run is said at once, and so is what depends on that', () => {
    const { impossible, add, end } = queueOf(table(1));
    const a = task({}, 'a');
    add(a, task({ after: ['a'] }, 'b'), task({ after: ['b'] }, 'c'));
    end(a, false);
    expect(impossible.mock.calls.map(([id]) => id)).toEqual(['b', 'c']);
  });

  test('a task for an engine that is not there can never run, unless that engine is being restarted', () => {
    const engines = table(1);
    const { impossible, add } = queueOf(engines);
    add(task({ targets: [7] }, 'a'));
    expect(impossible).toHaveBeenCalledWith('a', expect.stringContaining('engines'));
    engines.restarting.add(8);
    add(task({ targets: [8] }, 'b'));
    expect(impossible).toHaveBeenCalledTimes(1);
  });

  test('without any engine tasks wait', () => {
    const engines = new EngineTable();
    const { queue, given, add } = queueOf(engines);
    add(task({}, 'a'));
    expect(queue.counts).toEqual({ balanced: 1, waiting: 0, running: 0 });
    comeUp(engines, supervisor, 1);
    queue.schedule();
    expect(given).toEqual([['a', 0]]);
  });

  test('a task that failed somewhere is tried elsewhere first', () => {
    const { queue, given, add } = queueOf(table(2));
    const a = task({ retries: 1 }, 'a');
    a.excluded = new Set([0]);
    add(a);
    expect(given).toEqual([['a', 1]]);
    expect(queue.isWaiting(a)).toBe(false);
  });
});

describe('after a controller that was killed', () => {
  test(
    'tasks wait until who comes back is back; what an engine brings stays with it, the rest goes ' +
      'out in order',
    () => {
      const { queue, given } = queueOf(table(2));
      const [a, b, c] = ['a', 'b', 'c'].map((id) => task({}, id)) as [Task, Task, Task];
      for (const each of [a, b, c]) queue.restore(each);
      queue.schedule();
      expect(given).toEqual([]);
      expect(queue.counts).toMatchObject({ balanced: 3 });
      queue.claim(b, 1);
      expect(queue.settle().map(({ id }) => id)).toEqual(['a', 'c']);
      expect(queue.isWaiting(b)).toBe(false);
    },
  );

  test('a wish for an engine that is not back yet can still come true', () => {
    const engines = new EngineTable();
    const { queue, impossible, add } = queueOf(engines);
    queue.restore(task({}, 'old'));
    add(task({ targets: [0] }, 'new'));
    expect(impossible).not.toHaveBeenCalled();
    queue.settle();
    queue.schedule();
    expect(impossible).toHaveBeenCalledTimes(1);
  });

  test('a task whose message is on disk is brought before it goes out', () => {
    const load = vi.fn();
    const engines = table(1);
    const dispatch = vi.fn();
    const queue = new TaskQueue(engines, leastLoad, { dispatch, impossible: vi.fn(), load });
    const far = task({}, 'far');
    far.body = undefined;
    queue.add(far);
    queue.schedule();
    expect([load.mock.calls[0]?.[0], dispatch.mock.calls]).toEqual([[far], []]);
    far.body = Buffer.alloc(1);
    queue.schedule();
    expect(dispatch).toHaveBeenCalledTimes(1);
  });

  test('ids go on where they were, and an engine that comes back has its own', () => {
    const engines = new EngineTable(5);
    expect(engines.reserve(supervisor, 2, [1, 3], true)).toEqual([1, 3]);
    expect(engines.reserve({ ...supervisor }, 2, [1, -1], true)).toEqual([5, 6]);
    expect(engines.supervisorOf(1)).toBe(supervisor);
  });
});

describe('the engine table', () => {
  test('ids are given once, and those asked for where they are free', () => {
    const engines = new EngineTable();
    expect(engines.reserve(supervisor, 2, [])).toEqual([0, 1]);
    expect(engines.reserve(supervisor, 2, [5, 1])).toEqual([5, 2]);
    expect(engines.reserve(supervisor, 2, [])).toEqual([3, 4]);
    expect(engines.reserve(supervisor, 1, [])).toEqual([6]);
  });

  test('an engine can only come where its supervisor has a place', () => {
    const engines = new EngineTable();
    const [id = -1] = engines.reserve(supervisor, 1, []);
    const up = {
      id,
      uuid: 'u',
      pid: 1,
      language: 'javascript',
      log: null,
      restarts: 0,
      cpus: null,
      gpus: null,
    };
    expect(engines.up({ ...supervisor }, up)).toBeUndefined();
    expect(engines.up(supervisor, up)).toBeDefined();
    expect(engines.up(supervisor, up)).toBeUndefined();
  });

  test('short requests are fetched ahead, long ones are not', () => {
    const [engine] = table(1).all as [Engine];
    expect(windowOf(engine)).toBe(1);
    expect(windowOf({ ...engine, average: 0.05 })).toBe(64);
    expect(windowOf({ ...engine, average: 2 })).toBe(3);
    expect(windowOf({ ...engine, average: 60_000 })).toBe(1);
  });
});

test('a queue by priority keeps order, takes back to the front and removes', () => {
  const fifo = new PriorityFifo<string>();
  for (const value of ['a', 'b', 'c']) fifo.push(value, 0);
  fifo.push('high', 1);
  fifo.pushFront('first', 0);
  expect(fifo.remove((value) => value === 'b')).toBe(true);
  expect(fifo.remove((value) => value === 'b')).toBe(false);
  expect([fifo.shift(), fifo.shift(), fifo.shift(), fifo.shift(), fifo.shift()]).toEqual([
    'high',
    'first',
    'a',
    'c',
    undefined,
  ]);
  for (let index = 0; index < 5000; index++) fifo.push(String(index), 0);
  for (let index = 0; index < 5000; index++) expect(fifo.shift()).toBe(String(index));
  expect(fifo.size).toBe(0);
});

describe('engines whose job has a deadline', () => {
  const until = (milliseconds: number | null): Supervisor => ({
    ...supervisor,
    allocation: {
      job: 'slurm:1',
      element: null,
      incarnation: 0,
      node: 0,
      deadline: milliseconds === null ? null : Date.now() + milliseconds,
    },
  });
  const up = (engines: EngineTable, owner: Supervisor): void => comeUp(engines, owner, 1);

  test('get nothing new in their last minute', () => {
    const engines = new EngineTable();
    up(engines, until(59_000));
    const { queue, given, add } = queueOf(engines);
    add(task());
    expect(given).toEqual([]);
    up(engines, until(120_000));
    queue.schedule();
    expect(given.map(([, engine]) => engine)).toEqual([1]);
  });

  // A command brings its limit with it: the engine sees to it, not the controller.
  test.each(['time_limit', 'time_needed'])(
    'get no task with a %s longer than their time, and such a task holds up nobody',
    (name) => {
      const engines = new EngineTable();
      up(engines, until(120_000));
      const { given, add, queue } = queueOf(engines);
      const long = task({ [name]: 600 });
      const short = task({ time_limit: 1 });
      add(long, short);
      expect(given.map(([id]) => id)).toEqual([short.id]);
      up(engines, until(null));
      queue.schedule();
      expect(given.map(([id, engine]) => [id, engine])).toEqual([
        [short.id, 0],
        [long.id, 1],
      ]);
    },
  );
});

describe('runs of a job', () => {
  const run = (
    incarnation: number,
    rest: Partial<NonNullable<Supervisor['allocation']>> = {},
  ): NonNullable<Supervisor['allocation']> => ({
    job: 'slurm:1',
    element: null,
    incarnation,
    node: 0,
    deadline: null,
    ...rest,
  });

  test('who belongs to an earlier run, or comes after the deadline and a lease, is refused', () => {
    const incarnations = new Incarnations();
    incarnations.admit(run(0), 'j', 1000);
    incarnations.admit(run(1), 'j', 1000);
    incarnations.admit(run(0, { element: '3' }), 'j', 1000);
    incarnations.admit(null, 'j', 1000);
    expect(() => incarnations.admit(run(0), 'j', 1000)).toThrow(/started slurm:1 again/);
    expect(() => incarnations.admit(run(1, { deadline: Date.now() - 2000 }), 'j', 1000)).toThrow(
      /time of slurm:1 was over/,
    );
    expect(incarnations.isOutdated({ ...supervisor, allocation: run(0) }, { allocation: run(1) })).toBe(true);
    expect(incarnations.isOutdated({ ...supervisor, allocation: run(1) }, { allocation: run(1) })).toBe(
      false,
    );
    expect(
      incarnations.isOutdated(
        { ...supervisor, allocation: run(0, { element: '3' }) },
        { allocation: run(1) },
      ),
    ).toBe(false);
  });
});
