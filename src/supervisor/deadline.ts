import type { Log } from '../base/log.js';
import { Timer } from '../base/timer.js';
import { askShell } from '../processes/question.js';
import type { Allocation } from './allocation.js';

/** The scheduler is first asked after so long, then again and again, and may take so long (milliseconds). */
const firstLook = 10_000;
/**
 * Where nobody has said the end, it is asked for at once: engines of an allocation that is there have its
 * end, too.
 */
const soon = 1000;
const interval = 45_000;
const patience = 10_000;
/** The elements of an array ask for themselves: of larger ones each asks less often. */
const quickElements = 10;

/** How the end of a job is asked for. */
export interface DeadlineQuestion {
  /** Words of bash that print the end in seconds since the epoch, and nothing where that is not known. */
  ask: string;
  /** Milliseconds until the first time, and between later ones. */
  first: number;
  interval: number;
}

/**
 * What the job's script says of that; undefined where nothing can be asked, or another node of the job asks.
 */
export function deadlineQuestion(
  env: NodeJS.ProcessEnv,
  allocation: Allocation | undefined,
): DeadlineQuestion | undefined {
  const ask = env['IPCLUSTER_ASK_DEADLINE'];
  if (!ask || !allocation || (allocation.node > 0 && allocation.element === null)) return undefined;
  return {
    ask,
    first: allocation.deadline === null ? soon : firstLook,
    interval: interval * Math.max(1, allocation.elements / quickElements),
  };
}

/**
 * Asks the scheduler for the end of this job again and again: an administrator, or the user, may extend or
 * shorten a job that runs. An answer that is none changes nothing. `known` is the end as it was said at first
 * (milliseconds since the epoch, or null).
 */
export class DeadlineWatch {
  readonly #question: DeadlineQuestion;
  readonly #log: Log;
  readonly #onChange: (deadline: number) => void;
  #known: number | null;
  #timer: Timer | undefined;
  readonly #over = new AbortController();

  constructor(
    question: DeadlineQuestion,
    known: number | null,
    log: Log,
    onChange: (deadline: number) => void,
  ) {
    this.#question = question;
    this.#known = known;
    this.#log = log;
    this.#onChange = onChange;
    this.#plan(question.first);
  }

  end(): void {
    this.#over.abort();
    this.#timer?.end();
  }

  #plan(time: number): void {
    if (!this.#over.signal.aborted) this.#timer = new Timer(time, () => void this.#look()).unref();
  }

  async #look(): Promise<void> {
    const { ask, interval: time } = this.#question;
    const { signal } = this.#over;
    const answer = (await askShell(ask, patience, signal)) ?? '';
    const deadline = /^\d{1,11}\n$/.test(answer) ? Number(answer) * 1000 : 0;
    if (!signal.aborted && deadline > 0 && deadline !== this.#known) {
      this.#log.info(`the scheduler ends this job at ${new Date(deadline).toISOString()}`);
      this.#known = deadline;
      this.#onChange(deadline);
    }
    this.#plan(time);
  }
}
