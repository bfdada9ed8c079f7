import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The system whose allocation this process is in, by the variables that it sets (scheduler-facts 0);
 * undefined outside of any, and in a job of our own, which is spread already.
 */
export function surroundingSystem(env: NodeJS.ProcessEnv): string | undefined {
  if (env['IPCLUSTER_JOB']) return undefined;
  if (env['SLURM_JOB_ID']) return 'slurm';
  if (env['PBS_JOBID']) return 'pbs';
  if (env['LSB_JOBID']) return 'lsf';
  return env['JOB_ID'] && (env['SGE_ROOT'] ?? env['PE_HOSTFILE']) ? 'sge' : undefined;
}

/**
 * How many engines suit the allocation that this process is in: its tasks or slots; undefined where it does
 * not say.
 */
export function surroundingSlots(env: NodeJS.ProcessEnv): number | undefined {
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  // `72(x2),36`, as Slurm writes processors for each node (sbatch(1)).
  const perNode = [...(env['SLURM_JOB_CPUS_PER_NODE'] ?? '').matchAll(/(\d+)(?:\(x(\d+)\))?/g)];
  const system = surroundingSystem(env);
  const slots: Record<string, () => number> = {
    slurm: () =>
      Number(
        env['SLURM_NTASKS'] ?? sum(perNode.map(([, size, times = '1']) => Number(size) * Number(times))),
      ),
    pbs: () =>
      readFileSync(env['PBS_NODEFILE'] ?? '/dev/null', 'utf8')
        .trim()
        .split('\n')
        .filter(Boolean).length,
    sge: () => Number(env['NSLOTS'] ?? 0),
    // `host1 4 host2 8`
    lsf: () =>
      sum(
        (env['LSB_MCPU_HOSTS'] ?? '')
          .split(' ')
          .flatMap((word, index) => (index % 2 === 1 ? Number(word) : [])),
      ),
  };
  const count = system === undefined ? 0 : (slots[system]?.() ?? 0);
  return Number.isInteger(count) && count > 0 ? count : undefined;
}

/**
 * On how many nodes the allocation lies that this process is in; undefined where it does not say, or where
 * there is none.
 */
export function surroundingNodes(env: NodeJS.ProcessEnv): number | undefined {
  const hostsIn = (path: string | undefined): number =>
    new Set(
      readIfThere(path)
        .split('\n')
        .flatMap((line) => /^\S+/.exec(line)?.[0] ?? []),
    ).size;
  const nodes: Record<string, () => number> = {
    slurm: () => Number(env['SLURM_JOB_NUM_NODES'] ?? env['SLURM_NNODES'] ?? 0),
    pbs: () => hostsIn(env['PBS_NODEFILE']),
    sge: () => hostsIn(env['PE_HOSTFILE']),
    lsf: () => (env['LSB_MCPU_HOSTS'] ?? '').split(' ').filter(Boolean).length / 2,
  };
  const count = nodes[surroundingSystem(env) ?? '']?.() ?? 0;
  return Number.isInteger(count) && count > 0 ? count : undefined;
}

/**
 * Where engines of the allocation may be on other nodes, the controller listens on this one's private
 * addresses.
 */
export function usualAddress(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  return surroundingSystem(env) !== undefined && surroundingNodes(env) !== 1 ? { ip: 'private' } : {};
}

function readIfThere(path: string | undefined): string {
  try {
    return readFileSync(path ?? '/dev/null', 'utf8');
  } catch {
    // What cannot be read says nothing: the number of nodes is not known then.
    return '';
  }
}

/** True where a batch system's commands are at hand: then this is a login node, which is others' too. */
export function hasScheduler(env: NodeJS.ProcessEnv): boolean {
  return ['sbatch', 'qsub', 'bsub'].some((command) => isOnPath(command, env));
}

/** True where a program of that name is in one of the folders of PATH. */
export const isOnPath = (program: string, env: NodeJS.ProcessEnv): boolean =>
  (env['PATH'] ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, program)));
