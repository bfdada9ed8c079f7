// Chance that can be had again: the same seed gives the same numbers.

/** A generator of numbers below 1 (mulberry32). */
function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Ways to draw from such a generator. */
export function chance(seed) {
  const next = seeded(seed);
  const between = (low, high) => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between,
    pick: (list) => list[Math.floor(next() * list.length)],
    odds: (probability) => next() < probability,
    /** A key of an object whose values are weights. */
    weighted(weights) {
      let rest = next() * Object.values(weights).reduce((sum, weight) => sum + weight, 0);
      for (const key of Object.keys(weights)) {
        rest -= weights[key];
        if (rest < 0) return key;
      }
      return Object.keys(weights)[0];
    },
  };
}
