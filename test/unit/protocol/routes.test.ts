import { expect, test } from 'vitest';
import { type ReplyStatus, readRoute } from '../../../src/protocol/routes.js';

/** Every way in which a request can end: a status that is missing here does not compile. */
const statuses: Record<ReplyStatus, true> = { ok: true, error: true, aborted: true, unmet: true, short: true };

test.each(Object.keys(statuses))('a reply with the status %s passes every relay', (status) => {
  expect(readRoute({ channel: 'reply', id: 'x', status, from: 3 })).toEqual({ channel: 'reply', id: 'x', status, from: 3 });
});

test.each(['constructor', '', null, 5, undefined])('a reply with the status %s is none', (status) => {
  expect(() => readRoute({ channel: 'reply', id: 'x', status })).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
});
