import type { BatchView, Directive } from '../../launcher-kit/batch.js';
import { megabytesOf } from '../../launcher-kit/words.js';

/** What one chunk has, for select statements (pbs_resources(7B)). */
function chunk({ request: { resources } }: BatchView, engines: number): string {
  const { cpusPerTask = 1, memory, gpus } = resources;
  const parts = [
    `ncpus=${engines * cpusPerTask}`,
    `mpiprocs=${engines}`,
    memory && `mem=${megabytesOf(memory * engines)}mb`,
    gpus && `ngpus=${gpus * engines}`,
  ];
  return parts.filter(Boolean).join(':');
}

/** Torque's own way: `nodes=N:ppn=P` (qsub(1) of Torque). */
export function torqueResources({ count, layout, request, range }: BatchView): Directive[] {
  const { cpusPerTask = 1, memory, gpus } = request.resources;
  const { parts = count, perPart = 1 } = layout;
  const nodes = request.single || range ? 1 : parts;
  const each = request.single ? 1 : perPart;
  return [
    ['-l nodes', `${nodes}:ppn=${each * cpusPerTask}${gpus ? `:gpus=${gpus * each}` : ''}`],
    ...(memory ? [['-l pmem', `${megabytesOf(memory / cpusPerTask)}mb`] as const] : []),
  ];
}

/** OpenPBS's way: chunks, and how they are placed (pbs_resources(7B)). */
export function selectResources(view: BatchView): Directive[] {
  const { count, layout, request, range } = view;
  const { parts, perPart } = layout;
  if (request.single) return [['-l select', `1:${chunk(view, 1)}`]];
  if (range || parts === 1) return [['-l select', `1:${chunk(view, perPart ?? 1)}`]];
  // One chunk for each engine lies anywhere; whole nodes are asked for only where somebody has said how many
  // (site-realities, "PBS chunks").
  if (parts === undefined || perPart === undefined) return [['-l select', `${count}:${chunk(view, 1)}`]];
  return [
    ['-l select', `${parts}:${chunk(view, perPart)}`],
    ['-l place', 'scatter'],
  ];
}
