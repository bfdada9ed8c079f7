// Bytes that are no good, for the port, the Unix socket and the engines' socket, while a good client is
// served. node proof/fuzz.js [--seconds 60] [--messages 100000]: prints one JSON line for each target.
import { createHash, createHmac, randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { parseArgs } from 'node:util';
import { Bed, memoryOf, sleep } from './bed.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    messages: { type: 'string', default: '100000' },
    target: { type: 'string', default: '' },
  },
});
const [seconds, messages] = [Number(values.seconds), Number(values.messages)];

/** A packet: sizes, route, body. Wrong sizes are made by hand. */
function packet(route, body = Buffer.alloc(0), claim = undefined) {
  const text = Buffer.from(typeof route === 'string' ? route : JSON.stringify(route));
  const head = Buffer.alloc(8);
  head.writeUInt32LE((claim ?? text.length + body.length) >>> 0, 0);
  head.writeUInt32LE(text.length, 4);
  return Buffer.concat([head, text, body]);
}

function frames(...parts) {
  const padded = (length) => (length + 7) & ~7;
  const table = Buffer.alloc(padded(4 + 4 * parts.length));
  table.writeUInt32LE(parts.length, 0);
  const bodies = parts.map((part, index) => {
    table.writeUInt32LE(part.length, 4 + 4 * index);
    return Buffer.concat([part, Buffer.alloc(padded(part.length) - part.length)]);
  });
  return Buffer.concat([table, ...bodies]);
}

const json = (value) => Buffer.from(JSON.stringify(value));
const message = (type, content = {}, id = randomBytes(6).toString('hex')) =>
  frames(
    json({ msg_id: id, msg_type: type, session: 'fuzz', username: 'x', date: '', version: '5.3' }),
    json({}),
    json({}),
    json(content),
  );

const broken = () => message('apply_request', { function: { source: '((' } });

/**
 * Kinds of wrong. Each answers the bytes of one message; those that end the connection at once come last in
 * it.
 */
const mild = [
  () => packet({ channel: 'hub' }, message(`no_such_${randomInt(1e6)}_request`)),
  // Code that does not parse, for the engine; more of it than the engine can refuse would only measure how
  // the queue grows.
  () =>
    packet(
      { channel: 'balanced', id: 'x', to: [] },
      randomInt(50) === 0 ? broken() : message('apply_request', {}, 'same id'),
    ),
  () =>
    packet(
      { channel: 'direct', id: randomBytes(4).toString('hex'), to: [-1, 99, 1e9] },
      message('execute_request', { code: '1' }),
    ),
  () => packet({ channel: 'reply', id: 'nobody', status: 'ok', from: randomInt(5) }, message('apply_reply')),
  () =>
    packet(
      { channel: 'output', id: 'x', session: 'nobody', from: 0 },
      message('stream', { name: 'stdout', text: 'x' }),
    ),
  () => packet({ channel: 'alive' }, randomBytes(randomInt(64))),
  () => packet({ channel: 'hub' }, message('status_request', { deep: '['.repeat(500) })),
  () =>
    packet(
      { channel: 'hub' },
      message('query_request', {
        query: pick([
          () => ({ limit: -1 }),
          () => ({ status: "'; DROP TABLE tasks" }),
          () => ({ label: 'none' }),
          () => ({ ids: ['x'], limit: 5 }),
        ]),
      }),
    ),
  () => packet({ channel: randomBytes(3).toString('hex') }, randomBytes(100)),
];
const deadly = [
  () => randomBytes(randomInt(1, 4000)),
  () => packet('{"channel": "hub"', randomBytes(20)),
  () => packet('null'),
  () => packet({ channel: 'hub' }, randomBytes(randomInt(200))),
  () => packet({ channel: 'hub' }, frames(Buffer.from('{'), json({}), json({}), json({}))),
  () => packet({ channel: 'hub' }, Buffer.alloc(8), 0xffff_fff0),
  () => packet({ channel: 'hub' }, Buffer.alloc(8), 300 * 1024 * 1024),
  () => Buffer.concat([Buffer.from([16, 0, 0, 0, 255, 255, 255, 255]), randomBytes(64)]),
  () => packet({ channel: 'engine', id: 'x', sequence: -1 }, randomBytes(64)),
  () => packet({ channel: 'direct', id: 5, to: 'all' }, message('execute_request')),
  () => packet({ channel: 'balanced' }, Buffer.alloc(3)),
];
const pick = (list) => list[randomInt(list.length)]();

const upgrade = (token) =>
  'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ipcluster\r\nAuthorization: Bearer ' +
  `${token}\r\n\r\n`;

/**
 * Shows the controller the proof that it asks for, on its Unix socket (docs/decisions/0016); what is written
 * meanwhile comes before it.
 */
function enter(socket, token) {
  const [name, nonce] = [
    createHash('sha256').update(`ipcluster token\n${token}`).digest('base64url').slice(0, 22),
    randomBytes(24).toString('base64url'),
  ];
  const write = socket.write.bind(socket);
  const waiting = [];
  socket.write = (chunk) => (randomInt(100) === 0 ? write(chunk) : waiting.push(chunk));
  write(
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ipcluster\r\nAuthorization: Ipcluster ' +
      `${name} ${nonce}\r\n\r\n`,
  );
  socket.once('data', (answer) => {
    const theirs = /ipcluster-nonce: (\S+)/.exec(String(answer))?.[1] ?? '';
    write(createHmac('sha256', token).update(`ipcluster peer\n${nonce}\n${theirs}`).digest());
    socket.write = write;
    for (const chunk of waiting.splice(0)) write(chunk);
  });
}

/** How a connection to each target begins. Every third is a stranger who shows no token. */
function openings({ file, engineFile, engineSocket }) {
  const token = () => [file.token, engineFile.token, 'wrong'][randomInt(3)];
  return {
    'the port': () => {
      const socket =
        randomInt(3) === 0
          ? connect(file.port, '127.0.0.1')
          : connectTls({
              port: file.port,
              host: '127.0.0.1',
              ca: file.certificate,
              checkServerIdentity: () => undefined,
            });
      socket.write(randomInt(4) === 0 ? randomBytes(randomInt(1, 300)) : upgrade(token()));
      return socket;
    },
    'the Unix socket': () => {
      const socket = connect(file.socket);
      const secret = token();
      if (randomInt(8) === 0) socket.write(randomBytes(randomInt(1, 300)));
      else enter(socket, secret);
      return socket;
    },
    "the engines' socket": () => {
      const socket = connect(engineSocket);
      if (randomInt(3) === 0)
        socket.write(
          packet(
            { channel: 'hub' },
            message('engine_hello', { uuid: randomBytes(8).toString('hex'), pid: 1, role: 'engine' }),
          ),
        );
      return socket;
    },
  };
}

/** One connection: some mild messages, then perhaps a deadly one, cut anywhere, slowly, or left open. */
async function converse(open, count) {
  const socket = open();
  let closed = false;
  socket
    .on('error', () => {})
    .on('close', () => (closed = true))
    .resume();
  const mildCount = randomInt(1, 60);
  let sent = 0;
  for (; sent < mildCount && !closed; sent++) socket.write(pick(mild));
  const last = pick(deadly);
  const how = randomInt(10);
  if (how < 6) socket.write(last);
  else if (how < 8) socket.write(last.subarray(0, randomInt(last.length) + 1));
  else for (const byte of last.subarray(0, 20)) socket.write(Buffer.of(byte));
  await sleep(how === 9 ? 200 : 5);
  socket.destroy();
  count(sent + 1);
}

async function fuzz(name, open, bed, watched) {
  const end = performance.now() + seconds * 1000;
  const begin = performance.now();
  let sent = 0;
  let [answers, slowest, early, most] = [0, 0, 0, 0];
  const good = (async () => {
    while (performance.now() < end || sent < messages) {
      const asked = performance.now();
      const value = await bed.client.balanced().apply((x) => x + 1, 41);
      if (value !== 42) throw new Error('a wrong answer');
      await bed.client.direct(0).execute('1');
      answers += 1;
      slowest = Math.max(slowest, performance.now() - asked);
      const memory = memoryOf(watched);
      if (performance.now() - begin < Math.min(10_000, seconds * 300)) early = Math.max(early, memory);
      else most = Math.max(most, memory);
      await sleep(50);
    }
  })();
  const worker = async () => {
    while (performance.now() < end || sent < messages) await converse(open, (count) => (sent += count));
  };
  await Promise.all([good, ...Array.from({ length: 24 }, worker)]);
  const growth = most / early - 1;
  return {
    target: name,
    seconds: Math.round((performance.now() - begin) / 1000),
    messages: sent,
    answers,
    slowest: Math.round(slowest),
    memoryEarly: early,
    memoryMost: most,
    growth: Number(growth.toFixed(3)),
  };
}

const bed = await Bed.start('fuzz', { n: 1 });
const read = (name) => JSON.parse(readFileSync(bed.path('security', name), 'utf8'));
const engine = bed.processes().find(({ command }) => command.includes('programs/engine.cjs'));
const targets = openings({
  file: read('ipcontroller-client.json'),
  engineFile: read('ipcontroller-engine.json'),
  engineSocket: /\S+\.sock/.exec(engine.command)[0],
});
try {
  for (const [name, open] of Object.entries(targets)) {
    if (!name.includes(values.target)) continue;
    const program = name.startsWith('the engines') ? 'ipengine' : 'ipcontroller';
    const row = await fuzz(name, open, bed, bed.pidOf(program));
    const { engines: records, queues } = await bed.client.status();
    const engines = records.map(({ restarts }) => restarts);
    process.stdout.write(
      `${JSON.stringify({ ...row, engineRestarts: engines.reduce((a, b) => a + b, 0), waiting: queues.balanced })}\n`,
    );
  }
} finally {
  await bed.end();
}
