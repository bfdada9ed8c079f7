// What clients do: each kind of work submits something under a key and says how a right answer looks.
import { arrayOf, arrayTask, flakyTask, isAnswerOf, isArrayOf, numberOf, shellTask, task } from './values.js';

/** How often each is drawn. */
export const weights = {
  one: 8,
  burst: 2,
  map: 4,
  autoMap: 2,
  graph: 3,
  flaky: 2,
  array: 4,
  push: 4,
  direct: 5,
  all: 3,
  scatter: 2,
  command: 6,
  cancel: 3,
  resubmit: 1,
  questions: 4,
  restart: 0.15,
};

const wait = (draw) => (draw.odds(0.7) ? 0 : draw.between(5, draw.odds(0.15) ? 2000 : 200));
const length = (draw) => draw.pick([10, 200, 4000, 40_000, 150_000, 300_000]);

/**
 * What a kind is given: the client, chance, the folder of the journal, a key, ids of tasks that are `known`
 * to be done, and `note(key, kind, result, check)`, which follows a result to its end and checks its value.
 */
export const kinds = {
  one({ client, draw, journal, key, note }) {
    const input = { key, wait: wait(draw), journal };
    note(
      key,
      'one',
      client
        .balanced({
          label: key,
          ...(draw.odds(0.2) && { priority: draw.between(-3, 3) }),
          ...targetsFor(client, draw),
        })
        .apply(task, input),
      (value) => isAnswerOf(key, value),
    );
  },
  burst({ client, draw, journal, key, note }) {
    for (let index = 0; index < 60; index++) {
      const own = `${key}.${index}`;
      note(
        own,
        'burst',
        client.balanced().apply(task, { key: own, wait: index % 10 === 0 ? wait(draw) : 0, journal }),
        (value) => isAnswerOf(own, value),
      );
    }
  },
  map: (work) => mapOf(work, 'map', work.draw.pick([1, 1, 4])),
  autoMap: (work) => mapOf(work, 'autoMap', 'auto'),
  graph({ client, draw, journal, key, note }) {
    const send = (name, options) => {
      const own = `${key}.${name}`;
      const result = client.balanced(options).apply(task, { key: own, wait: wait(draw), journal });
      note(own, 'graph', result, (value) => isAnswerOf(own, value));
      return result;
    };
    const [first, second] = [send('a', {}), send('b', {})];
    const third = send('c', { after: [first, second] });
    send('d', { follow: third });
    send('e', { after: { tasks: [third, first], all: false, success: true, failure: true } });
  },
  flaky({ client, journal, key, note }) {
    note(
      key,
      'flaky',
      client.balanced({ retries: 3 }).apply(flakyTask, { key, journal }),
      (value) => value === key,
    );
  },
  array({ client, draw, journal, key, note }) {
    const size = length(draw);
    const view = draw.odds(0.5) ? client.balanced() : client.direct(anyEngine(client, draw));
    note(
      key,
      `array:${queueOf(view)}`,
      view.apply(arrayTask, { key, journal }, arrayOf(key, size)),
      (value) => isArrayOf(key, size, value, 1),
    );
  },
  push({ client, draw, key, note }) {
    const [size, view] = [length(draw), client.direct(anyEngine(client, draw))];
    const name = `v${numberOf(key)}`;
    note(`${key}.push`, 'push', view.push({ [name]: arrayOf(key, size) }), (value) => value === undefined);
    note(`${key}.pull`, 'pull', view.pull(name), (value) => isArrayOf(key, size, value));
    note(
      `${key}.drop`,
      'execute',
      view.execute(`delete globalThis.${name}; "${key}"`),
      (value) => value === key,
    );
  },
  direct({ client, draw, journal, key, note }) {
    note(
      key,
      'direct',
      client.direct(anyEngine(client, draw)).apply(task, { key, wait: wait(draw), journal }),
      (value) => isAnswerOf(key, value),
    );
  },
  all({ client, draw, journal, key, note }) {
    const view = client.direct('all');
    const count = view.targets.length;
    if (draw.odds(0.5))
      note(
        key,
        'execute',
        view.execute(`"${key}"`),
        (values) => values.length === count && values.every((value) => value === key),
      );
    else
      note(
        key,
        'all',
        view.apply(task, { key, wait: 0, journal }),
        (values) => values.length === count && values.every((value) => isAnswerOf(key, value)),
      );
  },
  scatter({ client, draw, key, note }) {
    const [size, view, name] = [
      length(draw),
      client.direct(client.ids.length > 0 ? client.ids : 0),
      `s${numberOf(key)}`,
    ];
    note(`${key}.scatter`, 'push', view.scatter(name, arrayOf(key, size)), (value) => value === undefined);
    note(`${key}.gather`, 'pull', view.gather(name), (value) => isArrayOf(key, size, value));
  },
  command({ client, draw, journal, key, note }) {
    const argv = shellTask(key, journal, draw.odds(0.8) ? 0 : 0.2);
    const view = draw.odds(0.7) ? client.balanced() : client.direct(anyEngine(client, draw));
    note(
      key,
      `command:${queueOf(view)}`,
      view.command(argv, { stream: draw.odds(0.5) }),
      (value) => value.exitCode === 0 && value.stdout === `${key}\n`,
    );
  },
  cancel({ client, draw, journal, key, note }) {
    const view = draw.odds(0.7) ? client.balanced() : client.direct(anyEngine(client, draw));
    const result = view.apply(task, { key, wait: draw.between(200, 3000), journal });
    note(key, `cancel:${queueOf(view)}`, result, (value) => isAnswerOf(key, value));
    setTimeout(
      () =>
        note(
          `${key}.cancel`,
          'ask',
          sendOff(() => result.cancel()),
          () => true,
        ),
      draw.between(0, 800),
    );
  },
  resubmit({ client, key, known, draw, note }) {
    const ids = known().slice(-20);
    if (ids.length > 0)
      note(
        key,
        'resubmit',
        sendOff(() => client.resubmit([draw.pick(ids)])),
        (value) => Object.keys(value).length === 1,
      );
  },
  questions({ client, draw, key, note, known }) {
    const ask = draw.pick([
      () => client.status(),
      () => client.queueStatus(),
      () => client.query({ limit: 50 }),
      () => client.query({ label: key }),
      () => client.result(known().at(-1) ?? ''),
    ]);
    if (known().length > 0) note(key, 'ask', sendOff(ask), (value) => typeof value === 'object');
  },
  restart({ client, draw, key, note }) {
    note(
      key,
      'restart',
      sendOff(() => client.restartEngines([anyEngine(client, draw)])),
      (value) => value.length === 1,
    );
  },
};

function mapOf({ client, draw, journal, key, note }, kind, chunk) {
  const items = Array.from({ length: draw.between(5, 40) }, (_unused, index) => ({
    key: `${key}.${index}`,
    wait: wait(draw),
    journal,
  }));
  const right = (values) =>
    values.length === items.length && values.every((value, index) => isAnswerOf(items[index].key, value));
  note(key, kind, client.balanced().map(task, items, { chunk }), right);
}

const targetsFor = (client, draw) =>
  draw.odds(0.2) && client.ids.length > 1 ? { targets: client.ids.slice(0, 2) } : {};
const anyEngine = (client, draw) => draw.pick(client.ids) ?? 0;
const queueOf = (view) => ('targets' in view ? 'direct' : 'balanced');
const sendOff = async (ask) => ask();

/**
 * A stored answer of a balanced task, seen later by somebody else: every part that names a key must be that
 * key's.
 */
export function isStoredAnswerOf(key, kind, value) {
  if (kind === 'flaky') return value === key;
  if (kind.startsWith('command')) return value?.stdout === `${key}\n` && value.exitCode === 0;
  if (kind.startsWith('array'))
    return value instanceof Float64Array && isArrayOf(key, value.length, value, 1);
  const belongs = (part) =>
    isAnswerOf(part?.key ?? '', part) && (part.key === key || part.key.startsWith(`${key}.`));
  return Array.isArray(value) ? value.every(belongs) : belongs(value);
}
