import vm from 'node:vm';
import { describe, expect, test } from 'vitest';
import { rewrite } from '../../../src/engine/rewrite.js';
import { asPlainNode, cells } from '../../fixtures/cells.js';

/**
 * Runs rewritten code as an engine does, in a global object of its own; answers the value or the error's
 * name.
 */
async function run(...codes: string[]): Promise<unknown> {
  const context = vm.createContext(Object.create(null));
  Object.assign(context, { setTimeout, console });
  let value: unknown;
  for (const code of codes) {
    const { code: source, names } = rewrite(code);
    try {
      const script = new vm.Script(source, {
        importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      });
      for (const name of names) {
        if (!(name in context))
          Object.defineProperty(context, name, {
            value: undefined,
            writable: true,
            configurable: true,
            enumerable: true,
          });
      }
      value = await script.runInContext(context);
    } catch (error) {
      value = { error: (error as Error).name };
    }
  }
  return show(value);
}

/** Values of other realms look alike, and are not equal. */
const show = (value: unknown): unknown =>
  typeof value === 'function' ? String(value) : value === undefined ? undefined : structuredClone(value);

function plain(code: string): unknown {
  try {
    return show(vm.runInNewContext(code, { setTimeout, console }));
  } catch (error) {
    return { error: (error as Error).name };
  }
}

describe('the value or the error is that of plain Node', () => {
  test.for(asPlainNode)('%s', async (code) => {
    expect(await run(code)).toEqual(plain(code));
  });
});

describe('and of the same code as a function that awaits', () => {
  test.for(asPlainNode.filter((code) => !/no await/.test(code)))('%s', async (code) => {
    const isDirective = /^\s*(['"])[^'"]*\1\s*(;|$)/.test(code);
    const awaits = 'var awaited = await null;';
    expect(await run(isDirective ? `${code}\n;${awaits}` : `${awaits}\n${code}`)).toEqual(plain(code));
  });
});

describe('cells one after another', () => {
  test.for(cells)('%s', async ([codes, value]) => {
    expect(await run(...codes)).toEqual(value);
  });
});

test('lines stay where they were', () => {
  for (const code of [
    'const a = 1;\nawait null;\nfail()',
    "import 'm'\nimport * as x from 'y'\nfail()",
    'class A {\n}\nfail()',
  ]) {
    expect(
      rewrite(code)
        .code.split('\n')
        .findIndex((line) => line.includes('fail()')),
    ).toBe(2);
  }
});

test('code that does not parse is left alone', () => {
  expect(rewrite('const = 3')).toMatchObject({ code: 'const = 3', isAsync: false, names: [], offset: 0 });
});
