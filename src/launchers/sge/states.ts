import type { State } from '../../launcher-kit/states.js';

const unknown = (cause: string): State => ({ state: 'unknown', since: new Date().toISOString(), cause });

/**
 * The letters of qstat's state combine (sge_status(5)): E is an error, d a deletion, h a hold, s S T
 * suspended.
 */
export function sgeState(letters: string): State {
  if (letters.includes('E')) return { state: 'held', reason: 'error state' };
  if (letters.includes('d')) return { state: 'ending' };
  if (/^[tR]*[rt]$|^hr$/.test(letters)) return { state: 'running' };
  if (/[sST]/.test(letters)) return { state: 'suspended' };
  if (letters.includes('h')) return { state: 'held', reason: 'held' };
  if (letters.includes('q')) return { state: 'queued', reason: 'waiting' };
  return unknown(letters === 'z' ? 'Grid Engine says that it has ended' : `Grid Engine says "${letters}"`);
}

/** What `failed` and `exit_status` of the accounts mean (accounting(5)). */
export function endOf(failed: string, exit: string): State {
  const [why, code] = [Number.parseInt(failed, 10), Number.parseInt(exit, 10)];
  if (why === 37) return { state: 'expired' };
  // qdel, a limit and somebody's kill -9 look the same in the accounts.
  if (why === 100 && code >= 128) return { state: 'failed', exitCode: code, reason: `signal ${code - 128}` };
  if (why !== 0) return { state: 'failed', reason: `failed ${why}` };
  return code === 0
    ? { state: 'succeeded' }
    : { state: 'failed', exitCode: code, reason: `exit code ${code}` };
}
