// What the balanced queue itself costs, in microseconds a task: `node bench/queue.js [folder of another tree
// to compare with]`.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const sizes = [1000, 10_000, 20_000];
/**
 * Old trees need minutes for some shapes: whatever took longer than this is not tried with more tasks
 * (milliseconds).
 */
const patience = 20_000;

/** The queue of a tree, made of its source. */
async function load(tree) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-queue-'));
  const outfile = join(folder, 'queue.mjs');
  // Trees of before have no `engine`.
  const all = ['task-queue', 'engine-table', 'engine', 'tasks', 'policies'];
  const names = all.filter((name) => existsSync(join(tree, `src/controller/${name}.ts`)));
  const contents = names.map((name) => `export * from './src/controller/${name}.ts';`).join('\n');
  await build({
    stdin: { contents, resolveDir: tree },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
  });
  const parts = await import(pathToFileURL(outfile).href);
  rmSync(folder, { recursive: true });
  return parts;
}

const ids = (count, from = 0) => Array.from({ length: count }, (_unused, index) => `t${from + index}`);

/** By shape: the metadata of each of so many tasks, and which of them fails. */
const shapes = {
  plain: (count) => ids(count).map(() => ({})),
  'targets [0, 1]': (count) => ids(count).map(() => ({ targets: [0, 1] })),
  'a priority each': (count) => ids(count).map((_id, index) => ({ priority: (index * 7919) % count })),
  chain: (count) => ids(count).map((_id, index) => (index === 0 ? {} : { after: [`t${index - 1}`] })),
  'chain that fails': (count) => shapes.chain(count),
  'fan-out': (count) => ids(count).map((_id, index) => (index === 0 ? {} : { after: ['t0'] })),
  'fan-out that fails': (count) => shapes['fan-out'](count),
  barrier: (count) => [...shapes.plain(count - 1), { after: ids(count - 1) }],
  follow: (count) => ids(count).map((_id, index) => (index === 0 ? {} : { follow: ['t0'] })),
  retries: (count) => ids(count).map(() => ({ fails: true })),
  'cancelled from the end': (count) => ids(count).map(() => ({ cancel: true })),
  'beside 10,000 blocked': (count) => [
    ...ids(10_000).map(() => ({ after: ['never'] })),
    ...shapes.plain(count),
  ],
};

/** Runs a shape to its end on two engines; answers microseconds a task. */
function run({ TaskQueue, EngineTable, makeTask, leastLoad, assign, release }, name, count) {
  const engines = new EngineTable();
  const node = { name: 'n', host: 'h', rank: null, allocation: null };
  for (const id of engines.reserve(node, 2, []))
    engines.up(node, {
      id,
      uuid: `u${id}`,
      pid: 1,
      language: 'javascript',
      log: null,
      restarts: 0,
      cpus: null,
      gpus: null,
    });
  const given = [];
  const queue = new TaskQueue(engines, leastLoad, {
    dispatch: (task, engine) => {
      task.engine = engine.id;
      assign(engine, task.id, 'balanced');
      given.push(task);
    },
    impossible: (task) => queue.finish(task, false),
    load: () => {},
  });
  const make = (id, metadata) =>
    makeTask({ msg_id: id, msg_type: 'apply_request', session: 's' }, metadata, Buffer.alloc(1));
  const blocker = make('never', {});
  queue.tasks.set('never', blocker);
  const tasks = shapes[name](count).map((metadata, index) => {
    const blocked = metadata.after?.[0] === 'never';
    const shift = name.startsWith('beside') && !blocked ? 10_000 : 0;
    return Object.assign(make(blocked ? `b${index}` : `t${index - shift}`, metadata), {
      fails: metadata.fails,
    });
  });
  const failing = name.endsWith('that fails');
  const begin = performance.now();
  for (const task of tasks) {
    queue.add(task);
    if (name !== 'chain that fails' && !name.startsWith('fan-out')) queue.schedule();
  }
  if (name.startsWith('cancelled')) {
    for (const task of tasks.toReversed()) if (task.engine === undefined) queue.remove(task);
  } else {
    queue.schedule();
    for (let task = given.shift(); task; task = given.shift()) {
      release(engines.get(task.engine), task.id);
      if (task.fails && !task.excluded) {
        task.excluded = new Set([task.engine]);
        queue.putBack(task);
      } else queue.finish(task, !failing);
      queue.schedule();
      if (performance.now() - begin > 3 * patience) return Number.POSITIVE_INFINITY;
    }
  }
  const time = performance.now() - begin;
  return (time * 1000) / count;
}

const trees = [join(import.meta.dirname, '..'), ...process.argv.slice(2)];
for (const tree of trees) {
  const parts = await load(tree);
  console.log(
    `\n${tree === trees[0] ? 'this tree' : tree}: microseconds a task at ${sizes.join(', ')} tasks`,
  );
  for (const name of Object.keys(shapes)) {
    let last = 0;
    const cells = sizes.map((count) => {
      if (last * count > patience * 1000) return 'not tried';
      try {
        last = run(parts, name, count);
        return last.toFixed(1);
      } catch (error) {
        return error.message;
      }
    });
    console.log(`  ${name.padEnd(24)} ${cells.map((cell) => cell.padStart(12)).join('')}`);
  }
}
