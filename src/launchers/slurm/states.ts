import type { State } from '../../launcher-kit/states.js';
import { saysHeld } from './reasons.js';

const finals: Record<string, (reason: string) => State> = {
  COMPLETED: () => ({ state: 'succeeded' }),
  FAILED: (reason) => ({ state: 'failed', reason }),
  TIMEOUT: () => ({ state: 'expired' }),
  DEADLINE: () => ({ state: 'expired' }),
  CANCELLED: () => ({ state: 'cancelled', by: 'somebody (scancel), or by Slurm itself' }),
  PREEMPTED: () => ({ state: 'preempted' }),
  OUT_OF_MEMORY: () => ({ state: 'failed', reason: 'OUT_OF_MEMORY' }),
  NODE_FAIL: () => ({ state: 'failed', reason: 'NODE_FAIL' }),
  BOOT_FAIL: () => ({ state: 'failed', reason: 'BOOT_FAIL' }),
  REVOKED: () => ({ state: 'cancelled', by: 'another cluster of the federation' }),
};
const running = new Set(['RUNNING', 'SIGNALING', 'RESIZING', 'EXPEDITING']);
const waiting = new Set(['PENDING', 'CONFIGURING', 'REQUEUED', 'REQUEUE_FED', 'POWER_UP_NODE']);
const held = new Set(['REQUEUE_HOLD', 'SPECIAL_EXIT', 'RESV_DEL_HOLD']);

/**
 * A word of `squeue -o %T` or `sacct -o State` (job_state_codes.html); `sacct` may say "CANCELLED by 1001".
 */
export function slurmState(text: string, reason: string, hosts: string): State {
  const word = text.split(' ')[0] ?? '';
  const final = finals[word];
  if (final) return final(reason && reason !== 'None' ? reason : word);
  if (running.has(word)) return { state: 'running', ...(hosts && { hosts: [hosts] }) };
  if (held.has(word)) return { state: 'held', reason: saysHeld(reason) ? reason : `held (${word})` };
  if (waiting.has(word) && saysHeld(reason)) return { state: 'held', reason };
  if (waiting.has(word)) return { state: 'queued', ...(reason && reason !== 'None' && { reason }) };
  if (word === 'COMPLETING' || word === 'STAGE_OUT') return { state: 'ending' };
  if (word === 'SUSPENDED' || word === 'STOPPED') return { state: 'suspended' };
  return { state: 'unknown', since: new Date().toISOString(), cause: `Slurm says "${text}"` };
}
