import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import type { ConnectionFile } from '../../src/profile/connection-file.js';
import { encodeFrames } from '../../src/protocol/frames.js';
import { Session } from '../../src/protocol/message.js';
import type { MessageContents, RequestType } from '../../src/protocol/messages.js';
import { protocolVersion } from '../../src/protocol/messages.js';
import type { Packet } from '../../src/protocol/packets.js';
import { dial } from '../../src/transport/dial.js';
import { Peer } from '../../src/transport/peer.js';
import { Home } from '../helpers.js';

/*
 * What one who has a token may do: what is listed for his role, and nothing else; and he harms nobody else by
 * what he sends.
 */
const home = new Home();
let good: Client;
const read = (role: 'client' | 'engine'): ConnectionFile =>
  JSON.parse(readFileSync(home.path('security', `ipcontroller-${role}.json`), 'utf8')) as ConnectionFile;

beforeAll(async () => {
  home.enter();
  await home.json('start', '-n', '1', '-d');
  good = await Client.connect();
});

afterAll(async () => {
  await good.close();
  await home.run(['stop']);
  await home.leave();
});

let count = 0;

/** A client that may send what it likes, under a session of its own. */
async function rawClient(session = `raw-${count++}`, greeting: object = {}) {
  const peer = new Peer(await dial(read('client'), 5000), new Session(session));
  const answers = new Map<string, (packet: Packet) => void>();
  peer.onPacket((packet) => {
    if (packet.route.channel === 'reply') answers.get(packet.route.id)?.(packet);
  });
  const ask = (type: string, content: unknown, timeout = 5000): Promise<Record<string, unknown>> =>
    peer
      .request({ type: type as RequestType, content: content as MessageContents[RequestType] }, timeout)
      .then((reply) => ({ ...reply.content }));
  const submit = (
    metadata: unknown,
    header: object = {},
    channel: 'balanced' | 'direct' = 'balanced',
    to = [0],
  ) => {
    const made = { ...peer.session.header('execute_request'), ...header };
    const frames = [made, {}, metadata, { code: '6 * 7' }].map((part) => Buffer.from(JSON.stringify(part)));
    const id = String(made.msg_id);
    const answer = new Promise<string>((resolve) => {
      answers.set(id, ({ route }) => resolve('status' in route ? route.status : 'none'));
      void peer.link.closed.then(() => resolve('closed'));
    });
    peer.link.send({ channel, id, to: channel === 'direct' ? to : [] }, encodeFrames(frames));
    return answer;
  };
  await ask('connection_request', { version: 'x', protocol: protocolVersion, ...greeting });
  return { peer, ask, submit };
}

const refused = (code: string): unknown => expect.objectContaining({ code });

describe('a client', () => {
  test('reaches the store by no other word than its own', async () => {
    const { ask, peer } = await rawClient();
    const mine = await good.balanced().apply(() => 1);
    expect(mine).toBe(1);
    const known = (await good.query()).length;
    for (const kind of ['close', 'purge', 'unfinished', 'bodies'])
      await ask('records_request', { kind, ids: kind === 'purge' ? 'all' : ['x'], messages: 'none' }).catch(
        () => {},
      );
    expect((await good.query()).length).toBe(known);
    peer.link.close();
  });

  test('purges its own results, not another’s, unless it says that it means everybody’s', async () => {
    const { ask, submit, peer } = await rawClient();
    await good.balanced().apply(() => 2);
    expect(await submit({})).toBe('ok');
    const known = (await good.query()).length;
    expect((await ask('purge_request', { ids: 'all' }))['ids']).toHaveLength(1);
    expect((await good.query()).length).toBe(known - 1);
    const theirs = (await good.query()).map(({ id }) => id);
    expect((await ask('purge_request', { ids: theirs }))['ids']).toEqual([]);
    peer.link.close();
  });

  test.each(['constructor', '__proto__', 'toString', 'no_such_request', ''])(
    'hears PROTOCOL for a message "%s"',
    async (type) => {
      const { ask, peer } = await rawClient();
      await expect(ask(type, {})).rejects.toEqual(refused('PROTOCOL'));
      await expect(ask('status_request', {})).resolves.toMatchObject({ status: 'ok' });
      peer.link.close();
    },
  );

  test.each([
    ['abort_request', { ids: 'all' }],
    ['abort_request', { ids: [{}] }],
    ['interrupt_request', {}],
    ['stop_request', { targets: [-1.5] }],
    ['signal_request', { targets: [], signal: 'toString' }],
    ['query_request', { query: { limit: -1 } }],
    ['query_request', { query: { since: {} } }],
    ['records_request', { messages: 'all' }],
    ['result_request', { id: ['x'] }],
    ['resume_request', { pending: { length: 5 } }],
    ['purge_request', { ids: null }],
    ['join_request', { folder: '/etc' }],
    ['join_request', { folder: 'jobs/../../x' }],
    ['watch_request', { on: 'yes' }],
  ])('hears USAGE for %s of %j', async (type, content) => {
    const { ask, peer } = await rawClient();
    await expect(ask(type, content)).rejects.toEqual(refused('USAGE'));
    peer.link.close();
  });

  test('lets supervisors into a job’s folder only', async () => {
    const { ask, peer } = await rawClient();
    const folder = join(home.folder, 'mine');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'join.json'), 'mine');
    await expect(ask('join_request', { folder })).rejects.toEqual(refused('USAGE'));
    expect(readFileSync(join(folder, 'join.json'), 'utf8')).toBe('mine');
    peer.link.close();
  });

  test('that only looks on changes nothing', async () => {
    const { ask, submit, peer } = await rawClient(undefined, { observer: true });
    await expect(ask('status_request', {})).resolves.toMatchObject({ status: 'ok' });
    for (const type of ['shutdown_request', 'purge_request', 'restart_request'])
      await expect(ask(type, { targets: [0], ids: 'all' })).rejects.toEqual(refused('PROTOCOL'));
    expect(await submit({})).toBe('error');
    peer.link.close();
  });

  test('speaks under one session, and never under that of another who is there', async () => {
    const theirs = (await good.query())[0]?.session as string;
    await expect(rawClient(theirs)).rejects.toEqual(refused('PROTOCOL'));
    const { submit, peer } = await rawClient();
    expect(await submit({}, { session: theirs })).toBe('error');
    expect(await good.balanced().apply(() => 3)).toBe(3);
    peer.link.close();
  });

  test.each([
    { priority: 'high' },
    { retries: 1.5 },
    { retries: -1 },
    { timeout: -1 },
    { time_limit: '1' },
    { time_limit: 1e300 },
    { targets: 'all' },
    { targets: [0.5] },
    { after: 'x' },
    { after: [{}] },
    { follow: { dependencies: ['x'], all: 'yes' } },
    { label: {} },
    { label: 'x'.repeat(5000) },
    { language: 'constructor' },
    { crash_limit: 0 },
    ['a list'],
  ])('hears of a task’s mistake at that task: %j', async (metadata) => {
    const { submit, peer } = await rawClient();
    expect(await submit(metadata)).toBe('error');
    expect(await submit({})).toBe('ok');
    peer.link.close();
  });

  test.each([{ date: {} }, { date: 'x'.repeat(100) }, { session: 5 }, { msg_type: ['x'] }, { username: {} }])(
    'cannot have a header written down that is none: %j',
    async (header) => {
      const { submit, peer } = await rawClient();
      for (const channel of ['balanced', 'direct'] as const)
        expect(await submit({}, header, channel)).toBe('error');
      expect(await submit({})).toBe('ok');
      const { controller } = await good.status();
      expect(controller.store).toMatch(/store\.sqlite$/);
      expect((await good.query()).length).toBeGreaterThan(0);
      peer.link.close();
    },
  );

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'may call a task "%s"',
    async (name) => {
      const { ask, submit, peer } = await rawClient();
      expect(await submit({ label: name }, { msg_id: name })).toBe('ok');
      expect(Object.entries((await ask('abort_request', { ids: [name] }))['outcomes'] as object)).toEqual([
        [name, 'finished'],
      ]);
      expect((await good.query({ ids: [name], label: name })).map(({ id }) => id)).toEqual([name]);
      peer.link.close();
    },
  );

  test('names files of its own in memory, of the size that they have', async () => {
    const { peer } = await rawClient();
    const header = peer.session.header('push_request');
    const frames = [header, {}, {}, {}, {}].map((part) => Buffer.from(JSON.stringify(part)));
    const files = [{ index: 0, path: '/etc/passwd', size: 10 }];
    const answer = new Promise<Packet>((resolve) => peer.onPacket(resolve));
    peer.link.send({ channel: 'direct', id: header.msg_id, to: [0], files }, encodeFrames(frames));
    expect((await answer).route).toMatchObject({ channel: 'reply', status: 'error' });
    expect(peer.link.open).toBe(true);
    peer.link.close();
  });

  test('ends only its own connection by routes that no relay can follow', async () => {
    for (const route of [
      { channel: 'direct', id: 5, to: 'all' },
      { channel: 'toString' },
      { channel: 'engine', id: 'x', sequence: -1 },
    ]) {
      const { peer } = await rawClient();
      peer.link.send(route as Packet['route'], [Buffer.alloc(8)]);
      await peer.link.closed;
    }
    expect(await good.direct(0).execute('1')).toBe(1);
  });
});

describe('a supervisor', () => {
  const registration = {
    version: 'x',
    protocol: protocolVersion,
    host: 'elsewhere',
    pid: 1,
    count: 1,
    ids: [],
    rank: null,
    allocation: null,
    engines: [],
  };
  const supervisor = async (changes: object = {}) => {
    const peer = new Peer(await dial(read('engine'), 5000), new Session(`supervisor-${count++}`));
    const content = { ...registration, run: `run-${count++}`, ...changes };
    const registered = peer.request({ type: 'registration_request', content });
    return { peer, registered };
  };

  test.each([
    { count: 1e9 },
    { count: -1 },
    { ids: ['x'] },
    { engines: [{ id: 0 }] },
    { allocation: 'mine' },
    { run: 'gateway' },
    { host: {} },
  ])('is refused with %j', async (changes) => {
    const { peer, registered } = await supervisor(changes);
    await expect(registered).rejects.toMatchObject({ code: expect.stringMatching(/USAGE|PROTOCOL/) });
    peer.link.close();
    expect((await good.status()).engines).toHaveLength(1);
  });

  test('answers for its own engines, and only what they were given', async () => {
    const { peer, registered } = await supervisor();
    await registered;
    const running = good.balanced().apply(() => new Promise((done) => setTimeout(() => done('right'), 500)));
    await expect.poll(async () => (await good.status()).engines[0]?.task).toBe(running.ids[0]);
    const body = peer.session.encode({ type: 'apply_reply', content: { status: 'ok' } });
    for (const from of [0, 1, 5, -1])
      peer.link.send({ channel: 'reply', id: running.ids[0] as string, status: 'ok', from }, body);
    expect(await running).toBe('right');
    peer.link.close();
  });

  test('says when its job ends, for all nodes of that job and for no other', async () => {
    const of = async (job: string, node: number) => {
      const allocation = { job, element: null, incarnation: 0, node, deadline: null };
      const { peer, registered } = await supervisor({ allocation });
      const { content } = await registered;
      const [id] = (content as { ids: number[] }).ids;
      const up = {
        id,
        uuid: `u-${job}-${node}`,
        pid: 1,
        language: 'javascript',
        log: null,
        restarts: 0,
        cpus: null,
        gpus: null,
      };
      peer.tell({ type: 'engine_up', content: up as MessageContents['engine_up'] });
      return { peer, id };
    };
    const [first, second, other] = [await of('slurm:1', 0), await of('slurm:1', 1), await of('slurm:2', 0)];
    const deadlines = async () => {
      const { engines } = await good.status();
      return [first, second, other].map(({ id }) => engines.find((engine) => engine.id === id)?.deadline);
    };
    await expect.poll(deadlines).toEqual([null, null, null]);
    const end = Date.now() + 1_800_000;
    first.peer.tell({ type: 'deadline', content: { deadline: end } });
    const said = new Date(end).toISOString();
    await expect.poll(deadlines).toEqual([said, said, null]);
    for (const { peer } of [first, second, other]) peer.link.close();
    await expect.poll(async () => (await good.status()).engines.length, { timeout: 8000 }).toBe(1);
  });

  test('hears the end of its own connection for what supervisors do not say', async () => {
    for (const [type, content] of [
      ['engine_facts', { memory: [] }],
      ['shutdown_request', {}],
      ['__proto__', {}],
    ] as const) {
      const { peer, registered } = await supervisor();
      await registered;
      peer.tell({
        type: type as 'engine_facts',
        content: content as unknown as MessageContents['engine_facts'],
      });
      await peer.link.closed;
    }
    expect(await good.direct(0).execute('1')).toBe(1);
  });
});
