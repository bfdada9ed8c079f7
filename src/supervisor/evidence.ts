import { readFileSync } from 'node:fs';
import { lastLines } from '../base/files.js';
import { formatBytes } from '../base/quantities.js';
import { describeExit, type Exit } from '../processes/start.js';
import type { Evidence } from '../protocol/messages.js';
import type { EngineChild } from './engine-child.js';

/**
 * How many processes the kernel has killed for memory since boot; undefined where it does not count (before
 * Linux 4.13).
 */
export function oomKills(): number | undefined {
  try {
    const count = /^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1];
    return count === undefined ? undefined : Number(count);
  } catch {
    return undefined;
  }
}

/** What Node says because of the engine's watcher; it is no word of the user's code. */
const ownNoise = /^Waiting for the debugger to disconnect/;

/** Collects what is known of an engine's end. `killsBefore` is {@link oomKills} of some seconds ago. */
export async function gatherEvidence(
  child: EngineChild,
  exit: Exit,
  killsBefore: number | undefined,
): Promise<Evidence> {
  const all = (await lastLines(child.logFile, 80)).filter((line) => !ownNoise.test(line));
  // What V8 says of a fatal error stands above a long trace of its own.
  const fatal = all.findIndex((line) => line.startsWith('FATAL ERROR'));
  const lines = fatal < 0 ? all.slice(-5) : all.slice(fatal, fatal + 1);
  const kills = oomKills();
  const forMemory =
    (exit.signal === 'SIGKILL' && kills !== undefined && killsBefore !== undefined && kills > killsBefore) ||
    lines.some((line) => /heap out of memory|Array buffer allocation failed/i.test(line));
  return {
    exit: `${describeExit(exit)}${forMemory ? ', out of memory' : ''}`,
    lastLines: lines,
    memory: child.memory,
    crash: child.ending === undefined && child.aimed === undefined,
    started: child.requests.inEngine.slice(0, 1).map(({ id }) => id),
  };
}

/** An engine's end in one line. */
export function describeEnd(child: EngineChild, { exit, memory }: Evidence): string {
  if (child.ending !== undefined) return child.ending === 'stop' ? 'stopped' : 'restarted';
  return memory === null ? exit : `${exit}, with ${formatBytes(memory)} when last looked at`;
}
