import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Variables that say which rank or step a process is: a task that inherits them takes itself for its engine
 * (site-realities).
 */
const rankVariables =
  /^(OMPI_|PMIX_|PMI_|PRTE_|HYDRA_|HYDI_|MPI_LOCALN?RANK|MPI_LOCALRANKID|MPIEXEC_|I_MPI_HYDRA|SLURM_(STEP|PROCID$|LOCALID$|NODEID$|TASK_PID$|GTIDS$|CPU_BIND|SRUN_|LAUNCH_NODE)|SLURMD_NODENAME$)/;

/**
 * An environment for user code: without the engine's own rank and step; inside a Slurm job a step of its own
 * may overlap.
 */
export function taskEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !rankVariables.test(name)));
  return kept['SLURM_JOB_ID'] === undefined ? kept : { ...kept, SLURM_OVERLAP: '1' };
}

/**
 * Who dies first when memory runs out: tasks, then engines, then what looks after them (proc(5),
 * oom_score_adj).
 */
export const oomScores = { engine: 300, task: 600 };

/** Raises a process's chance to be the one that is killed for memory; lowering it would need privileges. */
export function setOomScore(pid: number | 'self', score: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(score));
  } catch {
    // No /proc, or the process is gone, or it has a higher one: then it may die first all the same.
  }
}

/**
 * Has what `start` starts begin with that chance: set from outside it could come after its first children.
 */
export function withOomScore<T>(score: number, start: () => T): T {
  const own = ownOomScore();
  if (own === undefined || own >= score) return start();
  setOomScore('self', score);
  try {
    return start();
  } finally {
    // Everybody may go back to what was there before (proc(5)).
    setOomScore('self', own);
  }
}

function ownOomScore(): number | undefined {
  try {
    return Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
  } catch {
    return undefined;
  }
}
