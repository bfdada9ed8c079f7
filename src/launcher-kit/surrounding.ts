import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The system whose allocation this process is in, by the variables that it sets (scheduler-facts 0); undefined outside of any, and in
 * a job of our own, which is spread already.
 */
export function surroundingSystem(env: NodeJS.ProcessEnv): string | undefined {
  if (env['IPCLUSTER_JOB']) return undefined;
  if (env['SLURM_JOB_ID']) return 'slurm';
  if (env['PBS_JOBID']) return 'pbs';
  if (env['LSB_JOBID']) return 'lsf';
  return env['JOB_ID'] && (env['SGE_ROOT'] ?? env['PE_HOSTFILE']) ? 'sge' : undefined;
}

/** How many engines suit the allocation that this process is in: its tasks or slots; undefined where it does not say. */
export function surroundingSlots(env: NodeJS.ProcessEnv): number | undefined {
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  // `72(x2),36`, as Slurm writes processors for each node (sbatch(1)).
  const perNode = [...(env['SLURM_JOB_CPUS_PER_NODE'] ?? '').matchAll(/(\d+)(?:\(x(\d+)\))?/g)];
  const system = surroundingSystem(env);
  const slots: Record<string, () => number> = {
    slurm: () => Number(env['SLURM_NTASKS'] ?? sum(perNode.map(([, size, times = '1']) => Number(size) * Number(times)))),
    pbs: () =>
      readFileSync(env['PBS_NODEFILE'] ?? '/dev/null', 'utf8')
        .trim()
        .split('\n')
        .filter(Boolean).length,
    sge: () => Number(env['NSLOTS'] ?? 0),
    // `host1 4 host2 8`
    lsf: () => sum((env['LSB_MCPU_HOSTS'] ?? '').split(' ').flatMap((word, index) => (index % 2 === 1 ? Number(word) : []))),
  };
  const count = system === undefined ? 0 : (slots[system]?.() ?? 0);
  return Number.isInteger(count) && count > 0 ? count : undefined;
}

/** True where a batch system's commands are at hand: then this is a login node, which is others' too. */
export function hasScheduler(env: NodeJS.ProcessEnv): boolean {
  const folders = (env['PATH'] ?? '').split(':').filter(Boolean);
  return ['sbatch', 'qsub', 'bsub'].some((command) => folders.some((folder) => existsSync(join(folder, command))));
}
