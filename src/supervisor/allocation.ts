import { partsOf, shareOf } from '../base/layout.js';
import type { AllocationContent } from '../protocol/messages.js';

/** What a batch job has given to this node, in neutral words that the job's script wrote down. */
export interface Allocation extends AllocationContent {
  /** How many engines this node starts, and how many are on the nodes before it. */
  count: number;
  before: number;
  cpusPerTask: number;
  /** How many nodes the job has; an element of an array has one. */
  nodes: number;
  /** How many elements the array has that this is one of; 1 for a job by itself. */
  elements: number;
}

/**
 * Reads the variables of a job's script; undefined where there is no job. Throws USAGE for a layout that
 * cannot be read.
 */
export function readAllocation(env: NodeJS.ProcessEnv): Allocation | undefined {
  const job = env['IPCLUSTER_JOB'];
  if (!job) return undefined;
  const node = Number(env['IPCLUSTER_NODE_INDEX'] ?? 0);
  const total = Number(env['IPCLUSTER_COUNT'] ?? 1);
  const layout = env['IPCLUSTER_LAYOUT'] ?? '1';
  const seconds = Number(env['IPCLUSTER_DEADLINE'] || Number.NaN);
  return {
    ...shareOf(layout, node, total),
    job,
    node,
    element: env['IPCLUSTER_ELEMENT'] || null,
    incarnation: Number(env['IPCLUSTER_INCARNATION'] ?? 0),
    deadline: Number.isFinite(seconds) ? seconds * 1000 : null,
    nodes: env['IPCLUSTER_ELEMENT'] ? 1 : partsOf(layout),
    elements: env['IPCLUSTER_ELEMENT'] ? partsOf(layout) : 1,
    cpusPerTask: Number(env['IPCLUSTER_CPUS_EACH'] || 0),
  };
}
