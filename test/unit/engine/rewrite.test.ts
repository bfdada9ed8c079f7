import vm from 'node:vm';
import { describe, expect, test } from 'vitest';
import { rewrite } from '../../../src/engine/rewrite.js';

/** Runs rewritten code as an engine does, in a global object of its own. */
async function run(...codes: string[]): Promise<unknown> {
  const context = vm.createContext({ Promise, setTimeout });
  let value: unknown;
  for (const code of codes) {
    const { code: source, names } = rewrite(code);
    for (const name of names) if (!(name in context)) context[name] = undefined;
    value = await vm.runInContext(source, context);
  }
  return value;
}

describe('rewritten code', () => {
  test.each([
    ['an expression is the value', ['1 + 2'], 3],
    ['a declaration has no value', ['const a = 1'], undefined],
    ['constants can be declared again', ['const a = 1', 'const a = 2', 'a'], 2],
    ['let without a value', ['let a', 'typeof a'], 'undefined'],
    ['classes can be declared again', ['class A { v = 1 }', 'class A { v = 2 }', 'new A().v'], 2],
    ['patterns', ['const { a, b: [c = 7], ...rest } = { a: 1, b: [], d: 4 }', '[a, c, rest.d].join()'], '1,7,4'],
    ['functions stay', ['function f(x) { return x * 2 }', 'f(4)'], 8],
    ['await at the top', ['const a = await Promise.resolve(5); a + 1'], 6],
    ['names of awaiting code stay', ['const a = await Promise.resolve(5)', 'a'], 5],
    ['functions of awaiting code stay', ['await null; function g() { return 9 }', 'g()'], 9],
    ['await inside a function is not at the top', ['const f = async () => { await null; return 3 }; typeof f'], 'function'],
    ['for await', ['let s = 0; for await (const x of [1, 2]) s += x; s'], 3],
    ['a name is given to a function', ['const named = () => 1', 'named.name'], 'named'],
    ['comments at the end', ['await null; 4 // four'], 4],
    ['strict code', ["'use strict'; const a = 1; a"], 1],
    ['several declarations at once', ['let a = 1, b = a + 1', 'b'], 2],
  ])('%s', async (_name, codes, value) => {
    expect(await run(...codes)).toEqual(value);
  });

  test('imports become awaited ones', () => {
    expect(rewrite("import x, { y as z } from 'm'").code).toContain("({ default: x, y: z } = await import('m'))".slice(1, -1));
    expect(rewrite("import * as all from 'm'").names).toEqual(['all']);
    expect(rewrite("import 'm'").isAsync).toBe(true);
  });

  test('code that does not parse is left alone', () => {
    expect(rewrite('const = 3')).toEqual({ code: 'const = 3', isAsync: false, names: [], offset: 0 });
  });

  test('lines stay where they were', () => {
    const { code } = rewrite('const a = 1;\nawait null;\nfail()');
    expect(code.split('\n').findIndex((line) => line.includes('fail()'))).toBe(2);
  });
});
