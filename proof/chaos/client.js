// A client of a round, a process of its own: works until it is told to finish, and writes down what it sent,
// what was accepted and what came of it. What stands in its log was written before the next thing was done,
// so a client that is killed has told the truth.
import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { chance } from './random.js';
import { kinds, weights } from './workload.js';

const { name, seed, dist, file, journal, log, lease, watches, patience } = JSON.parse(process.argv[2]);
const { Client } = await import(`${dist}/index.js`);
const descriptor = openSync(log, 'a');
const write = (line) =>
  writeSync(
    descriptor,
    `${JSON.stringify({ at: Math.round(Number(process.hrtime.bigint() / 1_000_000n)), ...line })}\n`,
  );
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const draw = chance(seed);
const open = new Map();
const done = [];
let [client, finishing, count] = [undefined, false, 0];

createInterface({ input: process.stdin }).on('line', (line) => (finishing ||= line === 'finish'));

const wordsOf = (error) => ({
  name: error?.name ?? typeof error,
  code: error?.code,
  ename: error?.ename,
  message: String(error?.message ?? error).slice(0, 2000),
  parts: error?.errors?.map(wordsOf),
});

/** Follows a result to its end. */
function note(key, kind, result, check) {
  const ids = result.ids ? [...result.ids] : undefined;
  write({ key, kind, ids });
  const entry = { key, kind, result, ids };
  open.set(key, entry);
  const settled = (line) => {
    if (!open.delete(key)) return write({ key, twice: true });
    if (result.ids && result.ids.length !== ids?.length) write({ key, ids: [...result.ids] });
    write({ key, ...line });
  };
  result.then(
    (value) => {
      const right = check(value);
      settled(right ? { ok: true } : { wrong: JSON.stringify(value)?.slice(0, 300) ?? 'undefined' });
      if (right && kind === 'one') done.push(...(ids ?? []));
    },
    (error) => settled({ ok: false, error: wordsOf(error) }),
  );
}

/** Writes down what is committed, again and again; a connection that is over says so by its error. */
async function followAcceptance(mine) {
  while (client === mine && !finishing) {
    const keys = [...open.values()]
      .filter(({ result }) => result.ids)
      .map(({ key, result }) => [key, [...result.ids]]);
    try {
      await mine.accepted();
      write({ accepted: keys });
    } catch (error) {
      write({ refused: wordsOf(error) });
    }
    await sleep(100);
  }
}

async function watch(mine) {
  try {
    for await (const _event of mine.watch()) {
      if (finishing) break;
      if (draw.odds(0.05)) await sleep(200);
    }
  } catch (error) {
    write({ watch: wordsOf(error) });
  }
}

async function connect() {
  for (;;) {
    try {
      client = await Client.connect({ file, ...(patience && { reconnect: patience }) });
      write({ connected: true });
      void followAcceptance(client);
      if (watches) void watch(client);
      return true;
    } catch (error) {
      write({ unconnected: wordsOf(error) });
      if (finishing) return false;
      await sleep(300);
    }
  }
}

/** Draws a kind of work and sends it; what is refused at once is a settled error too. */
function sendSome() {
  const key = `${name}-${count++}`;
  const kind = draw.weighted(weights);
  try {
    kinds[kind]({ client, draw, journal, key, note, known: () => done });
  } catch (error) {
    write({ key, kind: `${kind}:now`, ok: false, error: wordsOf(error) });
    if (error?.code === 'CLOSED' || error?.code === 'CLUSTER_NOT_FOUND' || error?.code === 'UNAUTHORIZED')
      return false;
  }
  return true;
}

while (!finishing && (await connect())) {
  while (!finishing) {
    if (open.size < 150 && !sendSome()) {
      await client.close();
      break;
    }
    await sleep(draw.between(10, 90));
  }
}
const keysLeft = () => [...open.keys()];
write({ finishing: true });
// Nothing hangs while the cluster works off what it has, which takes a slow machine long.
const finished = async () =>
  (await Promise.race([client.queueStatus().catch(() => undefined), sleep(5000)]))?.completed ?? 0;
for (
  let [quiet, before] = [performance.now(), ''];
  open.size > 0 && performance.now() - quiet < lease * 2 + 40_000;
  await sleep(500)
) {
  const now = `${open.size} ${client ? await finished() : 0}`;
  if (now !== before) quiet = performance.now();
  before = now;
}
write({ hanging: keysLeft() });
const closing = client?.close();
const closed = await Promise.race([
  closing?.then(
    () => true,
    (error) => wordsOf(error),
  ) ?? true,
  new Promise((done) => setTimeout(done, 10_000).unref()),
]);
await sleep(200);
write({ closed: closed ?? false, unsettled: keysLeft() });
process.stdin.destroy();
