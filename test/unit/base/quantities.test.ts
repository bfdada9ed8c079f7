import { describe, expect, test } from 'vitest';
import {
  checkFinite,
  checkMilliseconds,
  checkWhole,
  formatDuration,
  parseBytes,
  parseCount,
  parseDuration,
  parseLease,
  parsePorts,
} from '../../../src/base/quantities.js';

describe('durations', () => {
  test.each([
    ['30', 30_000],
    ['1.5s', 1500],
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['01:30:00', 5_400_000],
    ['90:00', 90 * 3600 * 1000],
    ['2-00:00:10', 172_810_000],
  ])('%s is %i ms', (text, milliseconds) => {
    expect(parseDuration(text, '--timeout')).toBe(milliseconds);
  });

  test.each(['9999999999d', '1000000000000000000', '99999999999-00:00:00'])(
    '%s is longer than any date reaches',
    (text) => {
      expect(() => parseDuration(text, '--timeout')).toThrow(/--timeout is ".*longer/);
    },
  );

  test('a lease leaves time for signs of life', () => {
    expect(parseLease('30d')).toBe(30 * 86_400_000);
    expect(() => parseLease('0')).toThrow(/--lease is "0"/);
  });

  test.each(['', 'x', '5 parsecs', '-3s', '1h-2m', '1:2'])(
    '"%s" is refused with the name of the flag',
    (text) => {
      expect(() => parseDuration(text, '--timeout')).toThrow(/--timeout is/);
    },
  );

  test.each([
    [850, '850 ms'],
    [12_340, '12.3 s'],
    [245_000, '4m 05s'],
    [7_800_000, '2h 10m'],
  ])('%i ms is shown as %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});

describe('counts and ports', () => {
  test.each(['-1', 'x', '', '1.5', 'NaN', 'Infinity', '1e300', '9007199254740993'])(
    '"%s" is no count',
    (text) => {
      expect(() => parseCount(text, '-n')).toThrow(/-n is/);
    },
  );

  test('a count has a least value', () => {
    expect(parseCount('0', '-n')).toBe(0);
    expect(() => parseCount('0', '-n', 1)).toThrow(/at least 1/);
  });

  test.each(['70000', '20-10', 'a', '1-2-3'])('"%s" are no ports', (text) => {
    expect(() => parsePorts(text, '--port')).toThrow(/--port is/);
  });

  test('a port and a range', () => {
    expect(parsePorts('10000', '--port')).toEqual({ first: 10_000, last: 10_000 });
    expect(parsePorts('10000-10100', '--port')).toEqual({ first: 10_000, last: 10_100 });
  });
});

test('an amount of memory that no number holds is refused', () => {
  expect(parseBytes('3G', '--mem')).toBe(3 * 2 ** 30);
  expect(() => parseBytes('99999T', '--mem')).toThrow(/--mem is "99999T"/);
});

describe('numbers that a program gives', () => {
  test.each([0, 0.5, 2 ** 31, 2 ** 53, Number.POSITIVE_INFINITY])('%d are milliseconds', (value) => {
    expect(checkMilliseconds(value, 'timeout')).toBe(value);
  });

  test.each([[Number.NaN], [-1], ['5s'], [null], [{}]])('%s are none, and named', (value) => {
    expect(() => checkMilliseconds(value as number, 'timeout')).toThrow(
      /^timeout is .*, but must be milliseconds/,
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 2 ** 53])('%d is no count', (value) => {
    expect(() => checkWhole(value, 'retries')).toThrow(`retries is ${value}, but must be a whole number`);
  });

  test('a priority is any finite number', () => {
    expect(checkFinite(-1.5, 'priority')).toBe(-1.5);
    expect(() => checkFinite(Number.NEGATIVE_INFINITY, 'priority')).toThrow('priority is -Infinity');
  });
});
