import { mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { createLog } from '../../../src/base/log.js';
import type { Broker } from '../../../src/controller/broker.js';
import { Hub } from '../../../src/controller/hub.js';
import { SupervisorDoor } from '../../../src/controller/supervisor-door.js';
import { IndependentEngines } from '../../../src/gateway/independent-engines.js';
import type { Handlers } from '../../../src/protocol/conversations/handlers.js';
import type { SupervisorToWatcher } from '../../../src/protocol/conversations/supervisor-engine.js';
import type { Header } from '../../../src/protocol/header.js';
import { decodeMessage, type Outgoing, Session } from '../../../src/protocol/message.js';
import { type MessageType, protocolVersion } from '../../../src/protocol/messages.js';
import { encodePacket, PacketReader } from '../../../src/protocol/packets.js';
import { EngineChild } from '../../../src/supervisor/engine-child.js';
import { EngineDoor } from '../../../src/supervisor/engine-door.js';
import type { EngineSet } from '../../../src/supervisor/engine-set.js';
import { Relay } from '../../../src/supervisor/relay.js';
import type { Link } from '../../../src/transport/link.js';
import { linkPair } from '../../../src/transport/pair.js';
import { Peer } from '../../../src/transport/peer.js';

/*
 * A message that the other end does not know is answered at once: whoever waits for an answer would wait a
 * minute, and whoever tells something would believe that it was heard.
 */

const log = createLog('test', 'error', () => {});
const session = new Session('test');
const soon = 500;
/** A type that no version has had; asked as one that there is, since the compiler knows better. */
const unknown = { type: 'teapot_request' as 'status_request', content: {} };
const news = { type: 'teapot' as 'caught_up', content: {} };
const refused = { code: 'PROTOCOL', message: expect.stringContaining('knows a teapot') };

/** What comes over a link in answer to news that nobody knows. */
async function answerToNews(peer: Peer): Promise<unknown> {
  const answer = new Promise((resolve) => peer.onPacket(({ body }) => resolve(decodeMessage(body).content)));
  peer.tell(news);
  return Promise.race([answer, new Promise((resolve) => setTimeout(resolve, soon, 'silence'))]);
}

function supervisor(): Link {
  const [ours, theirs] = linkPair();
  const relay = new Relay(session, () => {});
  const peer = new Peer(theirs, session);
  peer.onPacket((packet) => relay.receive(packet));
  relay.connect(peer, { all: [], find: () => undefined } as unknown as EngineSet);
  return ours;
}

async function gateway(): Promise<Link> {
  const [ours, theirs] = linkPair();
  const controller = new Peer(ours, session);
  controller.onPacket(({ body }) => {
    const { header } = decodeMessage(body);
    if (header.msg_type === 'registration_request')
      controller.tell(
        { type: 'registration_reply', content: { status: 'ok', ids: [], supervisor: 'gateway' } },
        header,
      );
  });
  await IndependentEngines.join(theirs, 60_000, [], log);
  return ours;
}

function controller(receipts: object = {}): Link {
  const [ours, theirs] = linkPair();
  const supervisor = { name: 'a/1' };
  const parts = {
    broker: {} as Broker,
    receipts,
    rejoining: {},
    session,
    log,
    onActivity: () => {},
    supervisors: { register: () => ({ supervisor, ids: [] }), closed: () => {} },
    registrar: { changed: () => {}, write: async () => {} },
  };
  new SupervisorDoor(parts as unknown as ConstructorParameters<typeof SupervisorDoor>[0]).admit(
    theirs,
    { holder: 'engines', address: 'here' },
    60_000,
  );
  return ours;
}

it.each([
  ['a supervisor', async () => new Peer(supervisor(), session)],
  ['the gateway of independent engines', async () => new Peer(await gateway(), session)],
  ['the controller, asked by somebody who has not registered', async () => new Peer(controller(), session)],
])('%s answers a message that it does not know', async (_who, open) => {
  const peer = await open();
  await expect(peer.request(unknown, soon)).rejects.toMatchObject(refused);
  expect(await answerToNews(peer)).toMatchObject({ status: 'error', ename: 'PROTOCOL' });
  expect(peer.link.open).toBe(true);
});

it.each([unknown, news])(
  'the controller answers a supervisor that says what none says, and ends its connection: %j',
  async (said) => {
    const peer = new Peer(controller(), session);
    const who = {
      version: 'x',
      protocol: protocolVersion,
      host: 'a',
      pid: 1,
      run: 'a',
      count: 0,
      ids: [],
      rank: null,
    };
    await peer.request({ type: 'registration_request', content: { ...who, allocation: null, engines: [] } });
    if (said === unknown) await expect(peer.request(unknown, soon)).rejects.toMatchObject(refused);
    else expect(await answerToNews(peer)).toMatchObject({ status: 'error', ename: 'PROTOCOL' });
    await peer.link.closed;
  },
);

it('the hub answers a question that it does not know', async () => {
  const [ours, theirs] = linkPair();
  const clients = { seen: () => {}, isObserver: () => false };
  const hub = new Hub({ session, clients } as unknown as ConstructorParameters<typeof Hub>[0]);
  theirs.onPacket(({ body }) => void hub.answer(decodeMessage(body), theirs));
  const peer = new Peer(ours, session);
  await expect(peer.request(unknown, soon)).rejects.toMatchObject(refused);
});

it('a supervisor whose order fails says so', async () => {
  const peer = new Peer(supervisor(), session);
  const wrong = { type: 'stop_request' as const, content: {} as { targets: number[] } };
  await expect(peer.request(wrong, soon)).rejects.toMatchObject({ code: 'INTERNAL' });
});

it('a late answer to a question is not counted among the replies of engines', async () => {
  const count = vi.fn();
  const peer = new Peer(controller({ count }), session);
  const late = { type: 'stop_reply' as const, content: { status: 'ok' as const, ids: [] } };
  peer.tell(late, { msg_id: 'asked_long_ago' } as Header);
  peer.link.send({ channel: 'reply', id: 'a', status: 'ok', from: 0 }, []);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(count).toHaveBeenCalledTimes(1);
});

it('a supervisor answers what it does not know of an engine, and hears it further', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'ipcluster-door-')), 's');
  const child = new EngineChild(-1, { logFolder: '/nowhere', foreign: undefined }, undefined);
  const listener = { came: vi.fn(), ready: vi.fn(), packet: vi.fn(), hit: vi.fn(), full: () => false };
  const door = new EngineDoor(path, false, session, log, { expected: () => child, ...listener });
  await door.open();
  const socket = connect(path);
  const reader = new PacketReader();
  const heard = new Promise((resolve) => {
    socket.on('data', (chunk) => {
      for (const { body } of reader.push(chunk)) resolve(decodeMessage(body).content);
    });
  });
  const say = <T extends MessageType>(outgoing: Outgoing<T>): void => {
    for (const part of encodePacket({ channel: 'hub' }, session.encode(outgoing))) socket.write(part);
  };
  say({ type: 'engine_hello', content: { uuid: 'u', pid: 1, role: 'engine', ready: false } });
  say(news);
  expect(await heard).toMatchObject({ status: 'error', ename: 'PROTOCOL' });
  say({ type: 'engine_ready', content: {} });
  await vi.waitFor(() => expect(listener.ready).toHaveBeenCalledWith(child));
  expect([child.has('ready'), child.comeUp()]).toEqual([true, false]);
  socket.destroy();
  door.close();
});

it('a handler that is forgotten does not compile', () => {
  // @ts-expect-error -- all that the watcher hears must be handled
  const forgotten: Handlers<SupervisorToWatcher> = {};
  expect(forgotten).toEqual({});
});
