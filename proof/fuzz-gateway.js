// Messages that are no good, for every socket of ZeroMQ: random, cut, sent again, wrongly signed, rightly
// signed nonsense, and bytes that are no ZeroMQ at all; while a client of Python is served. node
// proof/fuzz-gateway.js [--seconds 60] [--target WORD]: one JSON line for each gateway.

import { spawn } from 'node:child_process';
import { createHmac, randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { curveKeyPair, Dealer, Publisher, Subscriber } from 'zeromq';
import { Bed, memoryOf, sleep } from './bed.js';
import { python } from './interop/suite.js';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, target: { type: 'string', default: '' } },
});
const seconds = Number(values.seconds);

const json = (value) => Buffer.from(JSON.stringify(value));
const delimiter = Buffer.from('<IDS|MSG>');
const pick = (list) => list[randomInt(list.length)];

const types = {
  registration: [
    'connection_request',
    'queue_request',
    'result_request',
    'db_request',
    'purge_request',
    'resubmit_request',
    'history_request',
    'registration_request',
    'unregistration_request',
    'become_dask_request',
    'nothing_request',
  ],
  mux: ['apply_request', 'execute_request', 'comm_msg'],
  task: ['apply_request', 'execute_request'],
  broadcast: ['apply_request'],
  control: ['abort_request', 'signal_request', 'clear_request', 'nothing_request'],
  iopub: ['stream', 'status', 'shutdown_reply', 'error'],
};
const contents = [
  {},
  { msg_ids: ['x', 5, null], query: { msg_id: { $bad: 1 } }, targets: [99], uuid: 'x', id: 'y' },
  { query: { submitted: { $lt: 'never' }, x: null }, keys: 5, sig: 'SIGNOTHING', msg_ids: { a: 1 } },
  { uuid: 5, id: -1, targets: 'all', engine_ids: [1e9], deep: '['.repeat(1000) },
];
const metadatas = [
  {},
  { targets: 5 },
  { targets: [['x', 1], 7], is_broadcast: true },
  { after: { dependencies: 7 }, retries: 'many', timeout: -1 },
  { follow: ['none'], targets: ['no-such-engine'] },
];

/** The frames of a message whose parts make sense one by one. */
function message(socket, session) {
  const header = {
    msg_id: randomBytes(6).toString('hex'),
    msg_type: pick(types[socket] ?? ['x']),
    session,
    username: 'fuzz',
    date: new Date().toISOString(),
    version: '5.3',
  };
  return [json(header), json({}), json(pick(metadatas)), json(pick(contents)), randomBytes(randomInt(200))];
}

function sign(key, frames) {
  const hmac = createHmac('sha256', key);
  for (const frame of frames.slice(0, 4)) hmac.update(frame);
  return Buffer.from(hmac.digest('hex'));
}

/** Kinds of wrong, each a list of frames. Those before the delimiter may name an engine that is there. */
function makeKinds(socket, key, engine) {
  const session = randomBytes(8).toString('hex');
  const route = () =>
    socket === 'mux' || socket === 'control'
      ? [Buffer.from(pick([engine, 'nobody', '']))]
      : socket === 'iopub'
        ? [Buffer.from('topic')]
        : [];
  let last = [Buffer.from('first')];
  const signed = () => {
    // Nonsense for engine 0 would only measure how long it takes to refuse it, so few of these name it.
    const frames = message(socket, session);
    const named = socket === 'mux' || socket === 'control';
    const many = socket === 'task' || socket === 'broadcast';
    last = [
      ...(named && randomInt(20) > 0 ? [Buffer.from('nobody')] : route()),
      delimiter,
      many && randomInt(20) > 0 ? randomBytes(64) : sign(key, frames),
      ...frames,
    ];
    return last;
  };
  return [
    signed,
    () => last,
    () => Array.from({ length: randomInt(1, 8) }, () => randomBytes(randomInt(300))),
    () => signed().slice(0, randomInt(1, 6)),
    () => [...route(), delimiter, randomBytes(32), ...message(socket, session)],
    () => [...route(), delimiter, sign('another key', [json({})]), json({}), json({}), json({}), json({})],
    () => {
      const frames = [Buffer.from('{"msg_id":'), Buffer.from('null'), Buffer.from('[]'), Buffer.from('7')];
      return [...route(), delimiter, sign(key, frames), ...frames];
    },
    () => [Buffer.alloc(0)],
  ];
}

/** Sends to one socket for the time; answers how many messages. */
async function pester(socketName, kind, { url, serverKey, key, engine }, end) {
  const { publicKey, secretKey } = curveKeyPair();
  const options = {
    curveServerKey: serverKey,
    curvePublicKey: publicKey,
    curveSecretKey: secretKey,
    linger: 0,
    sendTimeout: 100,
    sendHighWaterMark: 200,
  };
  const kinds = makeKinds(socketName, key, engine);
  let sent = 0;
  while (performance.now() < end) {
    const socket = kind === 'publish' ? new Publisher(options) : new Dealer(options);
    socket.connect(url);
    if (kind === 'publish') await sleep(50);
    for (let count = randomInt(20, 200); count > 0 && performance.now() < end; count--) {
      await socket.send(pick(kinds)()).catch(() => {});
      sent += 1;
      if (sent % 10 === 0) await sleep(2);
    }
    socket.close();
  }
  return sent;
}

/** Subscribers that come and go, with and without the right keys. */
async function listen({ url, serverKey }, end) {
  while (performance.now() < end) {
    const { publicKey, secretKey } = curveKeyPair();
    const socket = new Subscriber(
      randomInt(2) === 0
        ? { linger: 0 }
        : { curveServerKey: serverKey, curvePublicKey: publicKey, curveSecretKey: secretKey, linger: 0 },
    );
    socket.connect(url);
    socket.subscribe();
    await sleep(20);
    socket.close();
  }
  return 0;
}

/** Bytes that are no ZeroMQ, and greetings that are cut. */
async function knock(port, end) {
  const greeting = Buffer.concat([
    Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]),
    Buffer.from('CURVE'.padEnd(20, '\0')),
    Buffer.alloc(32),
  ]);
  let sent = 0;
  while (performance.now() < end) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket
      .resume()
      .write(
        pick([
          () => randomBytes(randomInt(1, 500)),
          () => greeting.subarray(0, randomInt(1, 65)),
          () => Buffer.concat([greeting, randomBytes(300)]),
          () => Buffer.from('GET / HTTP/1.1\r\n\r\n'),
        ])(),
      );
    await sleep(5);
    socket.destroy();
    sent += 1;
  }
  return sent;
}

const goodClient = `
import sys, time, json
import ipyparallel as ipp
rc = ipp.Client(sys.argv[1])
end = time.time() + float(sys.argv[2])
answers = slowest = 0
lb = rc.load_balanced_view()
while time.time() < end:
    begin = time.time()
    assert rc[0].apply_sync(lambda x: x + 1, 41) == 42
    assert lb.apply_sync(abs, -1) == 1
    assert 'unassigned' in rc.queue_status()
    answers += 1
    slowest = max(slowest, time.time() - begin)
    time.sleep(0.05)
print(json.dumps([answers, slowest]))
`;

async function fuzz(name, file, pid, clientFile, engine) {
  const fields = JSON.parse(readFileSync(file, 'utf8'));
  const sockets = Object.entries(fields).flatMap(([socket, ports]) =>
    [
      'registration',
      'control',
      'mux',
      'task',
      'broadcast',
      'iopub',
      'hb_ping',
      'hb_pong',
      'notification',
    ].includes(socket)
      ? [ports].flat().map((port) => [socket, port])
      : [],
  );
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const child = spawn(python, ['-W', 'ignore', '-c', goodClient, clientFile, String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  const ended = new Promise((done) => child.once('close', done));
  const isEngines = 'hb_ping' in fields;
  const workers = sockets.flatMap(([socket, port]) => {
    const target = {
      url: `tcp://127.0.0.1:${port}`,
      serverKey: fields.curve_serverkey,
      key: fields.key,
      engine,
    };
    const publishes = socket === 'notification' || socket === 'hb_ping' || (socket === 'iopub' && !isEngines);
    const main = publishes
      ? listen(target, end)
      : pester(socket, socket === 'iopub' ? 'publish' : 'ask', target, end);
    return [main, knock(port, end)];
  });
  let [early, most] = [0, 0];
  const timer = setInterval(() => {
    if (performance.now() - begin < Math.min(10_000, seconds * 300)) early = Math.max(early, memoryOf(pid));
    else most = Math.max(most, memoryOf(pid));
  }, 200);
  const messages = (await Promise.all(workers)).reduce((sum, one) => sum + one, 0);
  const code = await ended;
  clearInterval(timer);
  if (code !== 0) throw new Error(`the good client failed with ${name}`);
  const [answers, slowest] = JSON.parse(said);
  return {
    target: name,
    seconds,
    messages,
    answers,
    slowest: Math.round(slowest * 1000),
    memoryEarly: early,
    memoryMost: most,
    growth: Number((most / early - 1).toFixed(3)),
  };
}

const bed = await Bed.start('fuzz-gateway', { n: 1, args: ['--engine', 'python', '--python', python] });
try {
  const clientFile = bed.path('security', 'ipcontroller-client.json');
  const gateway = bed.processes().find(({ command }) => command.includes('programs/ipgateway.js'));
  const nodeFile = /--file (\S+)/.exec(gateway.command)[1];
  const [{ uuid }] = (await bed.client.status()).engines;
  const controller = bed.pidOf('ipcontroller');
  const targets = [
    ["clients' sockets of the controller's gateway", clientFile, controller],
    [
      "engines' sockets of the controller's gateway",
      bed.path('security', 'ipcontroller-engine.json'),
      controller,
    ],
    ["sockets of a node's gateway", nodeFile, gateway.pid],
  ];
  for (const [name, file, pid] of targets) {
    if (!String(name).includes(values.target)) continue;
    const row = await fuzz(name, file, pid, clientFile, uuid);
    const restarts = (await bed.client.status()).engines.reduce((sum, engine) => sum + engine.restarts, 0);
    process.stdout.write(`${JSON.stringify({ ...row, engineRestarts: restarts })}\n`);
  }
} finally {
  await bed.end();
}
