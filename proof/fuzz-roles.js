// Who has a token and sends what he likes: as a client and as a supervisor, over frames, headers, contents
// and routes, beside ten good clients, one that asks and one that watches. node proof/fuzz-roles.js
// [--seconds 60] [--seed N]: prints one JSON line for each role.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { encodeFrames } from '../dist/protocol/frames.js';
import { Session } from '../dist/protocol/message.js';
import { protocolVersion } from '../dist/protocol/messages.js';
import { dial } from '../dist/transport/dial.js';
import { Bed, memoryOf, sleep } from './bed.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    role: { type: 'string', default: '' },
  },
});
const [seconds, seed] = [Number(values.seconds), Number(values.seed)];

const odd = fc.constantFrom(
  '__proto__',
  'constructor',
  'toString',
  '',
  'all',
  '../../x',
  'x'.repeat(2000),
  null,
  true,
  -1,
  0.5,
  2 ** 31,
  2 ** 53,
  1e300,
  [],
  {},
  ['x'],
  [0],
  { kind: 'close' },
);
const anything = fc.oneof(odd, fc.jsonValue({ maxDepth: 3 }));
const fieldNames = fc.constantFrom(
  'ids',
  'targets',
  'engines',
  'query',
  'kind',
  'messages',
  'after',
  'id',
  'folder',
  'signal',
  'pending',
  'on',
  'count',
  'run',
  'host',
  'allocation',
  'memory',
  'stale',
  'uuid',
  'status',
  'reason',
  'evidence',
  'language',
  '__proto__',
);
const content = fc.oneof(fc.dictionary(fieldNames, anything, { maxKeys: 6 }), anything);
// What a client may do to all by its role (ends, restarts, interrupts of engines, the end of the controller)
// is not sent by the fuzz as it must be written: it is its right.
const mighty = /^(shutdown|stop|restart|interrupt|signal)_request$/;
const clientTypes = [
  'connection',
  'status',
  'queue',
  'query',
  'result',
  'records',
  'watch',
  'abort',
  'resubmit',
  'resume',
  'purge',
  'join',
  'close',
  'execute',
  'registration',
  '__proto__',
].map((name) => `${name}_request`);
const supervisorTypes = [
  'registration_request',
  'places_request',
  'engine_up',
  'engine_down',
  'engine_facts',
  'deadline',
  'caught_up',
  'cancel_reply',
  'reclaim_reply',
  'stop_reply',
  'error_reply',
  'shutdown_request',
  'purge_request',
];
const header = (types, own) =>
  fc.record(
    {
      msg_id: fc.oneof({ weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 20 }) }, anything),
      msg_type: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...types, 'execute_request', 'apply_request') },
        fc.string(),
        anything,
      ),
      session: fc.oneof({ weight: 8, arbitrary: fc.constant(own) }, anything),
      date: fc.oneof({ weight: 5, arbitrary: fc.constant(new Date(0).toISOString()) }, anything),
      username: fc.oneof({ weight: 5, arbitrary: fc.constant('x') }, anything),
      version: fc.constant('5.3'),
    },
    { requiredKeys: [] },
  );
const metadata = fc.oneof(
  fc.dictionary(
    fc.constantFrom(
      'priority',
      'retries',
      'timeout',
      'time_limit',
      'targets',
      'after',
      'follow',
      'label',
      'crash_limit',
    ),
    anything,
    { maxKeys: 3 },
  ),
  anything,
);
const frame = (value) => Buffer.from(JSON.stringify(value) ?? 'undefined');
const body = (types, own) =>
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc
        .tuple(header(types, own), fc.constant({}), metadata, content)
        .map((parts) => Buffer.concat(encodeFrames(parts.map(frame)))),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(header(types, own), fc.nat(200))
        .map(([head, cut]) => Buffer.concat(encodeFrames([head, {}, {}, {}].map(frame))).subarray(0, cut)),
    },
  );
const idOf = (bytes) => {
  try {
    return JSON.parse(bytes.subarray(24, 24 + bytes.readUInt32LE(4)).toString()).msg_id;
  } catch {
    return 'x';
  }
};
const route = fc.oneof(
  { weight: 8, arbitrary: fc.record({ channel: fc.constant('hub') }) },
  {
    weight: 5,
    arbitrary: fc.record({
      channel: fc.constantFrom('balanced', 'direct'),
      id: fc.constant('own'),
      to: fc.constantFrom([], [0], [99], [-1]),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      channel: fc.constantFrom('reply', 'output'),
      id: fc.string(),
      session: fc.string(),
      status: fc.constantFrom('ok', 'error', 'unmet'),
      from: fc.constantFrom(0, 1, 7, -1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record(
      { channel: anything, id: anything, to: anything, files: anything },
      { requiredKeys: ['channel'] },
    ),
  },
);

const registration = {
  version: 'x',
  protocol: protocolVersion,
  host: 'fuzz',
  pid: 1,
  count: 0,
  ids: [],
  rank: null,
  allocation: null,
  engines: [],
};

/** Where none could be made. */
const nobody = { link: undefined, own: '' };

/** A connection of that role that has introduced itself. */
async function enter(role, file, number) {
  const session = new Session(`fuzz-${role}-${number}`);
  const link = await dial(file, 5000);
  link.onPacket(() => {});
  /** @type {Parameters<typeof session.encode>[0]} */
  const greeting =
    role === 'client'
      ? { type: 'connection_request', content: { version: 'x', protocol: protocolVersion } }
      : { type: 'registration_request', content: { ...registration, run: `fuzz-${number}` } };
  link.send({ channel: 'hub' }, session.encode(greeting));
  return { link, own: session.id };
}

/** Sends for so long what fast-check makes of that seed; answers how much. */
async function attack(role, file, worker, end) {
  let [sent, connections] = [0, 0];
  while (performance.now() < end) {
    const { link, own } = await enter(role, file, `${worker}-${connections++}`).catch(() => nobody);
    if (!link) continue;
    const cases = fc.sample(fc.tuple(route, body(role === 'client' ? clientTypes : supervisorTypes, own)), {
      seed: seed + 1000 * worker + connections,
      numRuns: 40,
    });
    for (const [where, bytes] of cases) {
      if (!link.open) break;
      const to = 'id' in where && where.id === 'own' ? { ...where, id: idOf(bytes) } : where;
      if (mighty.test(String(bytes.subarray(0, 400)))) continue;
      link.send(to, [bytes]);
      sent += 1;
      if (sent % 10 === 0) await sleep(1);
    }
    await sleep(2);
    link.destroy();
  }
  return { sent, connections };
}

async function fuzz(bed, role) {
  const file = JSON.parse(
    readFileSync(
      bed.path('security', `ipcontroller-${role === 'client' ? 'client' : 'engine'}.json`),
      'utf8',
    ),
  );
  const kept = await bed.client.balanced().apply(() => 'kept');
  const before = (await bed.client.query()).map(({ id }) => id);
  const engines = (await bed.client.status()).engines.map(({ uuid }) => uuid).sort();
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let [answers, wrong, queries, events, slowest, early, most] = [0, 0, 0, 0, 0, 0, 0];
  const timed = async (work) => {
    const asked = performance.now();
    if (!(await work())) wrong += 1;
    slowest = Math.max(slowest, performance.now() - asked);
  };
  const goods = await Promise.all(Array.from({ length: 10 }, () => bed.connect()));
  const watcher = await bed.connect();
  const watching = (async () => {
    for await (const _event of watcher.watch()) events += 1;
  })().catch(() => {});
  const good = goods.map(async (client, number) => {
    while (performance.now() < end) {
      await timed(async () => (await client.balanced().apply((x) => x + 1, number)) === number + 1);
      await timed(async () => (await client.direct(0).execute(`${number} * 2`)) === number * 2);
      answers += 2;
      await sleep(20);
    }
  });
  const asking = (async () => {
    while (performance.now() < end) {
      await timed(
        async () =>
          Array.isArray(await bed.client.query({ limit: 100 })) &&
          (await bed.client.status()).status === 'ok',
      );
      queries += 1;
      const memory = memoryOf(bed.pidOf('ipcontroller'));
      if (performance.now() - begin < seconds * 300) early = Math.max(early, memory);
      else most = Math.max(most, memory);
      await sleep(100);
    }
  })();
  const attacks = await Promise.all([0, 1, 2, 3].map((worker) => attack(role, file, worker, end)));
  await Promise.all([...good, asking]);
  const { controller, engines: now } = await bed.client.status();
  const found = new Set((await bed.client.query({ ids: before })).map(({ id }) => id));
  for (const client of [...goods, watcher]) await client.close();
  await watching;
  const sum = (name) => attacks.reduce((total, attacked) => total + attacked[name], 0);
  return {
    role,
    seconds: Math.round((performance.now() - begin) / 1000),
    messages: sum('sent'),
    connections: sum('connections'),
    answers,
    wrong,
    queries,
    events,
    slowest: Math.round(slowest),
    memoryEarly: early,
    memoryMost: most,
    lost: before.filter((id) => !found.has(id)).length + (kept === 'kept' ? 0 : 1),
    store: /sqlite/.test(controller.store) ? 'open' : controller.store,
    enginesAsBefore: JSON.stringify(now.map(({ uuid }) => uuid).sort()) === JSON.stringify(engines),
  };
}

const bed = await Bed.start('fuzz-roles', { n: 2 });
let failed = false;
try {
  for (const role of ['client', 'supervisor']) {
    if (!role.includes(values.role)) continue;
    const row = await fuzz(bed, role);
    failed ||=
      row.wrong > 0 ||
      row.lost > 0 ||
      row.store !== 'open' ||
      !row.enginesAsBefore ||
      row.memoryMost > 1.5 * row.memoryEarly;
    process.stdout.write(`${JSON.stringify(row)}\n`);
  }
} finally {
  await bed.end();
}
process.exitCode = failed ? 1 : 0;
