import { describe, expect, test } from 'vitest';
import { formatDuration, parseCount, parseDuration, parsePorts } from '../../../src/base/quantities.js';

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

  test.each(['', 'x', '5 parsecs', '-3s', '1h-2m', '1:2'])('"%s" is refused with the name of the flag', (text) => {
    expect(() => parseDuration(text, '--timeout')).toThrow(/--timeout is/);
  });

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
  test.each(['-1', 'x', '', '1.5'])('"%s" is no count', (text) => {
    expect(() => parseCount(text, '-n')).toThrow(/-n is/);
  });

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
