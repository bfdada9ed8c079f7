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
