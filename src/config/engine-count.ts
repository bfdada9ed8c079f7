import { parseCount } from '../base/quantities.js';

/**
 * How many engines: the flag, else IPCLUSTER_N, else the cores that this process may use. Throws USAGE for what is no count.
 * Zero is allowed: a controller alone, for engines that come by hand.
 */
export function engineCount(flag: string | undefined, cores: () => number, env: NodeJS.ProcessEnv = process.env): number {
  if (flag !== undefined) return parseCount(flag, '-n');
  const fromEnvironment = env['IPCLUSTER_N'];
  return fromEnvironment ? parseCount(fromEnvironment, 'IPCLUSTER_N') : cores();
}
