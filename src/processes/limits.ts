import { statSync } from 'node:fs';
import { listPids, readText } from './table.js';

/** What this process may use; undefined where there is no limit or none can be read. */
export interface Limits {
  /** Open files of one process (`ulimit -n`). */
  files: number | undefined;
  /** Processes and threads of this user (`ulimit -u`), and how many there are. */
  processes: number | undefined;
  processesNow: number;
  /** Address space of one process in bytes (`ulimit -v`). */
  addressSpace: number | undefined;
  /** Bytes of memory that this process's group may use, and uses (cgroup). */
  memory: number | undefined;
  memoryNow: number;
}

/** Address space that a Node process with one worker needs (bytes; site-realities, "Limits"). */
export const nodeAddressSpace = 1.5e9;

/** Reads the limits of this process (Linux; elsewhere nothing is known). */
export function readLimits(): Limits {
  const text = readText('/proc/self/limits');
  const soft = (name: string): number | undefined => {
    const value = Number(new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(text)?.[1]);
    return Number.isFinite(value) ? value : undefined;
  };
  const memory = Number(
    readText('/sys/fs/cgroup/memory.max') ||
      readText('/sys/fs/cgroup/memory/memory.limit_in_bytes') ||
      Number.NaN,
  );
  const processes = soft('Max processes');
  return {
    files: soft('Max open files'),
    processes,
    // Root is not bound by this limit, and counting costs time.
    processesNow: processes === undefined || process.getuid?.() === 0 ? 0 : countThreads(),
    addressSpace: soft('Max address space'),
    // Version 1 says "no limit" with a number that no machine has.
    memory: Number.isFinite(memory) && memory < 2 ** 60 ? memory : undefined,
    memoryNow: Number(readText('/sys/fs/cgroup/memory.current') || 0),
  };
}

function countThreads(): number {
  const own = process.getuid?.();
  let count = 0;
  for (const name of listPids()) {
    try {
      if (statSync(`/proc/${name}`).uid !== own) continue;
      count += Number(/^Threads:\s+(\d+)/m.exec(readText(`/proc/${name}/status`))?.[1] ?? 1);
    } catch {
      // It has ended meanwhile.
    }
  }
  return count;
}
