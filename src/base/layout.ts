import { IpclusterError } from './errors.js';

/* How the engines of a job lie on its nodes, as the job's script says it: `16(x3),2`. */

/**
 * How many of `total` engines node number `node` (from 0) has, and how many are on the nodes before it.
 * Throws USAGE for a layout that cannot be read.
 */
export function shareOf(text: string, node: number, total: number): { count: number; before: number } {
  const layout = makeRoom(expandLayout(text), total);
  const before = layout.slice(0, node).reduce((sum, size) => sum + size, 0);
  return { before, count: Math.max(0, Math.min(layout[node] ?? 1, total - before)) };
}

/** Of how many nodes, or elements of an array, a layout speaks. Throws USAGE for one that cannot be read. */
export const partsOf = (text: string): number => expandLayout(text).length;

/** More engines than places are spread evenly: an allocation that somebody has may be used as he likes. */
function makeRoom(layout: readonly number[], total: number): readonly number[] {
  const places = layout.reduce((sum, size) => sum + size, 0);
  return places >= total ? layout : layout.map(() => Math.ceil(total / layout.length));
}

/** Expands `16(x3),2` to engines for each node, as Slurm writes SLURM_TASKS_PER_NODE (sbatch(1)). */
function expandLayout(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, size, times = '1'] = /^(\d+)(?:\(x(\d+)\))?$/.exec(part.trim()) ?? [];
    if (size === undefined)
      throw new IpclusterError('USAGE', `IPCLUSTER_LAYOUT is "${text}", but must be like 16(x3),2.`);
    return Array.from({ length: Number(times) }, () => Number(size));
  });
}
