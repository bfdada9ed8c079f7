import { expect, test } from 'vitest';
import { commandRequest, encodeOptions, type TaskOptions } from '../../../src/client/options.js';

const month = 30 * 86_400_000;

test('numbers that mean something travel, also those above 2^31', () => {
  const metadata = encodeOptions({
    timeLimit: month,
    timeout: 0.5,
    retries: 2,
    priority: -1.5,
    targets: [0, 1],
  });
  expect(metadata).toEqual({
    time_limit: month / 1000,
    timeout: 0.0005,
    retries: 2,
    priority: -1.5,
    targets: [0, 1],
  });
  expect(encodeOptions({ timeLimit: 0, timeout: Number.POSITIVE_INFINITY, retries: 0, priority: 0 })).toEqual(
    {},
  );
  expect(commandRequest(['a'], { timeLimit: month }).content).toEqual({ argv: ['a'], timeLimit: month });
  expect(commandRequest(['a'], { timeLimit: 5000 }).metadata).toEqual({ stream: true, time_needed: 5 });
  expect(commandRequest(['a'], { timeLimit: 0 }).content).toEqual({ argv: ['a'] });
});

test.each<[keyof TaskOptions, unknown]>([
  ['timeLimit', Number.NaN],
  ['timeLimit', -1],
  ['timeout', '5s'],
  ['timeout', Number.NEGATIVE_INFINITY],
  ['retries', 1.5],
  ['retries', Number.POSITIVE_INFINITY],
  ['retries', 2 ** 53],
  ['priority', Number.NaN],
  ['priority', Number.POSITIVE_INFINITY],
  ['targets', [-1]],
  ['targets', [0.5]],
])('%s of %s is refused by name', (name, value) => {
  expect(() => encodeOptions({ [name]: value })).toThrow(new RegExp(`^${name} is .*${value}.*, but must be`));
});

test('a command with a limit that is none, and targets that are no list', () => {
  expect(() => commandRequest(['a'], { timeLimit: Number.NaN })).toThrow(/^timeLimit is NaN/);
  expect(() => encodeOptions({ targets: 0 as never })).toThrow(/targets must be a list/);
});
