import { types } from 'node:util';

/** How V8's structured clone writes an object without properties: begin, end, and that there were none. */
const emptyObject = Buffer.from('o{\0', 'latin1');

/**
 * The name of an object in a value that would arrive as {} without a word: what it is lies where no copy
 * reaches, as with a URL, Headers or a Blob. Undefined where there is none; `structure` is what V8 made of
 * the value, which says at once that there is none.
 */
export function hollowIn(value: unknown, structure: Buffer): string | undefined {
  if (!structure.includes(emptyObject)) return undefined;
  const seen = new Set<object>();
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    if (types.isMap(next)) for (const pair of next) waiting.push(...pair);
    else if (types.isSet(next)) for (const member of next) waiting.push(member);
    else if (!isLeaf(next)) {
      const own = Object.keys(next);
      const tag = Object.prototype.toString.call(next).slice('[object '.length, -1);
      if (own.length === 0 && !usualTags.has(tag)) return tag;
      // Getters have been asked once, and are not asked again.
      for (const key of own) waiting.push(Object.getOwnPropertyDescriptor(next, key)?.value);
    }
  }
  return undefined;
}

const usualTags = new Set(['Object', 'Array', 'Arguments', 'Module']);

/** What V8 writes whole although it has no properties. */
const isLeaf = (value: object): boolean =>
  types.isDate(value) ||
  types.isRegExp(value) ||
  types.isBoxedPrimitive(value) ||
  types.isNativeError(value) ||
  types.isAnyArrayBuffer(value) ||
  types.isArrayBufferView(value);
