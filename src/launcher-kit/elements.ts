import { partsOf, shareOf } from '../base/layout.js';
import type { Job } from './contract.js';
import { readLayout } from './node-ends.js';
import { isFinal, type JobStatus, waits } from './states.js';

/** Engines of an array by how its elements are. */
export interface ArrayEngines {
  /** Of elements that have not begun. */
  waiting: number;
  /** Of elements that have ended, or were taken from the queue: they do not come any more. */
  ended: number;
  /** The elements that have ended, by their names; those that the scheduler does not list have none. */
  names: string[];
}

/**
 * How many of the `count` engines of an array wait and have ended; at most so many where its elements differ
 * in size. None for a job that starts as a whole, and none as long as no element has begun.
 */
export async function countArray(
  { ref, status }: Pick<Job, 'ref' | 'status'>,
  count: number,
): Promise<ArrayEngines> {
  const members = Object.entries(status.members ?? {});
  const layout = await readLayout(ref.jobDir);
  if (layout === undefined || (members.length === 0 && partsOf(layout) < 2))
    return { waiting: 0, ended: 0, names: [] };
  const share = shareOf(layout, 0, count).count;
  const open = members.filter(([, state]) => !isFinal(state));
  const final = members.filter(([, state]) => isFinal(state));
  // What was taken from the queue before it began is listed in one line, or no more. Of several arrays, one
  // may be missing for other reasons.
  const ended = ref.ids.length === 1 && members.length > 0 ? partsOf(layout) - open.length : final.length;
  return {
    waiting: open.filter(([, state]) => waits(state)).length * share,
    ended: Math.max(0, ended) * share,
    names: final.map(([name]) => name),
  };
}

/** True where some elements of an array have begun and others wait. */
export const isPartial = ({ state, members = {} }: JobStatus): boolean =>
  !waits(state) && Object.values(members).some(waits);
