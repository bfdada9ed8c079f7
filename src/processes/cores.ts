import { availableParallelism } from 'node:os';
import { readText } from './table.js';

/**
 * How many engines suit this machine: the physical cores within this process's CPU affinity and its cgroup's
 * quota. Hyper-threads share a core, so they do not count.
 */
export function usableCores(): number {
  const allowed = allowedProcessors();
  const cores = allowed ? physicalCores(allowed) : undefined;
  return Math.max(1, Math.min(cores ?? availableParallelism(), cgroupQuota() ?? Number.POSITIVE_INFINITY));
}

/** The processors that this process may use; undefined where the system does not say. */
export function allowedProcessors(): Set<number> | undefined {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readText('/proc/self/status'))?.[1];
  return list ? expandList(list) : undefined;
}

/** Expands the kernel's list form, such as `0-3,8`. */
export function expandList(list: string): Set<number> {
  const numbers = new Set<number>();
  for (const part of list.split(',')) {
    const [first = 0, last = first] = part.split('-').map(Number);
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}

function physicalCores(allowed: Set<number>): number | undefined {
  const cores = new Set<string>();
  for (const block of readText('/proc/cpuinfo').split('\n\n')) {
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}\\s*: (\\d+)`, 'm').exec(block)?.[1];
    const processor = field('processor');
    if (processor === undefined || !allowed.has(Number(processor))) continue;
    cores.add(`${field('physical id') ?? processor}:${field('core id') ?? processor}`);
  }
  return cores.size > 0 ? cores.size : undefined;
}

/** Whole CPUs of the cgroup's quota (version 2, then 1); undefined when there is none. */
function cgroupQuota(): number | undefined {
  const [quota, period] = readText('/sys/fs/cgroup/cpu.max').trim().split(' ').map(Number);
  const old = Number(readText('/sys/fs/cgroup/cpu/cpu.cfs_quota_us') || Number.NaN);
  const oldPeriod = Number(readText('/sys/fs/cgroup/cpu/cpu.cfs_period_us') || Number.NaN);
  const share = (quota ?? old) / (period ?? oldPeriod);
  return Number.isFinite(share) && share > 0 ? Math.max(1, Math.floor(share)) : undefined;
}
