import { IpclusterError } from '../base/errors.js';

/** A function as it travels: its source, or where the engine finds it. */
export type FunctionReference = { source: string } | { module: string; export: string };

/** What callers may pass as a function: one of theirs, or the name of one that the engines can import. */
export type Callable = ((...args: never[]) => unknown) | { module: string; export?: string };

/**
 * Describes a function so that it can travel. Its source travels, not what it closes over: pass that as
 * arguments, or push it. Throws FUNCTION_SOURCE for native and bound functions, which have none.
 */
export function describeFunction(callable: Callable): FunctionReference {
  if (typeof callable !== 'function')
    return { module: callable.module, export: callable.export ?? 'default' };
  const source = Function.prototype.toString.call(callable);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) {
    throw new IpclusterError(
      'FUNCTION_SOURCE',
      `The function ${callable.name || '(unnamed)'} has no source to send.`,
    );
  }
  return { source };
}
