import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { poolBuffers, poolSize } from '../../../src/base/buffer-pool.js';
import { currentFolder, isFolder } from '../../../src/base/current-folder.js';
import { newSession, newToken } from '../../../src/base/identifiers.js';
import { packageRoot, packageVersion, programFile } from '../../../src/base/package.js';
import { collectAtRest } from '../../../src/base/rest.js';
import { makeTemporaryFolder } from '../../../src/base/temporary.js';

describe('signals that a program was started to ignore', () => {
  const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const counts = (): number[] => endings.map((name) => process.listenerCount(name));
  let before: Record<string, unknown[]> = {};
  beforeEach(() => {
    vi.resetModules();
    before = Object.fromEntries(
      [...endings, 'SIGUSR1'].map((name) => [name, process.listeners(name as 'SIGINT')]),
    );
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    for (const [name, listeners] of Object.entries(before))
      for (const added of process.listeners(name as 'SIGINT'))
        if (!listeners.includes(added)) process.off(name, added as () => void);
  });

  test.each([
    // A mask as in proc(5): bit 0 is signal 1 (SIGHUP), bit 1 SIGINT, bit 14 SIGTERM.
    ['1', ['SIGINT', 'SIGTERM']],
    ['0000000000000003', ['SIGTERM']],
    ['4000', ['SIGINT', 'SIGHUP']],
    ['', ['SIGINT', 'SIGTERM', 'SIGHUP']],
    ['no mask', ['SIGINT', 'SIGTERM', 'SIGHUP']],
  ])('mask %j: the program hears of %j', async (mask, heardOf) => {
    vi.stubEnv('IPCLUSTER_IGNORED', mask);
    const { guardProcess, onEndingSignal } = await import('../../../src/base/signals.js');
    const heard: string[] = [];
    const at = counts();
    guardProcess();
    onEndingSignal((name) => heard.push(name));
    for (const name of endings) process.listeners(name).at(-1)?.(name);
    expect(heard.toSorted()).toEqual(heardOf.toSorted());
    expect(counts().map((count, index) => count - (at[index] as number))).toEqual([1, 1, 1]);
    expect(process.env['IPCLUSTER_IGNORED']).toBeUndefined();
    expect(process.env['NODE_OPTIONS']).toBeUndefined();
  });
});

describe('what a program knows of itself', () => {
  test('its package, its version and its programs', () => {
    const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(packageVersion()).toBe(version);
    expect(programFile('engine', 'cjs')).toBe(join(packageRoot(), 'dist', 'programs', 'engine.cjs'));
  });

  test('ids have the form of Python’s tools, and tokens fit a header', () => {
    expect(newSession()).toMatch(/^[\da-f]{8}-[\da-f]{24}$/);
    expect(newToken()).toMatch(/^[\w-]{43}$/);
    expect(new Set(Array.from({ length: 100 }, newToken)).size).toBe(100);
  });

  test('the folder that it is in, or who has removed it', () => {
    expect(currentFolder()).toBe(process.cwd());
    const gone = vi.spyOn(process, 'cwd').mockImplementation(() => {
      throw Object.assign(new Error('uv_cwd'), { code: 'ENOENT' });
    });
    expect(currentFolder).toThrow(
      expect.objectContaining({ code: 'FOLDER', message: expect.stringMatching(/has been removed/) }),
    );
    gone.mockImplementation(() => {
      throw Object.assign(new Error('uv_cwd'), { code: 'EACCES' });
    });
    expect(currentFolder).toThrow('uv_cwd');
    gone.mockRestore();
    expect([isFolder('/'), isFolder('/etc/passwd'), isFolder('/nowhere/at-all')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('small buffers are cut from pieces of the size that goes back to the system', () => {
    const before = Buffer.poolSize;
    poolBuffers();
    expect(Buffer.poolSize).toBe(poolSize);
    Buffer.poolSize = before;
  });
});

describe('rest', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('comes once after each spell of work, and not while work goes on', () => {
    const before = vi.fn();
    const active = collectAtRest(before);
    vi.advanceTimersByTime(60_000);
    expect(before).toHaveBeenCalledTimes(0);
    for (let time = 0; time < 20; time++) {
      active();
      vi.advanceTimersByTime(1000);
    }
    expect(before).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(60_000);
    expect(before).toHaveBeenCalledTimes(1);
    active();
    vi.advanceTimersByTime(60_000);
    expect(before).toHaveBeenCalledTimes(2);
  });
});

describe('a folder for temporary things', () => {
  const made: string[] = [];
  afterEach(() => {
    vi.unstubAllEnvs();
    for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  const make = (): string => {
    const folder = makeTemporaryFolder('ipcluster-here-');
    made.push(folder);
    return folder;
  };

  test('is only ours, in TMPDIR where that will do', () => {
    const place = mkdtempSync(join(tmpdir(), 'ipcluster-place-'));
    made.push(place);
    vi.stubEnv('TMPDIR', place);
    expect(make().startsWith(`${place}/ipcluster-here-`)).toBe(true);
    expect(statSync(make()).mode & 0o077).toBe(0);
  });

  test.each(['/nowhere/at-all', '/etc/passwd', `/tmp/${'x'.repeat(120)}`])(
    'is elsewhere where TMPDIR is %s',
    (place) => {
      vi.stubEnv('TMPDIR', place);
      const folder = make();
      expect(folder.startsWith(place)).toBe(false);
      writeFileSync(join(folder, 'file'), '');
      expect(existsSync(join(folder, 'file'))).toBe(true);
    },
  );
});
