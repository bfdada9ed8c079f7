import { formatDuration } from '../base/quantities.js';
import type { SettingKey } from '../config/settings.js';
import type { BatchRequest } from './resources.js';

/** What a job that was taken really has; what its system does not tell is undefined. */
export interface Holds {
  queue?: string | undefined;
  account?: string | undefined;
  /** Its limit in milliseconds. */
  time?: number | undefined;
}

/**
 * What became of a request, as sentences; undefined where all is as it was asked for. What nobody named is
 * the system's to choose. What was said in the system's own words (`said` knows for which settings) is not
 * known beforehand: then all that really holds is told.
 */
export function describeHolds(
  { resources, extra, directives, single }: BatchRequest,
  holds: Holds,
  said: (key: SettingKey) => boolean,
): string | undefined {
  const queue = said('partition') ? undefined : resources.queue;
  const account = said('account') ? undefined : resources.account;
  const time = said('time') ? undefined : resources.time;
  const changed = [
    differs(queue, holds.queue) && `queue ${holds.queue} (asked for: ${queue})`,
    differs(account, holds.account) && `account ${holds.account} (asked for: ${account})`,
    // Systems round a limit up to whole minutes.
    time && holds.time && Math.abs(time - holds.time) >= 60_000 && limitLine(time, holds.time),
  ].filter(Boolean);
  const change = changed.length > 0 && `The scheduler has changed what was asked for: ${changed.join(', ')}.`;
  const isOwnWords = extra.length > 0 || Object.keys(directives).length > 0;
  return [change, isOwnWords && !single && describeWhole(holds)].filter(Boolean).join(' ') || undefined;
}

/** All that a system tells of a job that it has taken. */
function describeWhole({ account, queue, time }: Holds): string | undefined {
  const parts = [
    account && `account ${account}`,
    queue && `queue ${queue}`,
    time && `it ends after ${formatDuration(time)}`,
  ];
  const known = parts.filter(Boolean);
  return known.length > 0 ? `As the scheduler has taken it: ${known.join(', ')}.` : undefined;
}

const limitLine = (asked: number, held: number): string =>
  `it ends after ${formatDuration(held)} (asked for: ${formatDuration(asked)})`;

/** Several queues may be named, of which the system takes one. */
const differs = (asked: string | undefined, held: string | undefined): boolean =>
  asked !== undefined &&
  held !== undefined &&
  !asked.split(',').some((name) => held.split(',').includes(name));
