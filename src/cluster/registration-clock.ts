import { IpclusterError } from '../base/errors.js';
import { formatDuration } from '../base/quantities.js';
import { sleep } from '../base/wait.js';
import type { Job } from '../launcher-kit/contract.js';
import { countArray, isPartial } from '../launcher-kit/elements.js';
import { describeStatus, isFinal, waits } from '../launcher-kit/states.js';
import { pathsOf } from '../profile/paths.js';
import type { StartRequest } from './prepare.js';

/** How often clocks and states are looked at (milliseconds). */
const interval = 200;
/** Elements of arrays are counted so often: it takes a file of the job's folder. */
const arrayInterval = 1000;

/** What those who wait for engines tell one another. */
export interface Watch {
  /** Engines that are registered. */
  have: number;
  /** Engines of elements of arrays that have not begun, or have ended: nobody can wait for them. */
  away: number;
  /** Why the controller cannot be asked. */
  reason: string | undefined;
}

/**
 * Counts the time that jobs run, and the time that they wait; fires when either is too long. Answers how to
 * stop.
 */
export function runClock(
  { timeout, queueTimeout, count, place }: StartRequest,
  jobs: readonly Job[],
  watch: Watch,
  late: AbortController,
): () => void {
  let [ran, waited, last] = [0, 0, performance.now()];
  const timer = setInterval(() => {
    const now = performance.now();
    const isWaiting = jobs.some(
      ({ status }) => waits(status.state) || (isPartial(status) && count - watch.have <= watch.away),
    );
    if (isWaiting) waited += now - last;
    else if (jobs.every(({ status: { state } }) => state.state === 'running' || isFinal(state)))
      ran += now - last;
    last = now;
    if (ran > timeout) {
      const unreachable = watch.reason ? ` ${watch.reason}` : '';
      const sentence =
        `${watch.have} of ${count} engines registered within ` + `${formatDuration(timeout)}.${unreachable}`;
      late.abort(new IpclusterError('REGISTRATION_TIMEOUT', sentence, { files: [pathsOf(place).jobs] }));
    } else if (queueTimeout !== undefined && waited > queueTimeout) {
      const sentence =
        `The job has waited in the queue for ${formatDuration(waited)}: ` +
        `${describeJobs(jobs.filter(({ status }) => waits(status.state) || isPartial(status)))}.`;
      late.abort(new IpclusterError('QUEUE_TIMEOUT', sentence));
    }
  }, interval);
  return () => clearInterval(timer);
}

/**
 * Counts the engines of arrays that are not there to register; ends the wait when those that are left cannot
 * bring enough.
 */
export async function watchArrays(
  { count, minEngines = count }: StartRequest,
  jobs: readonly Job[],
  watch: Watch,
  late: AbortController,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleep(arrayInterval, signal);
    const counts = await Promise.all(jobs.map((job) => countArray(job, count)));
    const ended = sum(counts.map((array) => array.ended));
    watch.away = sum(counts.map(({ waiting }) => waiting)) + ended;
    if (ended === 0 || count - ended >= Math.min(minEngines, count)) continue;
    const names = counts.flatMap((array) => array.names).join(', ');
    const who = names ? `elements ended (${names})` : 'elements were taken from the queue';
    late.abort(tooFew(ended, count, who));
  }
}

/**
 * The error for a start that can't have enough engines any more, since `lost` of them do not come; `who` says
 * why.
 */
export const tooFew = (
  lost: number,
  count: number,
  who: string,
  files: readonly string[] = [],
): IpclusterError =>
  new IpclusterError(
    'JOB_FAILED',
    `Only ${Math.max(0, count - lost)} of ${count} engines can still come: ${who}.`,
    { files },
  );

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** What jobs do, in a few words: `queued (Priority)`, `2 running, 2 queued (Resources)`. */
export const describeJobs = (jobs: readonly Job[]): string =>
  [...new Set(jobs.map(({ status }) => describeStatus(status)))].join('; ');
