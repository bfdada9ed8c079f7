import { partsOf } from '../base/layout.js';
import { describeCode } from '../base/signal-names.js';
import { deferred } from '../base/wait.js';
import { forgetAbsence, noteAbsence, unlisted } from './absence.js';
import { hasBegun, readDeadline } from './allocations.js';
import type { JobRef } from './contract.js';
import { type ExitRecord, readExitRecords } from './exit-record.js';
import { wasCancelled } from './job-files.js';
import { readLayout } from './node-ends.js';
import { aggregate, type Report } from './reports.js';
import { isFinal, type JobStatus, type State, waits } from './states.js';

/**
 * A job that the scheduler lists no more, and that left no record, is lost after this time (milliseconds).
 */
const lostAfter = 120_000;
/** A job that was not listed so long ago, and is not now, is surely not listed (milliseconds). */
const surelyAbsent = 5000;

/** What is known of one job, from its exit records and from the scheduler, in this order (decision 7). */
export class JobView {
  readonly #ref: JobRef;
  #reports: readonly Report[] = [];
  #silentSince: number | undefined;
  #absentSince: number | undefined;
  /** How often in a row the scheduler has answered without it. */
  #absences = 0;
  #hasRun = false;
  readonly #begun = iso(Date.now());
  /** Settles when the scheduler has been asked once, whether or not it answered. */
  readonly heard: Promise<void>;
  readonly #settleHeard: () => void;

  constructor(ref: JobRef) {
    this.#ref = ref;
    const heard = deferred<void>();
    this.heard = heard.promise;
    this.#settleHeard = heard.resolve;
  }

  /** The scheduler has said something, or undefined for nothing. */
  told(reports: readonly Report[] | undefined): void {
    this.#settleHeard();
    if (!reports) {
      this.#silentSince ??= Date.now();
      return;
    }
    this.#silentSince = undefined;
    if (reports.length === 0) {
      this.#absences += 1;
      this.#absentSince ??= noteAbsence(this.#ref.jobDir);
      return;
    }
    this.#absences = 0;
    this.#absentSince = undefined;
    forgetAbsence(this.#ref.jobDir);
    this.#reports = reports;
    this.#hasRun ||= reports.some(({ state }) => !waits(state));
  }

  async status(): Promise<JobStatus> {
    if (this.#ref.ids.length === 0) {
      const cause = `the scheduler has not said whether it has taken ${this.#ref.name ?? 'it'}`;
      return { incarnation: 0, state: { state: 'unknown', since: this.#begun, cause } };
    }
    const records = await readExitRecords(this.#ref.jobDir);
    const present = aggregate(this.#reports);
    const parts = await this.#parts(records);
    const recorded = this.#recorded(records, parts, await readDeadline(this.#ref.jobDir));
    if (recorded && (!present || recorded.incarnation >= present.incarnation)) return recorded;
    if (this.#absentSince !== undefined)
      return { incarnation: present?.incarnation ?? 0, state: await this.#absent(this.#absentSince) };
    if (this.#silentSince !== undefined && (!present || !isFinal(present.state)))
      return {
        incarnation: present?.incarnation ?? 0,
        state: { state: 'unknown', since: iso(this.#silentSince), cause: 'the scheduler does not answer' },
      };
    if (present?.state.state === 'cancelled' && wasCancelled(this.#ref.jobDir))
      return { ...present, state: { state: 'cancelled', by: 'ipcluster' } };
    return present ?? { incarnation: 0, state: { state: 'queued' } };
  }

  /** How many elements the array has that those records are of; 0 where none of them is of an element. */
  async #parts(records: readonly ExitRecord[]): Promise<number> {
    if (!records.some(({ element }) => element !== undefined)) return 0;
    const layout = await readLayout(this.#ref.jobDir);
    return layout === undefined ? 0 : partsOf(layout);
  }

  /** The end that the job's own script has written; none while elements of an array still run. */
  #recorded(
    records: readonly ExitRecord[],
    parts: number,
    deadline: number | undefined,
  ): JobStatus | undefined {
    if (records.length === 0) return undefined;
    const elements = this.#reports.filter(({ element }) => element !== undefined).length;
    const isArray = records.some(({ element }) => element !== undefined);
    if (isArray && records.length < Math.max(1, elements)) return undefined;
    // A system that forgets elements which have ended lists only those that are left.
    if (isArray && records.length < parts && this.#absentSince === undefined) return undefined;
    if (isArray && elements === 0 && this.#absentSince === undefined) return undefined;
    const incarnation = Math.max(...records.map((record) => record.incarnation));
    if (wasCancelled(this.#ref.jobDir))
      return { incarnation, state: { state: 'cancelled', by: 'ipcluster' } };
    // A script that was told to end knows not why; the scheduler does.
    const last = records.find((record) => record.told);
    const told = last?.told;
    if (told) {
      const spoken = aggregate(this.#reports);
      if (spoken && isFinal(spoken.state)) return spoken;
      if (this.#absentSince === undefined) return { incarnation, state: { state: 'ending' } };
      // One that keeps no history has forgotten why, but the time that the job had is known.
      if (isPastTime(Date.parse(last.ended), deadline)) return { incarnation, state: { state: 'expired' } };
      return { incarnation, state: { state: 'cancelled', by: `SIG${told} from outside` } };
    }
    const worst = records.reduce((a, b) => (b.exitCode === 0 ? a : b));
    if (worst.exitCode === 0) return { incarnation, state: { state: 'succeeded' } };
    return {
      incarnation,
      state: { state: 'failed', exitCode: worst.exitCode, reason: describeCode(worst.exitCode) },
    };
  }

  /**
   * What it is that the scheduler lists no more, and that has left no word of its own: by what it had begun,
   * and its time.
   */
  async #absent(since: number): Promise<State> {
    const { jobDir } = this.#ref;
    if (wasCancelled(jobDir)) return { state: 'cancelled', by: 'ipcluster' };
    // Asked twice, by this command or by one before: a single answer may be a slip.
    const isSure = this.#absences > 1 || Date.now() - since > surelyAbsent;
    const deadline = await readDeadline(jobDir);
    const hasRun = this.#hasRun || deadline !== undefined || (await hasBegun(jobDir));
    if (isSure && !hasRun) return { state: 'cancelled', by: 'somebody: it was taken from the queue' };
    if (isSure && isPastTime(since, deadline)) return { state: 'expired' };
    if (Date.now() - since > lostAfter) return { state: 'lost', reason: unlisted.forGood };
    return { state: 'unknown', since: iso(since), cause: unlisted.now };
  }
}

/**
 * A scheduler's own clock begins before the script's, and its orders come in advance of an end by force
 * (milliseconds).
 */
const lead = 20_000;

const isPastTime = (time: number, deadline: number | undefined): boolean =>
  deadline !== undefined && time >= deadline - lead;
const iso = (time: number): string => new Date(time).toISOString();
