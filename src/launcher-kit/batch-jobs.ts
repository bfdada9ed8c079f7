import { IpclusterError } from '../base/errors.js';
import { poll } from '../base/wait.js';
import { runTool } from '../processes/tool.js';
import type { Job, JobRef } from './contract.js';
import type { BatchDialect } from './dialect.js';
import type { Evidence, Verdict } from './evidence.js';
import { explainEnd, noteCancel, tailOfJob } from './job-files.js';
import { JobView } from './job-view.js';
import { observeJob } from './observed-job.js';
import { lastOrderTime, questionTime, silentTime } from './patience.js';
import { Poller } from './poller.js';
import type { Report } from './reports.js';
import { isFinal, type JobStatus, waits } from './states.js';
import type { Ask } from './submit.js';
import { queryEnvironment } from './tool-environment.js';

/** Exit records are looked for so often (milliseconds): they are files, and cost the scheduler nothing. */
const recordInterval = 1000;
/** So many jobs that wait are asked about in one look. */
const mostAsked = 4;
/** Cancelling is over at the latest after this time (milliseconds). */
const cancelTime = 60_000;

const suspended =
  'The scheduler has suspended it: its engines stand still, and go on with what they run when it is resumed.';

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
    if (state.state === 'suspended')
      return { code: 'suspended', sentence: suspended, suggestions: [...(this.#dialect.resume ?? [])] };
    const reason = 'reason' in state ? state.reason : undefined;
    const known = reason === undefined ? undefined : this.#dialect.explainReason(reason);
    return known ?? explainEnd(evidence);
  }

  /** What the system says of those ids; undefined when it gives no answer. */
  async #reports(ids: readonly string[]): Promise<readonly Report[] | undefined> {
    const found: Report[] = [];
    let answered = false;
    const begin = Date.now();
    for (const index of [0, 1, 2]) {
      if (Date.now() - begin >= questionTime) break;
      const left = ids.filter((id) => !found.some((report) => report.id === id));
      const question = left.length > 0 ? this.#dialect.status(left)[index] : undefined;
      if (!question) break;
      const answer = await this.#ask(question);
      if (answer) found.push(...answer.filter(({ id }) => left.includes(id)));
      answered ||= answer !== undefined;
    }
    return answered ? this.#withReasons(found, begin) : undefined;
  }

  /**
   * Why jobs wait, where the system says it only when it is asked for each. `begin`: when the look began,
   * which has a bound.
   */
  async #withReasons(reports: readonly Report[], begin: number): Promise<readonly Report[]> {
    const { askReasons } = this.#dialect;
    const key = (id: string, reason: string): string => `${id} ${reason}`;
    const jobs = reports.flatMap(({ id, state }) => {
      const reason = waits(state) ? state.reason : undefined;
      return reason === undefined ? [] : [[key(id, reason), { id, reason }] as const];
    });
    if (!askReasons || jobs.length === 0 || Date.now() - begin >= questionTime) return reports;
    const told = (await this.#ask(askReasons([...new Map(jobs).values()].slice(0, mostAsked)))) ?? [];
    const became = new Map(told.map(({ id, reason, became: why = reason }) => [key(id, reason), why]));
    return reports.map((report): Report => {
      const { state } = report;
      if (!waits(state) || state.reason === undefined) return report;
      return {
        ...report,
        state: { ...state, reason: became.get(key(report.id, state.reason)) ?? state.reason },
      };
    });
  }

  async #cancel(ref: JobRef, view: JobView): Promise<void> {
    if (ref.ids.length === 0 && !(await this.#seek(ref))) return;
    const before = await this.poller.now(ref);
    view.told(before);
    if (before && isOver(before, await view.status())) return;
    noteCancel(ref.jobDir);
    const order = await this.#order(this.#dialect.cancel(ref.ids), before ? questionTime : lastOrderTime);
    if (!before && order.code !== 0) throw silence(ref);
    let heard = Date.now();
    const over = async (): Promise<true | undefined> => {
      const reports = await this.poller.now(ref);
      view.told(reports);
      if (reports) heard = Date.now();
      else if (Date.now() - heard >= silentTime) throw silence(ref);
      return reports && isOver(reports, await view.status()) ? true : undefined;
    };
    if (await poll(over, { timeout: cancelTime }, 1000)) return;
    throw new IpclusterError(
      'STOP_FAILED',
      `The scheduler still lists ${ref.ids.join(' ')} a minute after it was asked to end it.`,
    );
  }

  /**
   * Looks for a job whose submit gave no answer, by its name; answers whether it is there. Throws
   * SCHEDULER_SILENT.
   */
  async #seek(ref: JobRef): Promise<boolean> {
    if (ref.name === undefined) return false;
    const jobs = await this.#ask(this.#dialect.find(ref.name));
    if (!jobs) throw silence(ref);
    ref.ids.push(...jobs.flatMap(({ id, name }) => (name === ref.name ? [id] : [])));
    return ref.ids.length > 0;
  }

  #order(argv: ReturnType<BatchDialect['cancel']>, timeout = questionTime): ReturnType<typeof runTool> {
    return runTool({ argv, env: queryEnvironment(process.env), timeout });
  }
}

const silence = ({ launcher, ids, name = '' }: JobRef): IpclusterError =>
  new IpclusterError(
    'SCHEDULER_SILENT',
    ids.length > 0
      ? `${launcher} does not answer: whether the job ${ids.join(' ')} has ended is not known.`
      : `${launcher} does not answer: whether it has taken the job ${name} is not known.`,
    { verdict: 'scheduler-silent' },
  );

/**
 * True when nothing of a job is left in the scheduler, or only its clearing up, after our own script has said
 * its last word.
 */
function isOver(reports: readonly Report[], { state }: JobStatus): boolean {
  return reports.every(
    (report) =>
      (isFinal(report.state) && !report.stays) || (report.state.state === 'ending' && isFinal(state)),
  );
}
