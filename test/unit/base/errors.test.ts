import { describe, expect, test } from 'vitest';
import { errorCatalogue } from '../../../src/base/error-catalogue.js';
import {
  explained,
  IpclusterError,
  isIpclusterError,
  isShortage,
  systemFault,
} from '../../../src/base/errors.js';
import { describeError, readLogLevel } from '../../../src/base/program.js';

const ofSystem = (code: string, message = `${code}: of the system`): Error =>
  Object.assign(new Error(message), { code });

describe('an error for people', () => {
  test('has the advice and the exit code of the catalogue, unless it has its own', () => {
    const plain = new IpclusterError('USAGE', 'Wrong.');
    expect([plain.exitCode, plain.suggestions]).toEqual([2, errorCatalogue.USAGE.suggestions]);
    const own = new IpclusterError('CONFIG', 'Wrong.', {
      suggestions: ['Do this.'],
      files: ['/a'],
      transient: true,
    });
    expect([own.suggestions, own.files, own.transient]).toEqual([['Do this.'], ['/a'], true]);
  });

  test('is printed with what to try and where to look', () => {
    const error = new IpclusterError('CONFIG', 'Wrong.', {
      suggestions: ['Do this.', 'Or that.'],
      files: ['/a'],
    });
    expect(describeError(error)).toBe('Wrong.\n  try: Do this.\n  try: Or that.\n  see: /a\n');
    expect(describeError(new Error('plain'))).toBe('plain\n');
    expect(describeError('thrown text')).toBe('thrown text\n');
  });

  test('is known when another copy of this program has made it', () => {
    const foreign = Object.assign(new Error('x'), { name: 'IpclusterError', code: 'USAGE', suggestions: [] });
    expect([foreign, new Error('x'), 'x', null].map(isIpclusterError)).toEqual([true, false, false, false]);
  });
});

describe('what the system refuses', () => {
  test.each([
    ['EAGAIN', /ulimit -u/],
    ['EMFILE', /ulimit -n/],
    ['ENFILE', /no more open files/],
    ['ENOMEM', /no memory is left/],
  ])('%s is a shortage, with the limit to look at', (code, words) => {
    const fault = systemFault('/bin/sh cannot be started', ofSystem(code));
    expect(fault).toMatchObject({ code: 'SYSTEM', transient: true, message: expect.stringMatching(words) });
    expect(isShortage(ofSystem(code)) && isShortage(fault)).toBe(true);
    expect(explained(ofSystem(code))).toMatchObject({ code: 'SYSTEM' });
  });

  test.each(['ENOSPC', 'EDQUOT'])('%s is a full disk', (code) => {
    expect(explained(ofSystem(code))).toMatchObject({ code: 'DISK_FULL' });
    expect(systemFault('it cannot be written', ofSystem(code))).toMatchObject({ code: 'DISK_FULL' });
    expect(isShortage(ofSystem(code))).toBe(false);
  });

  test('anything else stays what it is', () => {
    for (const error of [ofSystem('ENOENT'), new TypeError('x'), 'text', undefined])
      expect(explained(error)).toBe(error);
    const ours = new IpclusterError('USAGE', 'Wrong.');
    expect(systemFault('it', ours)).toBe(ours);
    expect(systemFault('it cannot be read', ofSystem('EIO', 'broken')).message).toBe(
      'it cannot be read: broken.',
    );
  });
});

test('a level of the log is one of four words', () => {
  expect(readLogLevel('warn')).toBe('warn');
  expect(() => readLogLevel('loud')).toThrow(/"loud", but must be one of debug, info, warn, error/);
});
