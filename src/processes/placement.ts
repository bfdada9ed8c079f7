import { allowedProcessors } from './cores.js';

/** What of a node belongs to one engine. */
export interface Placement {
  /** Processors as the kernel lists them, such as `0-3`; undefined where it is not bound. */
  cpus: string | undefined;
  /** Devices, such as `0,1`; undefined where there are none. */
  gpus: string | undefined;
  threads: number;
}

/** Where the engines of a node are. */
export interface NodeShare {
  count: number;
  /** Processors that each was asked for. */
  cpusPerTask: number;
  /**
   * How many nodes the job has: what systems say of a whole job is said of one node only where it has no
   * other.
   */
  nodes: number;
  /** Processors that this process may use; those of the machine, where its system binds nothing. */
  allowed?: Iterable<number>;
}

/**
 * Shares a node's processors and devices among its engines: whole ones, neighbours together. Engines are not
 * bound where there are fewer processors than engines, or where the system has not bound their job to what it
 * was given: another job on the host would be bound to the same.
 */
export function placeEngines({ allowed, ...share }: NodeShare, env: NodeJS.ProcessEnv): Placement[] {
  const { count, cpusPerTask } = share;
  const all = [...(allowed ?? allowedProcessors() ?? [])].sort((a, b) => a - b);
  const given = processorsGiven(share, env);
  const isBound = all.length <= given;
  const cpus = isBound ? all : [];
  const gpus = (env['CUDA_VISIBLE_DEVICES'] ?? env['ROCR_VISIBLE_DEVICES'] ?? '')
    .split(',')
    .filter((device) => device !== '');
  const each = Math.floor(cpus.length / count);
  return Array.from({ length: count }, (_unused, index) => {
    const own = each >= 1 ? cpus.slice(index * each, (index + 1) * each) : [];
    const share = Math.floor(gpus.length / count);
    const devices =
      share >= 1
        ? gpus.slice(index * share, (index + 1) * share)
        : gpus.slice(index % gpus.length, (index % gpus.length) + 1);
    return {
      cpus: own.length > 0 ? formatList(own) : undefined,
      gpus: devices.length > 0 ? devices.join(',') : undefined,
      threads: Math.max(1, own.length || (isBound ? cpusPerTask : Math.floor(given / count))),
    };
  });
}

/**
 * How many processors of this node the job has: what its engines were asked for, or more where its system
 * says so. Slurm says it for the node, Torque too; PBS says what the chunk has; Grid Engine and LSF say what
 * the whole job has.
 */
function processorsGiven({ count, cpusPerTask, nodes }: NodeShare, env: NodeJS.ProcessEnv): number {
  const own = count * cpusPerTask;
  // Each rank is one of several on its node, for which the numbers are meant.
  if (env['IPCLUSTER_RANK']) return Math.max(own, numberIn(env, 'SLURM_CPUS_PER_TASK'));
  const onNode = ['SLURM_CPUS_ON_NODE', 'PBS_NUM_PPN', 'NCPUS'].map((name) => numberIn(env, name));
  const inJob = nodes > 1 ? [] : ['NSLOTS', 'LSB_DJOB_NUMPROC'].map((name) => numberIn(env, name));
  return Math.max(own, count * numberIn(env, 'SLURM_CPUS_PER_TASK'), ...onNode, ...inJob);
}

const numberIn = (env: NodeJS.ProcessEnv, name: string): number =>
  Number(/^\d{1,6}$/.exec(env[name] ?? '')?.[0] ?? 0);

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
 * The command words and variables that put a program in its place. How many threads it uses is its share of
 * the node, unless `given` (the environment that it would have) says it: a user has his reasons.
 */
export function placementOf(
  placement: Placement | undefined,
  given: NodeJS.ProcessEnv,
): { prefix: string[]; env: Record<string, string> } {
  if (!placement) return { prefix: [], env: {} };
  const { cpus, gpus, threads } = placement;
  const env: Record<string, string> = {};
  for (const name of ['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'])
    env[name] = (isOfPbs(name, given) ? '' : given[name]) || String(threads);
  if (gpus !== undefined)
    for (const name of ['CUDA_VISIBLE_DEVICES', 'ROCR_VISIBLE_DEVICES']) env[name] = gpus;
  return { prefix: cpus === undefined ? [] : ['taskset', '-c', cpus], env };
}

/**
 * PBS sets both to the processors of a chunk, which several engines share (qsub(1B), "ompthreads"): that is
 * no user's word.
 */
const isOfPbs = (name: string, { PBS_JOBID, NCPUS, OMP_NUM_THREADS }: NodeJS.ProcessEnv): boolean =>
  name === 'OMP_NUM_THREADS' && Boolean(PBS_JOBID) && NCPUS !== undefined && NCPUS === OMP_NUM_THREADS;
