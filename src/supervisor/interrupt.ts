import { sleep } from '../base/wait.js';
import type { InterruptOutcome } from '../protocol/messages.js';
import type { EngineChild } from './engine-child.js';

export type WatcherOutcome = InterruptOutcome | 'stuck';

/** What the ladder needs of its supervisor. */
export interface Ladder {
  /** Asks the engine's watcher to interrupt; undefined when it does not answer within its bound. */
  aim(engine: EngineChild, sequence: number): Promise<WatcherOutcome | undefined>;
  /** The last rung: the same id, a new process, an empty namespace. */
  restart(engine: EngineChild): Promise<void>;
}

/**
 * Interrupts one request of an engine, or whatever it runs when `id` is null. From the gentle to the hard:
 * taken out of the queue; code terminated with the namespace kept; the engine restarted. Answers which it
 * was.
 */
export async function interruptRequest(
  ladder: Ladder,
  engine: EngineChild,
  id: string | null,
): Promise<InterruptOutcome> {
  if (id !== null && engine.requests.takeBack(id)) return 'removed';
  const aimed = id === null ? engine.requests.inEngine[0] : engine.requests.find(id);
  if (!aimed) return 'finished';
  for (let tries = 0; !engine.isWatched && !engine.foreign && tries < 100; tries++) await sleep(10);
  engine.aimAt(aimed);
  const outcome = await ladder.aim(engine, aimed.sequence);
  // Node cannot survive a termination inside a timer's callback; that engine has been replaced by now.
  if (engine.has('over')) return 'restarted';
  if (outcome !== undefined && outcome !== 'stuck') engine.aimAt(undefined);
  if (outcome === 'removed') {
    engine.requests.drop(aimed.id);
    engine.handOver();
    return 'removed';
  }
  if (outcome !== undefined && outcome !== 'stuck') return outcome;
  if (!engine.requests.inEngine.includes(aimed)) {
    engine.aimAt(undefined);
    return 'finished';
  }
  await ladder.restart(engine);
  return 'restarted';
}
