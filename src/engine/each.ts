import type { ErrorContent } from '../protocol/messages.js';
import { settled } from './user-side.js';

/** What came of one item. */
type End = { value: unknown } | { error: unknown };

/**
 * Calls a function of user code for each item; each item has its own end. Nothing here asks the array's
 * methods: user code may have replaced them.
 */
export function applyEach(
  apply: (item: unknown) => unknown,
  items: readonly unknown[],
): End[] | Promise<End[]> {
  const ends: End[] = [];
  const promises: { index: number; value: PromiseLike<unknown> }[] = [];
  for (let index = 0; index < items.length; index++) {
    try {
      const value = apply(items[index]);
      if (isThenable(value)) promises[promises.length] = { index, value };
      else ends[index] = { value };
    } catch (error) {
      ends[index] = { error };
    }
  }
  if (promises.length === 0) return ends;
  return new Promise((resolve) => {
    let left = promises.length;
    const end = (index: number, one: End): void => {
      ends[index] = one;
      left -= 1;
      if (left === 0) resolve(ends);
    };
    for (let at = 0; at < promises.length; at++) {
      const { index, value } = promises[at] as (typeof promises)[number];
      const fulfilled = (result: unknown): void => end(index, { value: result });
      void settled(value, fulfilled, (error) => end(index, { error }));
    }
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/**
 * The answer to a call for each item: all values, or the first error with all that failed by place, and the
 * values of the others.
 */
export function answerEach(
  ends: readonly End[],
  encode: (value: unknown) => Buffer[],
  describe: (error: unknown) => ErrorContent,
): { content: ErrorContent | { status: 'ok' }; buffers: Buffer[] } {
  const failures: [number, ErrorContent][] = [];
  const values: unknown[] = [];
  const note = (index: number, error: unknown): void => {
    failures[failures.length] = [index, describe(error)];
    values[index] = undefined;
  };
  for (let index = 0; index < ends.length; index++) {
    const end = ends[index] as End;
    if ('error' in end) note(index, end.error);
    else values[index] = end.value;
  }
  let buffers: Buffer[];
  try {
    buffers = encode(values);
  } catch {
    // Some of them cannot travel: those alone have failed.
    for (let index = 0; index < values.length; index++) {
      try {
        encode(values[index]);
      } catch (error) {
        note(index, error);
      }
    }
    buffers = encode(values);
  }
  const first = failures[0];
  return { content: first ? { ...first[1], failures } : { status: 'ok' }, buffers };
}
