import type { Engine } from './engine.js';

/** Chooses one of the engines that may take a task; there is at least one. */
export type Policy = (candidates: readonly Engine[]) => Engine;

/** The engine with the fewest requests; among equals the one that has been without an answer for longest. */
export const leastLoad: Policy = (candidates) =>
  candidates.reduce((best, engine) => {
    const less = engine.assigned.length - best.assigned.length;
    return less < 0 || (less === 0 && engine.lastReply < best.lastReply) ? engine : best;
  });
