import { describe, expect, test } from 'vitest';
import { describeHolds } from '../../../src/launcher-kit/holds.js';
import { plainRequest } from '../../../src/launcher-kit/script.js';
import { holds } from '../../../src/launchers/slurm/questions.js';

const heard = (stdout: string) => holds('7').parse({ code: 0, stdout, stderr: '', timedOut: false });
const resources = { queue: 'debug', account: 'proj1', time: 3_600_000 };
const told = (line: string, more = {}) => describeHolds({ ...plainRequest, resources, ...more }, heard(line) ?? {}, () => false);

describe('what a filter has made of a request', () => {
  test('its limit and partition are told as they hold', () => {
    expect(told('proj1|gpu|3:00\n')).toBe(
      'The scheduler has changed what was asked for: queue gpu (asked for: debug), it ends after 3m 00s (asked for: 1h 00m).',
    );
  });

  test('another account is told', () => {
    expect(told('proj2|debug|1:00:00\n')).toMatch(/account proj2 \(asked for: proj1\)\.$/);
  });

  test.each(['proj1|debug|1:00:00\n', '(null)|debug|1:00:00\n', '', 'proj1|debug|UNLIMITED\n'])('%j is no change', (line) => {
    expect(told(line)).toBeUndefined();
  });

  test('one of several partitions is no change', () => {
    expect(told('proj1|gpu|1:00:00\n', { resources: { ...resources, queue: 'debug,gpu' } })).toBeUndefined();
  });
});
