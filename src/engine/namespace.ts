import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import type { FunctionReference } from '../protocol/functions.js';
import { LoadedFiles } from './loaded.js';
import { rewrite } from './rewrite.js';
import { importModule, settled } from './user-side.js';

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Where user code lives: the engine's own global object, so that `instanceof` and speed are as everywhere.
 */
export class Namespace {
  /** Files that the code here has loaded. */
  readonly loaded = new LoadedFiles();
  readonly #initial: Set<string>;
  readonly #functions = new Map<string, AnyFunction>();
  #executions = 0;

  constructor() {
    Object.defineProperty(globalThis, 'require', {
      value: createRequire(join(process.cwd(), 'engine')),
      configurable: true,
      writable: true,
    });
    this.#initial = new Set([...Object.getOwnPropertyNames(globalThis), 'engineId']);
  }

  get executions(): number {
    return this.#executions;
  }

  /** Runs code and answers its last value, or a promise of it when it awaits. */
  execute(code: string, fileName?: string): unknown {
    this.#executions += 1;
    this.loaded.scan(code, fileName);
    const { code: source, names, lexical, offset } = rewrite(code);
    const script = compile(source, fileName ?? `execute-${this.#executions}`, offset);
    for (const name of names) if (!(name in globalThis)) define(name);
    for (const name of lexical) if (isAccessor(name)) define(name);
    return script.runInThisContext({ displayErrors: false });
  }

  /**
   * Imports the function that a reference names: a path counts from the working folder, anything else is a
   * package.
   */
  resolve({
    module: name,
    export: key,
  }: Extract<FunctionReference, { module: string }>): Promise<AnyFunction> {
    const isFile = /^\.{0,2}\//.test(name);
    if (isFile) this.loaded.add(resolve(name));
    const specifier = isFile ? pathToFileURL(resolve(name)).href : name;
    return new Promise((done, reject) => {
      const take = (module: unknown): void => {
        const found = (module as Record<string, unknown>)[key];
        if (typeof found === 'function') done(found as AnyFunction);
        else reject(new TypeError(`${name} exports no function "${key}"`));
      };
      void settled(importModule(specifier), take, reject);
    });
  }

  /** Compiles a function from its source, once for the same source. */
  fromSource(source: string): AnyFunction {
    const known = this.#functions.get(source);
    if (known) return known;
    this.loaded.scan(source);
    const made = compileFunction(source);
    if (this.#functions.size >= 256) this.#functions.clear();
    this.#functions.set(source, made);
    return made;
  }

  push(values: object): void {
    for (const [name, value] of Object.entries(values)) {
      define(name, value);
    }
  }

  /**
   * The values of those names; a name that is not there throws ReferenceError. A path such as `a.b` looks
   * inside.
   */
  pull(names: readonly string[]): unknown[] {
    return names.map((name) => {
      const [first = '', ...rest] = name.split('.');
      if (!(first in globalThis)) throw new ReferenceError(`${first} is not defined`);
      return rest.reduce<unknown>(
        (value, key) => (value as Record<string, unknown>)[key],
        (globalThis as Record<string, unknown>)[first],
      );
    });
  }

  /** Forgets everything that users have put there. */
  clear(): void {
    for (const name of Object.getOwnPropertyNames(globalThis)) {
      if (this.#initial.has(name)) continue;
      if (!Reflect.deleteProperty(globalThis, name)) Reflect.set(globalThis, name, undefined);
    }
    this.#functions.clear();
  }
}

/** Makes a global that may go again. */
function define(name: string, value?: unknown): void {
  Object.defineProperty(globalThis, name, { value, writable: true, enumerable: true, configurable: true });
}

/** Globals of Node such as `crypto` have only a getter, and a constant of that name has to be one. */
function isAccessor(name: string): boolean {
  const property = Object.getOwnPropertyDescriptor(globalThis, name);
  return property?.get !== undefined && property.configurable === true;
}

/**
 * An absolute file name makes `import()` resolve from the working folder and gives stacks a place to point
 * to.
 */
function compile(source: string, fileName: string, offset: number): vm.Script {
  return new vm.Script(source, {
    filename: fileName.startsWith('/') ? fileName : join(workFolder(), fileName),
    columnOffset: -offset,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
}

/** Where relative names begin; the root where the working folder was removed. */
function workFolder(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

function compileFunction(source: string): AnyFunction {
  try {
    return compile(`(${source}\n)`, 'apply', 1).runInThisContext() as AnyFunction;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // A method's source (`f(x) { … }`) is no expression by itself, but is inside an object.
    const holder = compile(`({${source}\n})`, 'apply', 2).runInThisContext() as Record<string, AnyFunction>;
    return Object.values(holder)[0] as AnyFunction;
  }
}
