import { isDeepStrictEqual } from 'node:util';
import { Feed } from '../base/feed.js';
import { deferred, sleep } from '../base/wait.js';
import type { Job, JobRef } from './contract.js';
import { advance, isFinal, type JobStatus } from './states.js';

/** What makes the difference between one system's jobs and another's. */
export interface Observation {
  ref: JobRef;
  initial: JobStatus;
  /** Asks the system; undefined means no news. */
  probe(): Promise<JobStatus | undefined>;
  /** Milliseconds between two questions. */
  interval: number;
  /** Settles early when the end is known without asking. */
  hint?: Promise<unknown> | undefined;
  cancel(): Promise<void>;
  signal(name: NodeJS.Signals): Promise<void>;
  logTail(lines: number): Promise<string[]>;
  /** Settles when the system has said something, or nothing, for the first time. */
  heard?: Promise<void>;
  /** Called when nobody observes any more, perhaps more than once. */
  stop?(): void | Promise<void>;
}

/** A job that is followed by asking again and again, with states that never step back. */
export function observeJob(observation: Observation): Job {
  const { ref, probe, interval, hint } = observation;
  const feed = new Feed<JobStatus>();
  const ended = deferred<JobStatus>();
  const stop = new AbortController();
  let status = observation.initial;
  const seen = deferred<void>();
  const look = async (): Promise<void> => {
    const news = await probe();
    const next = news ? advance(status, news) : status;
    if (isDeepStrictEqual(next, status)) return;
    status = next;
    feed.push(status);
  };
  const follow = async (): Promise<void> => {
    const hinted = hint?.then(() => look());
    while (!isFinal(status.state) && !stop.signal.aborted) {
      await look();
      if (!observation.heard) seen.resolve();
      if (isFinal(status.state)) break;
      await Promise.race([sleep(interval, stop.signal).catch(() => {}), ...(hinted ? [hinted] : [])]);
    }
    feed.end();
    seen.resolve();
    await observation.stop?.();
    if (isFinal(status.state)) ended.resolve(status);
  };
  void follow();
  void observation.heard?.then(look).then(seen.resolve);
  return {
    ref,
    get status() {
      return status;
    },
    seen: seen.promise,
    ended: ended.promise,
    watch: (signal) => feed.follow(signal),
    cancel: async () => {
      await observation.cancel();
      await look();
    },
    signal: (name) => observation.signal(name),
    logTail: (lines) => observation.logTail(lines),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await observation.stop?.();
    },
  };
}
