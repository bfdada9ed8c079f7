import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { namesIn } from '../base/own-folder.js';

/** What each run of a job's script writes down first, for its nodes (`shared/allocation`). */
async function allocations(jobDir: string): Promise<string[]> {
  return (await namesIn(jobDir)).filter((name) => /^allocation.*\.sh$/.test(name));
}

/** True when a job's script has begun, as far as this machine sees its folder. */
export const hasBegun = async (jobDir: string): Promise<boolean> => (await allocations(jobDir)).length > 0;

/**
 * When the time of a job's last run is over, in milliseconds of the clock; undefined where it has none, or
 * has not begun.
 */
export async function readDeadline(jobDir: string): Promise<number | undefined> {
  const texts = await Promise.all(
    (await allocations(jobDir)).map((name) => readFile(join(jobDir, name), 'utf8').catch(() => '')),
  );
  const seconds = texts.flatMap((text) => Number(/IPCLUSTER_DEADLINE=(\d+)/.exec(text)?.[1] ?? Number.NaN));
  const known = seconds.filter((value) => Number.isFinite(value));
  return known.length > 0 ? Math.max(...known) * 1000 : undefined;
}
