import { expect, test } from 'vitest';
import { interpret } from '../../../../src/launchers/ssh/configuration.js';
import { hostError } from '../../../../src/launchers/ssh/failures.js';
import { offerOf } from '../../../../src/launchers/ssh/offer.js';

const configuration = interpret({ word: 'h', name: 'h', environment: {}, setup: [] }, 'identityagent none\n');

test('a host is asked first what it takes, and is offered no key where it takes none', async () => {
  const offer = await offerOf(configuration);
  const attempts: unknown[] = [];
  offer.next(null, null, (attempt) => attempts.push(attempt));
  offer.next(['keyboard-interactive'], false, (attempt) => attempts.push(attempt));
  expect(attempts).toEqual([expect.objectContaining({ type: 'none' }), false]);
  expect(offer.left).toEqual(['keyboard-interactive']);
});

test.each([
  ['me@h: Permission denied (keyboard-interactive).', 'host-typing'],
  ['me@h: Permission denied (password,keyboard-interactive).', 'host-typing'],
  ['me@h: Permission denied (publickey,keyboard-interactive).', 'host-auth'],
  ['me@h: Permission denied (gssapi-with-mic).', 'host-auth'],
  ['me@h: Permission denied (publickey).', 'host-auth'],
])('%s', (said, code) => {
  expect(hostError(said).verdict.code).toBe(code);
});
