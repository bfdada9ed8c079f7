import { describe, expect, test } from 'vitest';
import { recordTest } from '../../../src/gateway/query.js';

const record = {
  msg_id: 'a_1',
  submitted: '2026-11-20T23:59:01.288749Z',
  queue: 'mux',
  engine_uuid: 'e',
  completed: null,
  retries: 7,
};
const matches = (query: Record<string, unknown>): boolean => recordTest(query)(record);

describe("queries of Python's clients", () => {
  test.each([
    [{}, true],
    [{ msg_id: 'a_1' }, true],
    [{ msg_id: 'a_1', queue: 'task' }, false],
    [{ msg_id: 'a_1', queue: 'mux', engine_uuid: 'e' }, true],
    [{ msg_id: { $ne: '' } }, true],
    [{ msg_id: { $in: ['x', 'a_1'] } }, true],
    [{ msg_id: { $nin: ['x', 'a_1'] } }, false],
    [{ msg_id: { $glob: 'a_*' } }, true],
    [{ msg_id: { $glob: 'a.1' } }, false],
    [{ completed: { $exists: true } }, false],
    [{ completed: { $lt: '2027-01-01T00:00:00Z' } }, false],
    [{ completed: null }, true],
    [{ retries: { $mod: [4, 3] } }, true],
    [{ retries: { $gt: 6, $lt: 8 } }, true],
    [{ retries: { $gt: 'x' } }, false],
    [{ nothing: 1 }, false],
  ])('%j: %s', (query, expected) => {
    expect(matches(query)).toBe(expected);
  });

  test('dates are compared to the microsecond, whatever their precision and zone', () => {
    expect(matches({ submitted: '2026-11-21T00:59:01.288749+01:00' })).toBe(true);
    expect(matches({ submitted: { $lt: '2026-11-20T23:59:01.28875Z' } })).toBe(true);
    expect(matches({ submitted: { $lt: '2026-11-20T23:59:01.288749Z' } })).toBe(false);
    expect(matches({ submitted: { $gte: '2026-11-20T23:59:01.288749Z' } })).toBe(true);
    expect(matches({ submitted: { $gt: '2026-11-20T23:59:01.288Z' } })).toBe(true);
    expect(matches({ submitted: { $gt: '2026-11-20T23:59:02Z' } })).toBe(false);
  });

  test('an operator that is not known is named', () => {
    expect(() => recordTest({ msg_id: { $where: '1' } })).toThrow(/knows no \$where/);
  });
});
