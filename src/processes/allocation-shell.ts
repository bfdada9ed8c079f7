import { readFileSync } from 'node:fs';
import { inspectProcess } from './table.js';

/** What starts the shell of an allocation, where it runs as the user himself and is no daemon of another one. */
const starters = /(^|\/)(salloc|srun|slurmstepd|pbs_mom|qsub|qlogin|qrsh|sge_shepherd|bsub|res)(:|\s|$)/;

/**
 * The pid of the process that an allocation was made for: its script, or the shell that it gave. It is the outermost ancestor with that variable,
 * and was started by the batch system; one that a user's own shell has started is no sign of anything. Undefined where there is none.
 */
export function allocationShell(variable: string, value: string, of = process.pid): number | undefined {
  let found: number | undefined;
  for (let pid = inspectProcess(of)?.parent ?? 0; pid > 1; pid = inspectProcess(pid)?.parent ?? 0) {
    const environment = environmentOf(pid);
    if (environment?.includes(`${variable}=${value}`)) found = pid;
    else {
      const isSystem = environment === undefined || starters.test(inspectProcess(pid)?.command ?? '');
      return found !== undefined && isSystem ? found : undefined;
    }
  }
  return found;
}

/** The variables of a process as it was started with; undefined for one of somebody else. */
function environmentOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return undefined;
  }
}
