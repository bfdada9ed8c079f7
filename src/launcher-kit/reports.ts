import { isFinal, type JobStatus, type State } from './states.js';

/** What a system says of a job, or of one element of an array. */
export interface Report {
  /** The job's id, as it was answered at submission. */
  id: string;
  element?: string;
  incarnation: number;
  state: State;
  /** True for what has come to its end, but stays in the queue until it is deleted. */
  stays?: boolean;
  /** When it may start, where the system says (ISO text, or as the system words it). */
  start?: string;
}

/** How far a state is from the end: what is furthest behind speaks for a group that has not ended. */
const urgency: readonly State['state'][] = ['running', 'ending', 'suspended', 'queued', 'held', 'unknown'];
/** Of ends, the one that needs explaining most. */
const gravity: readonly State['state'][] = [
  'failed',
  'lost',
  'expired',
  'preempted',
  'cancelled',
  'succeeded',
];

/** One status for a job of several parts: it runs while any part runs, and has ended when all have. */
export function aggregate(reports: readonly Report[]): JobStatus | undefined {
  const [first] = reports;
  if (!first) return undefined;
  if (reports.length === 1 && first.element === undefined)
    return { incarnation: first.incarnation, state: first.state };
  const states = reports.map(({ state }) => state);
  const open = states.filter((state) => !isFinal(state));
  const order = open.length > 0 ? urgency : gravity;
  const candidates = open.length > 0 ? open : states;
  const state =
    order.flatMap((word) => candidates.find((candidate) => candidate.state === word) ?? [])[0] ?? first.state;
  const incarnation = Math.min(...reports.map((report) => report.incarnation));
  // Several arrays count their elements alike. Slurm lists elements that were cancelled before they began in
  // one line.
  const isOne = reports.every(({ id }) => id === first.id);
  const isArray = reports.some(({ element }) => element !== undefined);
  const nameOf = ({ id, element = isArray ? 'others' : id }: Report): string =>
    isOne || element === id ? element : `${id}_${element}`;
  const members = Object.fromEntries(reports.map((report) => [nameOf(report), report.state]));
  return { incarnation, state, members };
}
