import { type Bound, poll } from '../base/wait.js';
import { findMarked, isAlive, type ProcessIdentity, signalPid } from './table.js';

/** The rungs of the ladder: who is still there after `grace` ms gets SIGKILL. */
export interface EndOptions {
  grace: number;
  signal?: AbortSignal | undefined;
}

/**
 * Ends groups by their leaders: SIGTERM, time to leave, SIGKILL. Only leaders that are still the process that
 * was recorded are touched. Answers those that are still there in the end.
 */
export async function endGroups(
  leaders: readonly ProcessIdentity[],
  options: EndOptions,
): Promise<ProcessIdentity[]> {
  const signalAll = (name: NodeJS.Signals): void => {
    for (const leader of leaders) if (isAlive(leader)) signalPid(-leader.pid, name);
  };
  signalAll('SIGTERM');
  if (await gone(leaders, { timeout: options.grace, signal: options.signal })) return [];
  signalAll('SIGKILL');
  await gone(leaders, { timeout: 2000, signal: options.signal });
  return leaders.filter(isAlive);
}

async function gone(identities: readonly ProcessIdentity[], bound: Bound): Promise<boolean> {
  return (await poll(() => (identities.some(isAlive) ? undefined : true), bound, 50)) ?? false;
}

/**
 * Kills whatever carries a mark that `accepts` takes, and what those start meanwhile, at most ten rounds.
 * Answers how many processes were killed.
 */
export async function sweepMarked(
  accepts: (mark: string) => boolean,
  spare: readonly number[] = [],
): Promise<number> {
  const killed = new Set<number>();
  for (let round = 0; round < 10; round++) {
    const found = findMarked(accepts).filter(({ pid }) => pid !== process.pid && !spare.includes(pid));
    if (found.length === 0) break;
    for (const { pid } of found) if (signalPid(pid, 'SIGKILL')) killed.add(pid);
    await gone(found, { timeout: 500 });
  }
  return killed.size;
}
