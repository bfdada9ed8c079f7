import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  lastLines,
  readJsonIfWhole,
  removeEmptyFolder,
  removeFile,
  writeWhole,
} from '../../../src/base/files.js';
import {
  makeMemoryFolder,
  readMemoryFile,
  removeMemoryFolder,
  writeMemoryFile,
} from '../../../src/base/memory-files.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ipcluster-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a file is written whole, for its owner only, and nothing else is left', () => {
  const path = join(folder, 'deep', 'file.json');
  writeWhole(path, '{"a":1}');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(folder, 'deep'))).toEqual(['file.json']);
});

test('absent and half-written JSON mean "not yet"', async () => {
  writeFileSync(join(folder, 'half.json'), '{"a":');
  writeFileSync(join(folder, 'whole.json'), '{"a":1}');
  expect(await readJsonIfWhole(join(folder, 'none.json'))).toBeUndefined();
  expect(await readJsonIfWhole(join(folder, 'half.json'))).toBeUndefined();
  expect(await readJsonIfWhole(join(folder, 'whole.json'))).toEqual({ a: 1 });
});

test('only empty folders are removed, and absent things are no errors', async () => {
  mkdirSync(join(folder, 'full'));
  writeFileSync(join(folder, 'full', 'theirs'), 'x');
  await removeEmptyFolder(join(folder, 'full'));
  await removeEmptyFolder(join(folder, 'none'));
  await removeFile(join(folder, 'none'));
  expect(existsSync(join(folder, 'full', 'theirs'))).toBe(true);
});

test('the last lines of a file', async () => {
  writeFileSync(join(folder, 'log'), 'a\nb\n\nc\n');
  expect(await lastLines(join(folder, 'log'), 2)).toEqual(['b', 'c']);
  expect(await lastLines(join(folder, 'none'), 2)).toEqual([]);
});

test.skipIf(!existsSync('/dev/shm'))('a frame survives its way through a file in memory', () => {
  const memory = makeMemoryFolder('test');
  expect(statSync(memory).mode & 0o777).toBe(0o700);
  const frame = Buffer.from('large frame');
  const file = writeMemoryFile(memory, 3, frame);
  expect(file).toMatchObject({ index: 3, size: frame.length });
  expect(file && readMemoryFile(file).equals(frame)).toBe(true);
  expect(writeMemoryFile(join(memory, 'none'), 0, frame)).toBeUndefined();
  removeMemoryFolder(memory);
  expect(existsSync(memory)).toBe(false);
  expect(() => file && readMemoryFile(file)).toThrow(/ENOENT: .* was removed/);
  removeMemoryFolder(folder);
  expect(existsSync(folder)).toBe(true);
});
