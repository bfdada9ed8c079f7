/** A host that engines are spread over. */
export interface Place {
  /** Engines that it takes by what its user says, else its cores; undefined where nobody knows. */
  size: number | undefined;
}

/**
 * Spreads engines over hosts by their sizes, in whole ones; what is left over goes to those who come short
 * most. A host of which nothing is known counts as a middling one: its share is not put on the others, who
 * have not been asked for more.
 */
export function spreadEngines(count: number, places: readonly Place[]): number[] {
  const known = places.flatMap(({ size }) => size ?? []);
  const middling = known.length > 0 ? known.reduce((a, b) => a + b, 0) / known.length : 1;
  const sizes = places.map(({ size }) => size ?? middling);
  const total = sizes.reduce((a, b) => a + b, 0);
  const exact = sizes.map((size) => (count * size) / total);
  const shares = exact.map(Math.floor);
  const left = count - shares.reduce((a, b) => a + b, 0);
  const byNeed = exact
    .map((share, index) => ({ index, rest: share - Math.floor(share) }))
    .sort((a, b) => b.rest - a.rest || a.index - b.index);
  for (const { index } of byNeed.slice(0, left)) shares[index] = (shares[index] ?? 0) + 1;
  return shares;
}
