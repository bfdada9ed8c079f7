import { allowedProcessors } from './cores.js';

/** What of a node belongs to one engine. */
export interface Placement {
  /** Processors as the kernel lists them, such as `0-3`; undefined where it is not bound. */
  cpus: string | undefined;
  /** Devices, such as `0,1`; undefined where there are none. */
  gpus: string | undefined;
  threads: number;
}

/**
 * Shares a node's processors and devices among its engines: whole ones, neighbours together. Engines are not bound where there are
 * fewer processors than engines.
 */
export function placeEngines(count: number, cpusPerTask: number, env: NodeJS.ProcessEnv): Placement[] {
  const cpus = [...(allowedProcessors() ?? [])].sort((a, b) => a - b);
  const gpus = (env['CUDA_VISIBLE_DEVICES'] ?? env['ROCR_VISIBLE_DEVICES'] ?? '').split(',').filter((device) => device !== '');
  const each = Math.floor(cpus.length / count);
  return Array.from({ length: count }, (_unused, index) => {
    const own = each >= 1 ? cpus.slice(index * each, (index + 1) * each) : [];
    const share = Math.floor(gpus.length / count);
    const devices =
      share >= 1 ? gpus.slice(index * share, (index + 1) * share) : gpus.slice(index % gpus.length, (index % gpus.length) + 1);
    return {
      cpus: own.length > 0 ? formatList(own) : undefined,
      gpus: devices.length > 0 ? devices.join(',') : undefined,
      threads: Math.max(1, own.length > 0 ? own.length : cpusPerTask),
    };
  });
}

/** The kernel's short form of a list: `0-3,8`. */
function formatList(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/**
 * The command words and variables that put a program in its place. How many threads it uses is its share of the node, unless `given`
 * (the environment that it would have) says it: a user has his reasons.
 */
export function placementOf(
  placement: Placement | undefined,
  given: NodeJS.ProcessEnv,
): { prefix: string[]; env: Record<string, string> } {
  if (!placement) return { prefix: [], env: {} };
  const { cpus, gpus, threads } = placement;
  const env: Record<string, string> = {};
  for (const name of ['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS']) env[name] = given[name] || String(threads);
  if (gpus !== undefined) for (const name of ['CUDA_VISIBLE_DEVICES', 'ROCR_VISIBLE_DEVICES']) env[name] = gpus;
  return { prefix: cpus === undefined ? [] : ['taskset', '-c', cpus], env };
}
