import { existsSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OutputFile } from '../../../src/processes/output-file.js';

test('output has a place again after its folder was taken away', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ipcluster-output-'));
  rmdirSync(folder);
  const file = new OutputFile(folder);
  writeFileSync(file.path, 'told');
  expect(String(file.read(0, 4))).toBe('told');
  file.close();
  expect(existsSync(folder)).toBe(true);
  rmSync(folder, { recursive: true });
});
