import { readdirSync, readFileSync } from 'node:fs';

/** A process by what does not change while it lives: a pid alone may be somebody else's tomorrow. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks from boot to its start; null where the system does not say (no /proc). */
  startTime: number | null;
}

/** One living process as the kernel shows it. */
export interface ProcessInfo extends ProcessIdentity {
  parent: number;
  group: number;
  /** True while it is stopped by a signal or a debugger. */
  stopped: boolean;
  /** Resident bytes. */
  memory: number;
  command: string;
}

const pageSize = 4096;

/** A file of /proc or /sys; empty text where there is none. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Looks at one process; undefined when there is none, or it is a zombie (ended, only not yet reaped). */
export function inspectProcess(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in brackets may hold spaces and brackets itself; fields are counted from after it (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return {
      pid,
      parent: Number(fields[1]),
      group: Number(fields[2]),
      stopped: fields[0] === 'T' || fields[0] === 't',
      startTime: Number(fields[19]),
      memory: Number(fields[21]) * pageSize,
      command,
    };
  } catch {
    return undefined;
  }
}

/** The identity of a living process; undefined when there is none. */
export function identify(pid: number): ProcessIdentity | undefined {
  const info = inspectProcess(pid);
  if (info) return { pid, startTime: info.startTime };
  return process.platform !== 'linux' && signalPid(pid, 0) ? { pid, startTime: null } : undefined;
}

/** True while that very process lives: same pid and same start time. */
export function isAlive(identity: ProcessIdentity): boolean {
  const present = identify(identity.pid);
  return present !== undefined && (identity.startTime === null || present.startTime === identity.startTime);
}

/** Sends a signal to a process, or to a group when the number is negative; false when nobody is there. */
export function signalPid(pid: number, signal: NodeJS.Signals | number): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** The variable by which everything that we started can be found, whatever it did to its group or parent. */
export const markVariable = 'IPCLUSTER_MARK';

/** All living processes of ours whose environment carries a mark that `accepts` takes. */
export function findMarked(accepts: (mark: string) => boolean): (ProcessInfo & { mark: string })[] {
  const found: (ProcessInfo & { mark: string })[] = [];
  for (const name of listPids()) {
    const mark = markOf(name);
    if (mark === undefined || !accepts(mark)) continue;
    const info = inspectProcess(Number(name));
    if (info) found.push({ ...info, mark });
  }
  return found;
}

/**
 * True for the mark of a job and for all that are made from it: `job.node` for its nodes, `job/run` for what
 * runs there.
 */
export const isWithin = (found: string, mark: string): boolean =>
  found === mark || found.startsWith(`${mark}/`) || found.startsWith(`${mark}.`);

/** Names of all processes in /proc; none where there is no /proc. */
export function listPids(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** Other users' environments cannot be read, so they can never be found here, let alone be signalled. */
function markOf(pid: string): string | undefined {
  try {
    const start = `${markVariable}=`;
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return environment.findLast((entry) => entry.startsWith(start))?.slice(start.length);
  } catch {
    return undefined;
  }
}
