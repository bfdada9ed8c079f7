import { expect, it } from 'vitest';
import { createLog } from '../../../src/base/log.js';
import type { Broker } from '../../../src/controller/broker.js';
import { Hub } from '../../../src/controller/hub.js';
import { SupervisorDoor } from '../../../src/controller/supervisor-door.js';
import { IndependentEngines } from '../../../src/gateway/independent-engines.js';
import { decodeMessage, Session } from '../../../src/protocol/message.js';
import type { EngineSet } from '../../../src/supervisor/engine-set.js';
import { Relay } from '../../../src/supervisor/relay.js';
import type { Link } from '../../../src/transport/link.js';
import { linkPair } from '../../../src/transport/pair.js';
import { Peer } from '../../../src/transport/peer.js';

/*
 * A message that the other end does not know is answered at once: whoever waits for an answer would wait a minute, and whoever
 * tells something would believe that it was heard.
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
      controller.tell({ type: 'registration_reply', content: { status: 'ok', ids: [], supervisor: 'gateway' } }, header);
  });
  await IndependentEngines.join(theirs, 60_000, [], log);
  return ours;
}

function controller(): Link {
  const [ours, theirs] = linkPair();
  const supervisor = { name: 'a/1' };
  const parts = {
    ...{ broker: {} as Broker, receipts: {}, rejoining: {}, session, log, onActivity: () => {} },
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

it('the controller answers a supervisor that says what it does not know, and goes on with it', async () => {
  const peer = new Peer(controller(), session);
  const who = { version: 'x', protocol: 6, host: 'a', pid: 1, run: 'a', count: 0, ids: [], rank: null };
  await peer.request({ type: 'registration_request', content: { ...who, allocation: null, engines: [] } });
  await expect(peer.request(unknown, soon)).rejects.toMatchObject(refused);
  expect(await answerToNews(peer)).toMatchObject({ status: 'error', ename: 'PROTOCOL' });
  expect(peer.link.open).toBe(true);
});

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
