import { IpclusterError } from '../base/errors.js';
import { deferred, poll } from '../base/wait.js';
import { runTool } from '../processes/tool.js';
import type { Job, JobRef } from './contract.js';
import type { BatchDialect } from './dialect.js';
import type { Evidence, Verdict } from './evidence.js';
import { type ExitRecord, readExitRecords } from './exit-record.js';
import { explainEnd, noteCancel, tailOfJob, wasCancelled } from './job-files.js';
import { observeJob } from './observed-job.js';
import { Poller } from './poller.js';
import { aggregate, type Report } from './reports.js';
import { isFinal, type JobStatus, type State } from './states.js';
import type { Ask } from './submit.js';
import { queryEnvironment } from './tool-environment.js';

/** Exit records are looked for so often (milliseconds): they are files, and cost the scheduler nothing. */
const recordInterval = 1000;
/** A job that the scheduler lists no more, and that left no record, is lost after this time (milliseconds). */
const lostAfter = 120_000;
/** Cancelling is over at the latest after this time, and an order may take so long (milliseconds). */
const cancelTime = 60_000;
const orderTime = 20_000;

/** Jobs of one batch system: what is known of each, and the ways to end it. */
export class BatchJobs {
  readonly #dialect: BatchDialect;
  readonly #ask: Ask;
  readonly poller: Poller;

  constructor(dialect: BatchDialect, ask: Ask) {
    this.#dialect = dialect;
    this.#ask = ask;
    this.poller = new Poller((refs) => this.#reports(refs.flatMap(({ ids }) => ids)));
  }

  observe(ref: JobRef): Job {
    const view = new JobView(ref);
    let stop: (() => void) | undefined;
    const job = observeJob({
      ref,
      initial: { incarnation: 0, state: { state: 'queued' } },
      probe: () => {
        stop ??= this.poller.follow(ref, (reports) => view.told(reports));
        return view.status();
      },
      interval: recordInterval,
      heard: view.heard,
      cancel: () => this.#cancel(ref, view),
      signal: async (name) => void (await this.#order(this.#dialect.signal(ref.ids, name))),
      logTail: (lines) => tailOfJob(ref.jobDir, lines),
      stop: () => stop?.(),
    });
    return job;
  }

  explain(evidence: Evidence): Verdict | undefined {
    const { state } = evidence.status;
    const reason = 'reason' in state ? state.reason : undefined;
    const known = reason === undefined ? undefined : this.#dialect.explainReason(reason);
    return known ?? explainEnd(evidence);
  }

  /** What the system says of those ids; undefined when it gives no answer. */
  async #reports(ids: readonly string[]): Promise<Report[] | undefined> {
    const found: Report[] = [];
    let answered = false;
    for (const index of [0, 1, 2]) {
      const left = ids.filter((id) => !found.some((report) => report.id === id));
      const question = left.length > 0 ? this.#dialect.status(left)[index] : undefined;
      if (!question) break;
      const answer = await this.#ask(question);
      if (answer) found.push(...answer.filter(({ id }) => left.includes(id)));
      answered ||= answer !== undefined;
    }
    return answered ? found : undefined;
  }

  async #cancel(ref: JobRef, view: JobView): Promise<void> {
    if (ref.ids.length === 0) return;
    const before = await this.poller.now(ref);
    view.told(before);
    if (before && isOver(before, await view.status())) return;
    noteCancel(ref.jobDir);
    await this.#order(this.#dialect.cancel(ref.ids));
    const over = async (): Promise<true | undefined> => {
      const reports = await this.poller.now(ref);
      view.told(reports);
      return reports && isOver(reports, await view.status()) ? true : undefined;
    };
    if (await poll(over, { timeout: cancelTime }, 1000)) return;
    throw new IpclusterError(
      'STOP_FAILED',
      `The scheduler still lists ${ref.ids.join(' ')} a minute after it was asked to end it.`,
    );
  }

  async #order(argv: ReturnType<BatchDialect['cancel']>): Promise<void> {
    await runTool({ argv, env: queryEnvironment(process.env), timeout: orderTime });
  }
}

/** True when nothing of a job is left in the scheduler, or only its clearing up, after our own script has said its last word. */
function isOver(reports: readonly Report[], { state }: JobStatus): boolean {
  return reports.every(
    (report) => (isFinal(report.state) && !report.stays) || (report.state.state === 'ending' && isFinal(state)),
  );
}

/** What is known of one job, from its exit records and from the scheduler, in this order (decision 7). */
class JobView {
  readonly #ref: JobRef;
  #reports: readonly Report[] = [];
  #silentSince: number | undefined;
  #absentSince: number | undefined;
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
    this.#absentSince = reports.length > 0 ? undefined : (this.#absentSince ?? Date.now());
    if (reports.length > 0) this.#reports = reports;
  }

  async status(): Promise<JobStatus> {
    const records = await readExitRecords(this.#ref.jobDir);
    const present = aggregate(this.#reports);
    const recorded = this.#recorded(records);
    if (recorded && (!present || recorded.incarnation >= present.incarnation)) return recorded;
    if (this.#absentSince !== undefined)
      return { incarnation: present?.incarnation ?? 0, state: this.#absent(this.#absentSince) };
    if (this.#silentSince !== undefined && (!present || !isFinal(present.state)))
      return {
        incarnation: present?.incarnation ?? 0,
        state: { state: 'unknown', since: iso(this.#silentSince), cause: 'the scheduler does not answer' },
      };
    if (present?.state.state === 'cancelled' && wasCancelled(this.#ref.jobDir))
      return { ...present, state: { state: 'cancelled', by: 'ipcluster' } };
    return present ?? { incarnation: 0, state: { state: 'queued' } };
  }

  /** The end that the job's own script has written; none while elements of an array still run. */
  #recorded(records: readonly ExitRecord[]): JobStatus | undefined {
    if (records.length === 0) return undefined;
    const elements = this.#reports.filter(({ element }) => element !== undefined).length;
    const isArray = records.some(({ element }) => element !== undefined);
    if (isArray && records.length < Math.max(1, elements)) return undefined;
    if (isArray && elements === 0 && this.#absentSince === undefined) return undefined;
    const incarnation = Math.max(...records.map((record) => record.incarnation));
    if (wasCancelled(this.#ref.jobDir)) return { incarnation, state: { state: 'cancelled', by: 'ipcluster' } };
    // A script that was told to end knows not why; the scheduler does.
    const told = records.find((record) => record.told)?.told;
    if (told) {
      const spoken = aggregate(this.#reports);
      if (spoken && isFinal(spoken.state)) return spoken;
      if (this.#absentSince === undefined) return { incarnation, state: { state: 'ending' } };
      return { incarnation, state: { state: 'cancelled', by: `SIG${told} from outside` } };
    }
    const worst = records.reduce((a, b) => (b.exitCode === 0 ? a : b));
    if (worst.exitCode === 0) return { incarnation, state: { state: 'succeeded' } };
    return { incarnation, state: { state: 'failed', exitCode: worst.exitCode, reason: `exit code ${worst.exitCode}` } };
  }

  #absent(since: number): State {
    if (wasCancelled(this.#ref.jobDir)) return { state: 'cancelled', by: 'ipcluster' };
    if (Date.now() - since > lostAfter)
      return { state: 'lost', reason: 'the scheduler lists it no more, and it left no exit record' };
    return { state: 'unknown', since: iso(since), cause: 'the scheduler does not list it' };
  }
}

const iso = (time: number): string => new Date(time).toISOString();
