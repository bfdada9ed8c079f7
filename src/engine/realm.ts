import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import vm from 'node:vm';
import { pin, pinAsyncResources, pristineClass, pristineProcess, snapshot } from '../base/pristine.js';
import { pinBuffer, pristineBuffer } from '../base/pristine-buffer.js';
import { pristineSpawn } from '../processes/pristine-spawn.js';
import * as userSide from './user-side.js';

/*
 * The kernel's realm: a global object and built-ins that user code does not reach. Whatever user code
 * patches, shadows or declares stays in the main realm, which is all its own (docs/decisions/0021).
 */

const require = createRequire(import.meta.url);
const { compileFunction } = vm;
const { apply, getOwnPropertyDescriptor } = Reflect;

/** Globals of Node and types of user values, which are the main realm's. */
const fromMain = [
  ...[
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
    'setImmediate',
    'clearImmediate',
    'queueMicrotask',
  ],
  ...[
    'URL',
    'AbortController',
    'AbortSignal',
    'structuredClone',
    'ArrayBuffer',
    'SharedArrayBuffer',
    'DataView',
  ],
  ...[
    'Int8Array',
    'Uint8Array',
    'Uint8ClampedArray',
    'Int16Array',
    'Uint16Array',
    'Int32Array',
    'Uint32Array',
  ],
  ...['Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array'],
];

/**
 * Run in the new realm. Errors of both realms are instances of `Error` and its kin for the kernel. Stacks of
 * its own errors are written here: Node would ask the user's `Error.prepareStackTrace`.
 */
const prepare = `(main) => {
  const isInstance = Function.prototype[Symbol.hasInstance];
  for (const name of ['Error', 'TypeError', 'RangeError', 'SyntaxError', 'ReferenceError']) {
    const [own, theirs] = [globalThis[name], main[name]];
    const value = function (object) {
      return isInstance.call(this, object) || (this === own && isInstance.call(theirs, object));
    };
    Object.defineProperty(own, Symbol.hasInstance, { value });
  }
  Error.prepareStackTrace = (error, trace) => [String(error), ...trace.map((site) => '    at ' + site)].join('\\n');
  return globalThis;
}`;

/** Modules that the kernel asks for, as they are now. */
function snapshots(): (id: string) => unknown {
  const known = new Map<string, unknown>();
  const { Serializer, Deserializer } = require('node:v8') as typeof import('node:v8');
  const { Script } = vm;
  const { randomBytes } = require('node:crypto') as typeof import('node:crypto');
  const { normalize } = require('node:path') as typeof import('node:path');
  // Node's own uses `push` of the user's arrays. Four parts are the most that are joined.
  const join = (first: string, second: string, third = '', fourth = ''): string =>
    normalize(`${first}/${second}${third === '' ? '' : `/${third}`}${fourth === '' ? '' : `/${fourth}`}`);
  const classes: Record<string, object> = {
    'node:v8': { Serializer: pristineClass(Serializer), Deserializer: pristineClass(Deserializer) },
    'node:vm': { Script: pristineClass(Script) },
    'node:path': { join },
    'node:crypto': { randomBytes: (size: number): Buffer => pinBuffer(randomBytes(size)) },
    'node:child_process': { spawn: pristineSpawn() },
  };
  return (id) => {
    if (!known.has(id)) known.set(id, Object.assign(snapshot(require(id) as object), classes[id]));
    return known.get(id);
  };
}

/**
 * Functions in the kernel's realm. They are compiled with all names of the outside as parameters: one looked
 * up in a context costs a call.
 */
function compiler(
  context: vm.Context,
  own: Record<string, unknown>,
): (file: string, more: object) => () => unknown {
  const given: Record<string, unknown> = {};
  for (const name of Object.getOwnPropertyNames(own)) {
    if (getOwnPropertyDescriptor(own, name)?.writable === true && name !== 'eval') given[name] = own[name];
  }
  for (const name of fromMain) given[name] = (globalThis as Record<string, unknown>)[name];
  const ours = {
    globalThis,
    process: pristineProcess(),
    Buffer: pristineBuffer(),
    performance: { now: performance.now.bind(performance) },
  };
  return (file, more) => {
    const all = { ...given, ...ours, ...more };
    const [names, values] = [Object.keys(all), Object.values(all)];
    return () =>
      apply(
        compileFunction(readFileSync(file, 'utf8'), names, { parsingContext: context, filename: file }),
        undefined,
        values,
      );
  };
}

/** Makes the kernel's realm and runs the kernel in it. The parser is read when it is wanted first. */
export function runInRealm(file: string): void {
  const context = vm.createContext({}, { name: 'kernel' });
  const own = (vm.runInContext(prepare, context) as (main: object) => Record<string, unknown>)(globalThis);
  const compile = compiler(context, own);
  const acorn = { exports: {} as { parse: (code: unknown, options: unknown) => unknown } };
  const readAcorn = compile(require.resolve('acorn'), { exports: acorn.exports, module: acorn });
  const parse = (code: unknown, options: unknown): unknown => {
    if (!acorn.exports.parse) readAcorn();
    return acorn.exports.parse(code, options);
  };
  const inside: Record<string, unknown> = {
    './user-side.js': userSide,
    './parser.js': { parse },
    '../base/pristine.js': { pin },
    '../base/pristine-buffer.js': { pinBuffer },
  };
  pinAsyncResources();
  const modules = snapshots();
  compile(file, {
    exports: {},
    module: { exports: {} },
    moduleUrl: import.meta.url,
    require: (id: string) => inside[id] ?? modules(id),
  })();
}
