import { expect, test } from 'vitest';
import { isSignal, signalOf } from '../../../src/base/signals.js';

test.each([
  ['SIGINT', true],
  ['SIGUSR1', true],
  ['0', true],
  ['34', true],
  ['64', true],
  ['65', false],
  ['-9', false],
  ['SIGNONE', false],
  ['toString', false],
  ['', false],
])('%s is a signal: %j', (word, right) => {
  expect(isSignal(word)).toBe(right);
});

test('names stay names, numbers become numbers', () => {
  expect(['SIGTERM', '0', '34'].map(signalOf)).toEqual(['SIGTERM', 0, 34]);
});
