/**
 * Which rank of an MPI job this process is: by our own script, or where somebody has started it with mpirun
 * or srun, by what Open MPI, MPICH and Intel, PMIx, and Slurm set (scheduler-facts 8). Undefined outside of
 * any.
 */
export function readRank(env: NodeJS.ProcessEnv): number | undefined {
  const number = (name: string): number | undefined =>
    /^\d+$/.test(env[name] ?? '') ? Number(env[name]) : undefined;
  // A job of ours that was started from inside a rank is none itself.
  if ((env['IPCLUSTER_JOB_DIR'] ?? env['IPCLUSTER_JOB']) !== undefined) return number('IPCLUSTER_RANK');
  // A script that sbatch has started is process 0 of nothing: only a step has ranks.
  const step = /^\d+$/.test(env['SLURM_STEP_ID'] ?? '') ? number('SLURM_PROCID') : undefined;
  return number('OMPI_COMM_WORLD_RANK') ?? number('PMI_RANK') ?? number('PMIX_RANK') ?? step;
}
