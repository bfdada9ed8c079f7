/** What can be split over engines and joined again. */
export type Sequence = readonly unknown[] | Exclude<NodeJS.TypedArray, never>;

/**
 * Splits into so many parts in order; sizes differ by one at most, and parts may be empty. Typed arrays are
 * not copied.
 */
export function splitEvenly<S extends Sequence>(items: S, parts: number): S[] {
  const size = Math.floor(items.length / parts);
  const larger = items.length % parts;
  let start = 0;
  return Array.from({ length: parts }, (_unused, index) => {
    const end = start + size + (index < larger ? 1 : 0);
    const part = ArrayBuffer.isView(items) ? items.subarray(start, end) : items.slice(start, end);
    start = end;
    return part as S;
  });
}

/** Joins parts in order: typed arrays of one kind to one typed array, everything else to an array. */
export function joinParts(parts: readonly Sequence[]): Sequence {
  const [first] = parts;
  if (!first || !ArrayBuffer.isView(first)) return parts.flatMap((part) => [...part]);
  const views = parts as NodeJS.TypedArray[];
  const length = views.reduce((sum, view) => sum + view.length, 0);
  const joined = new (first.constructor as new (length: number) => Uint8Array)(length);
  let offset = 0;
  for (const view of views) {
    joined.set(view as Uint8Array, offset);
    offset += view.length;
  }
  return joined;
}
