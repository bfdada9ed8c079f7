import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLog } from '../../../src/base/log.js';
import { LogFile } from '../../../src/base/log-file.js';

/** A disk that has no room while a test says so. */
const full = vi.hoisted(() => ({ value: false }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const writeSync = (...given: Parameters<typeof fs.writeSync>): number => {
    if (full.value) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    return fs.writeSync(...given);
  };
  return { ...fs, writeSync };
});

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a log', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  const said = (level: Parameters<typeof createLog>[1]) => {
    const lines: string[] = [];
    const log = createLog('here', level, (line) => lines.push(line.replace(/^\S+Z /, '')));
    return { log, lines };
  };

  test('writes lines of its level and above, with their details', () => {
    const { log, lines } = said('info');
    log.debug('nothing of this');
    log.info('begun', 'of two', { count: 2 });
    log.warn('odd', new Error('with a stack'));
    expect(lines).toEqual(['info here: begun of two { count: 2 }\n', 'warn here: odd with a stack\n']);
  });

  test('collapses warnings that come again, says how often they came, and lets news through', () => {
    const { log, lines } = said('debug');
    for (let time = 0; time < 5; time++) log.warn('the disk is slow');
    log.warn('the disk is slow', 'another');
    log.info('same');
    log.info('same');
    vi.advanceTimersByTime(61_000);
    log.warn('the disk is slow');
    log.error('the disk is slow', 'another');
    expect(lines).toEqual([
      'warn here: the disk is slow\n',
      'warn here: the disk is slow another\n',
      'info here: same\n',
      'info here: same\n',
      'warn here: the disk is slow (4 times more in the last 61 s)\n',
      'error here: the disk is slow another\n',
    ]);
  });

  test('tells apart so many warnings and no more: an older one counts as new', () => {
    const { log, lines } = said('warn');
    log.warn('the first');
    for (let number = 0; number < 200; number++) log.warn(`number ${number}`);
    log.warn('the first');
    expect(lines.filter((line) => line.includes('the first'))).toHaveLength(2);
  });
});

describe('the file of a log', () => {
  test('begins anew when it is long, and what it had is kept once beside it', () => {
    const path = join(folder, 'long');
    writeFileSync(`${path}.1`, 'of long ago');
    const descriptor = openSync(path, 'a+');
    const file = new LogFile(descriptor, 100);
    for (let line = 0; line < 12; line++) file.write(`line ${line} of ten letters\n`);
    closeSync(descriptor);
    const [kept, now] = [`${path}.1`, path].map((name) => readFileSync(name, 'utf8'));
    expect(kept).not.toContain('of long ago');
    expect(kept?.length).toBeGreaterThanOrEqual(100);
    expect(now).toMatch(/line 11 of ten letters\n$/);
    expect(now?.length).toBeLessThan(130);
  });

  test('a line that cannot be written is dropped, and counted in the next one that can', () => {
    const path = join(folder, 'refused');
    const descriptor = openSync(path, 'a');
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    const file = new LogFile(descriptor);
    file.write('first\n');
    full.value = true;
    file.write('lost\n');
    full.value = false;
    file.write('lost as well, without a try\n');
    vi.advanceTimersByTime(5000);
    file.write('last\n');
    vi.useRealTimers();
    closeSync(descriptor);
    expect(readFileSync(path, 'utf8')).toMatch(
      /^first\n\S+Z warn log: 2 lines could not be written\nlast\n$/,
    );
  });
});
