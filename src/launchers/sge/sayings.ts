import type { Sayings } from '../../launcher-kit/sayings.js';

/** What options of qsub say of our settings. */
export const sayings: Sayings = {
  partition: /^-(q|masterq) /,
  account: /^-[AP] /,
  time: /^-l .*\b[hs]_(rt|cpu)\b/,
  mem: /^-l .*\b(\w+_)?(vmem|vf|free|rss|data)\b/,
  n: /^-pe /,
};
