import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import vm from 'node:vm';
import { expect, test } from 'vitest';
import { rewrite } from '../../../src/engine/rewrite.js';

const root = dirname(createRequire(import.meta.url).resolve('test262-parser-tests/package.json'));

/** The scripts of Test262's parser tests, by name; modules are no scripts. */
const scripts = ['pass', 'pass-explicit', 'fail', 'early'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => !name.endsWith('.module.js'))
    .map((name): [name: string, code: string] => [
      `${folder}/${name}`,
      readFileSync(join(root, folder, name), 'utf8'),
    ]),
);

function isScript(code: string): boolean {
  try {
    return new vm.Script(code) !== undefined;
  } catch {
    return false;
  }
}

test('what plain Node takes is taken, and what it refuses is refused', () => {
  // Words of modules are no script's, and are taken here all the same.
  const plain = scripts.filter(([, code]) => !/^(import|export)\b/.test(code));
  const wrong = plain
    .filter(([, code]) => isScript(code) !== isScript(rewrite(code).code))
    .map(([name]) => name);
  expect(scripts.length).toBeGreaterThan(3000);
  expect(wrong).toEqual([]);
});

test('what plain Node takes is taken behind an await as well', () => {
  const taken = scripts.filter(([, code]) => isScript(code));
  // Node takes a call on the left of `=` and fails when it comes there; the parser refuses it, and then
  // nothing is rewritten.
  const known = (code: string): boolean => code === 'func() = 4';
  const wrong = taken
    .filter(([, code]) => !known(code) && !isScript(rewrite(`var awaited = await null;\n${code}`).code))
    .map(([name]) => name);
  expect(wrong).toEqual([]);
});
