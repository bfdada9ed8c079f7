import { expect, test } from 'vitest';
import { signalWord } from '../../../src/gateway/controls.js';

test.each([
  [0, '0'],
  [2, 'SIGINT'],
  ['SIGUSR1', 'SIGUSR1'],
  [34, '34'],
])('signal %j goes on as %s', (given, word) => {
  expect(signalWord(given)).toBe(word);
});

test.each([['SIGNONE'], [-1], [65], [1.5], [null], ['0x9']])('%j is no signal', (given) => {
  expect(() => signalWord(given)).toThrow(/There is no signal/);
});
