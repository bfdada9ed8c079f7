import { IpclusterError } from '../base/errors.js';
import { formatBytes } from '../base/quantities.js';
import { type Limits, nodeAddressSpace, readLimits } from '../processes/limits.js';

/** What an engine and what looks after it need, measured on Node 20 (site-realities, "Limits"). */
const need = {
  /** Threads of one engine, and of controller and supervisor with their helpers. */
  engineThreads: 8,
  otherThreads: 40,
  /** Open files of the supervisor for one engine, and at least. */
  engineFiles: 4,
  otherFiles: 64,
  /** Memory of one engine before it has done anything, and of controller and supervisor. */
  engineMemory: 55e6,
  otherMemory: 200e6,
};

/**
 * Compares what so many engines on this machine need with what this process may use. Throws LIMITS for what
 * cannot work; answers sentences for what is near.
 */
export function checkLimits(count: number, limits: Limits = readLimits()): string[] {
  const { files, processes, processesNow, addressSpace, memory, memoryNow } = limits;
  const fail = (sentence: string): never => {
    throw new IpclusterError('LIMITS', sentence);
  };
  const wantedFiles = need.otherFiles + need.engineFiles * count;
  if (files !== undefined && files < wantedFiles)
    fail(
      `${count} engines need ${wantedFiles} open files in their supervisor, but \`ulimit -n\` is ${files}.`,
    );
  const wantedThreads = need.otherThreads + need.engineThreads * count;
  if (processes !== undefined && processes - processesNow < wantedThreads && process.getuid?.() !== 0) {
    const free = Math.max(0, processes - processesNow);
    fail(
      `${count} engines need about ${wantedThreads} threads, but \`ulimit -u\` is ${processes}, of ` +
        `which ${free} are free.`,
    );
  }
  if (addressSpace !== undefined && addressSpace < nodeAddressSpace)
    fail(
      `A Node process needs ${formatBytes(nodeAddressSpace)} of address space, but \`ulimit -v\` allows ` +
        `${formatBytes(addressSpace)}.`,
    );
  const wantedMemory = need.otherMemory + need.engineMemory * count;
  if (memory === undefined || memory - memoryNow >= wantedMemory) return [];
  const free = formatBytes(Math.max(0, memory - memoryNow));
  return [
    `${count} idle engines take about ${formatBytes(wantedMemory)}, but this control group has ${free} left.`,
  ];
}
