import type { Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { Session } from '../../../src/protocol/message.js';
import { PacketReader } from '../../../src/protocol/packets.js';
import { EngineChild } from '../../../src/supervisor/engine-child.js';

const session = new Session('client');
const body = (): Buffer => Buffer.concat(session.encode({ type: 'execute_request', content: { code: '1' } }));

function childWith(id: number): { child: EngineChild; socket: Socket; sent: string[] } {
  const child = new EngineChild(id, { logFolder: '/nowhere', foreign: undefined }, undefined);
  const reader = new PacketReader();
  const sent: string[] = [];
  const write = (chunk: Buffer): void => {
    for (const { route } of reader.push(chunk))
      if (route.channel === 'engine') sent.push(`${route.id}#${route.sequence}`);
  };
  const socket = { write, cork: () => {}, uncork: () => {}, destroy: vi.fn() } as unknown as Socket;
  return { child, socket, sent };
}

test('an engine is up once, with an id and ready, and never goes back', () => {
  const { child, socket } = childWith(-1);
  expect(child.connect(socket, false)).toBe(true);
  expect([child.connect(socket, true), child.has('ready')]).toEqual([false, false]);
  child.becomeReady();
  expect(child.comeUp()).toBe(false);
  child.name(3);
  expect([child.comeUp(), child.comeUp(), child.has('up')]).toEqual([true, false, true]);
  child.becomeReady();
  expect(child.has('up')).toBe(true);
  child.finish();
  expect([child.has('over'), child.comeUp()]).toEqual([true, false]);
  expect(socket.destroy).toHaveBeenCalledTimes(1);
});

test(
  'requests wait until there is a connection, go in order, and are taken back where they ' + 'have not begun',
  () => {
    const { child, socket, sent } = childWith(0);
    for (const id of ['a', 'b', 'c']) child.assign(id, 'balanced', body());
    expect(sent).toEqual([]);
    child.connect(socket, true);
    child.handOver();
    expect(sent).toEqual(['a#1']);
    expect([child.requests.takeBack('a'), child.requests.takeBack('b'), child.requests.drop('b')]).toEqual([
      false,
      true,
      false,
    ]);
    const reply = { route: { channel: 'reply', id: 'a', status: 'ok' } as const, body: Buffer.alloc(0) };
    expect(child.requests.answered(reply)).toEqual([]);
    child.handOver();
    expect(sent).toEqual(['a#1', 'c#2']);
    expect(child.requests.inEngine.map(({ id }) => id)).toEqual(['c']);
  },
);

test('what waits behind code that failed is answered by nobody else', () => {
  const { child, socket } = childWith(0);
  const stops = (): Buffer =>
    Buffer.concat(
      session.encode({ type: 'execute_request', content: { code: '1', silent: false } as { code: string } }),
    );
  for (const id of ['a', 'b']) child.assign(id, 'direct', stops());
  child.connect(socket, true);
  child.handOver();
  const reply = { route: { channel: 'reply', id: 'a', status: 'error' } as const, body: Buffer.alloc(0) };
  expect(child.requests.answered(reply).map(({ id }) => id)).toEqual(['b']);
});
