import { IpclusterError } from '../base/errors.js';
import type { AllocationContent } from '../protocol/messages.js';

/** What a batch job has given to this node, in neutral words that the job's script wrote down. */
export interface Allocation extends AllocationContent {
  /** How many engines this node starts, and how many are on the nodes before it. */
  count: number;
  before: number;
  cpusPerTask: number;
  /** How many elements the array has that this is one of; 1 for a job by itself. */
  elements: number;
}

/** Reads the variables of a job's script; undefined where there is no job. Throws USAGE for a layout that cannot be read. */
export function readAllocation(env: NodeJS.ProcessEnv): Allocation | undefined {
  const job = env['IPCLUSTER_JOB'];
  if (!job) return undefined;
  const node = Number(env['IPCLUSTER_NODE_INDEX'] ?? 0);
  const total = Number(env['IPCLUSTER_COUNT'] ?? 1);
  const layout = makeRoom(expandLayout(env['IPCLUSTER_LAYOUT'] ?? '1'), total);
  const before = layout.slice(0, node).reduce((sum, size) => sum + size, 0);
  const seconds = Number(env['IPCLUSTER_DEADLINE'] || Number.NaN);
  return {
    ...{ job, node, before, element: env['IPCLUSTER_ELEMENT'] || null, incarnation: Number(env['IPCLUSTER_INCARNATION'] ?? 0) },
    count: Math.max(0, Math.min(layout[node] ?? 1, total - before)),
    deadline: Number.isFinite(seconds) ? seconds * 1000 : null,
    elements: env['IPCLUSTER_ELEMENT'] ? layout.length : 1,
    cpusPerTask: Number(env['IPCLUSTER_CPUS_EACH'] || 0),
  };
}

/** More engines than places are spread evenly: an allocation that somebody has may be used as he likes. */
function makeRoom(layout: readonly number[], total: number): readonly number[] {
  const places = layout.reduce((sum, size) => sum + size, 0);
  return places >= total ? layout : layout.map(() => Math.ceil(total / layout.length));
}

/** Expands `16(x3),2` to engines for each node, as Slurm writes SLURM_TASKS_PER_NODE (sbatch(1)). */
function expandLayout(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, size, times = '1'] = /^(\d+)(?:\(x(\d+)\))?$/.exec(part.trim()) ?? [];
    if (size === undefined) throw new IpclusterError('USAGE', `IPCLUSTER_LAYOUT is "${text}", but must be like 16(x3),2.`);
    return Array.from({ length: Number(times) }, () => Number(size));
  });
}
