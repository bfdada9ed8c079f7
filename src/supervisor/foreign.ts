import { sleep } from '../base/wait.js';
import { signalPid } from '../processes/table.js';
import type { EngineChild } from './engine-child.js';
import type { WatcherOutcome } from './interrupt.js';

/** Code of a program that is not ours must end within this time after an interrupt (milliseconds). */
const interruptTime = 3000;
/** How often it is looked whether it has (milliseconds). */
const pause = 10;

/**
 * A program that is not ours is interrupted as its user would do it, and answers by itself what has become of
 * the request.
 */
export async function interruptForeign(child: EngineChild, sequence: number): Promise<WatcherOutcome> {
  const isHeld = (): boolean => child.requests.inEngine.some((held) => held.sequence === sequence);
  const end = performance.now() + interruptTime;
  // What stands before it is not what is meant.
  while (isHeld() && child.requests.inEngine[0]?.sequence !== sequence && performance.now() < end)
    await sleep(pause);
  if (!isHeld()) return 'finished';
  signalEngine(child, 'SIGINT', true);
  while (isHeld() && performance.now() < end) await sleep(pause);
  return isHeld() ? 'stuck' : 'interrupted';
}

/** Sends a signal to an engine, or to everything in its process group; false when it has ended. */
export const signalEngine = (
  { pid }: EngineChild,
  signal: NodeJS.Signals | number,
  group: boolean,
): boolean => pid > 0 && signalPid(group ? -pid : pid, signal);
