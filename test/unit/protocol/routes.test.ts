import { expect, test } from 'vitest';
import { type ReplyStatus, readRoute } from '../../../src/protocol/routes.js';

/** Every way in which a request can end: a status that is missing here does not compile. */
const statuses: Record<ReplyStatus, true> = {
  ok: true,
  error: true,
  aborted: true,
  unmet: true,
  short: true,
};

test.each(Object.keys(statuses))('a reply with the status %s passes every relay', (status) => {
  expect(readRoute({ channel: 'reply', id: 'x', status, from: 3 })).toEqual({
    channel: 'reply',
    id: 'x',
    status,
    from: 3,
  });
});

test.each(['constructor', '', null, 5, undefined])('a reply with the status %s is none', (status) => {
  expect(() => readRoute({ channel: 'reply', id: 'x', status })).toThrow(
    expect.objectContaining({ code: 'PROTOCOL' }),
  );
});

const refused = expect.objectContaining({ code: 'PROTOCOL' });
const file = { index: 0, path: '/dev/shm/x', size: 8 };

test.each([
  { channel: 'hub' },
  { channel: 'alive' },
  { channel: 'direct', id: 'x', to: [0, 7] },
  { channel: 'direct', id: 'x', to: [], files: [file] },
  { channel: 'balanced', id: 'x', to: [3] },
  { channel: 'reply', id: 'x', status: 'ok' },
  { channel: 'output', id: 'x', session: 's', from: 2 },
  { channel: 'engine', id: 'x', sequence: 5, files: [file] },
])('%j is a route, and keeps nothing that its channel does not have', (route) => {
  expect(readRoute({ ...route, more: 'x', sequences: 1 })).toEqual(route);
});

test('output without an engine is of one that does not know its id yet', () => {
  expect(readRoute({ channel: 'output', id: 'x', session: 's' })).toMatchObject({ from: -1 });
});

test.each([
  {},
  { channel: 'nowhere' },
  { channel: 'direct', id: 7, to: [] },
  { channel: 'direct', id: 'x'.repeat(513), to: [] },
  { channel: 'direct', id: 'x' },
  { channel: 'direct', id: 'x', to: ['0'] },
  { channel: 'direct', id: 'x', to: [1.5] },
  { channel: 'direct', id: 'x', to: new Array(70_000).fill(0) },
  { channel: 'direct', id: 'x', to: [], files: {} },
  { channel: 'direct', id: 'x', to: [], files: [null] },
  { channel: 'direct', id: 'x', to: [], files: [{ ...file, size: -1 }] },
  { channel: 'direct', id: 'x', to: [], files: [{ ...file, path: 'x'.repeat(5000) }] },
  { channel: 'reply', id: 'x', status: 'ok', from: 'engine' },
  { channel: 'output', id: 'x', from: 1 },
  { channel: 'output', id: 'x', session: 's', from: 0.5 },
  { channel: 'engine', id: 'x', sequence: -1 },
  { channel: 'engine', id: 'x', sequence: 2 ** 28 },
])('a route that no relay can follow is refused (%#)', (route) => {
  expect(() => readRoute(route)).toThrow(refused);
});
