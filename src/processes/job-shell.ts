import { identify, inspectProcess, type ProcessIdentity, readText } from './table.js';

/**
 * What starts the shell or script of a job, by the names of their files: Slurm, Grid Engine, PBS and TORQUE,
 * LSF.
 */
const starters = new Set(['slurmstepd', 'salloc', 'sge_shepherd', 'pbs_mom', 'res']);

/**
 * The script of the batch job around a program, or the shell of the allocation: the outermost of its
 * ancestors that is the user's own. Its end is the end of the job. undefined where there is none, and for a
 * program that is that process itself.
 */
export function findJobShell(of = process.pid): ProcessIdentity | undefined {
  for (let pid = of, parent = parentOf(pid); parent > 1; pid = parent, parent = parentOf(pid))
    if (starters.has(readText(`/proc/${parent}/comm`).trim())) return pid === of ? undefined : identify(pid);
  return undefined;
}

const parentOf = (pid: number): number => inspectProcess(pid)?.parent ?? 0;
