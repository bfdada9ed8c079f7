import { formatDuration } from '../base/quantities.js';
import type { BatchRequest } from './resources.js';

/** What a job that was taken really has; what its system does not tell is undefined. */
export interface Holds {
  queue?: string | undefined;
  account?: string | undefined;
  /** Its limit in milliseconds. */
  time?: number | undefined;
}

/**
 * What a site's filter has made of a request, as a sentence; undefined where all is as it was asked for. What nobody named is the
 * system's to choose, and what was said in the system's own words is not known here.
 */
export function describeChange({ resources, extra, directives }: BatchRequest, holds: Holds): string | undefined {
  if (extra.length > 0 || Object.keys(directives).length > 0) return undefined;
  const { queue, account, time } = resources;
  const changed = [
    differs(queue, holds.queue) && `queue ${holds.queue} (asked for: ${queue})`,
    differs(account, holds.account) && `account ${holds.account} (asked for: ${account})`,
    // Systems round a limit up to whole minutes.
    time && holds.time && Math.abs(time - holds.time) >= 60_000 && limitLine(time, holds.time),
  ].filter(Boolean);
  return changed.length > 0 ? `The scheduler has changed what was asked for: ${changed.join(', ')}.` : undefined;
}

const limitLine = (asked: number, held: number): string =>
  `it ends after ${formatDuration(held)} (asked for: ${formatDuration(asked)})`;

/** Several queues may be named, of which the system takes one. */
const differs = (asked: string | undefined, held: string | undefined): boolean =>
  asked !== undefined && held !== undefined && !asked.split(',').some((name) => held.split(',').includes(name));
