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
 * Interrupts one request of an engine, or whatever it runs when `id` is null. From the gentle to the hard: taken out of the
 * queue; code terminated with the namespace kept; the engine restarted. Answers which it was.
 */
export async function interruptRequest(ladder: Ladder, engine: EngineChild, id: string | null): Promise<InterruptOutcome> {
  if (id !== null && engine.drop(id)) return 'removed';
  const aimed = id === null ? engine.handed[0] : engine.handed.find((assigned) => assigned.id === id);
  if (!aimed) return 'finished';
  for (let tries = 0; !engine.watcher && !engine.foreign && tries < 100; tries++) await sleep(10);
  engine.aimed = aimed;
  const outcome = await ladder.aim(engine, aimed.sequence);
  // Node cannot survive a termination inside a timer's callback; that engine has been replaced by now.
  if (engine.isOver) return 'restarted';
  if (outcome !== undefined && outcome !== 'stuck') engine.aimed = undefined;
  if (outcome === 'removed') {
    engine.drop(aimed.id, engine.handed);
    engine.handOver();
    return 'removed';
  }
  if (outcome !== undefined && outcome !== 'stuck') return outcome;
  if (!engine.handed.includes(aimed)) {
    engine.aimed = undefined;
    return 'finished';
  }
  await ladder.restart(engine);
  return 'restarted';
}
