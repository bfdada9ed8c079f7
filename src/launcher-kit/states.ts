/** Where a job is. The last six are final. A word that nobody knows is `unknown`, which changes nothing and ends nothing. */
export type State =
  | { state: 'queued'; reason?: string }
  | { state: 'held'; reason: string }
  | { state: 'running'; hosts?: string[] }
  | { state: 'suspended' }
  | { state: 'ending' }
  | { state: 'unknown'; since: string; cause: string }
  | { state: 'succeeded' }
  | { state: 'failed'; exitCode?: number; reason: string }
  | { state: 'cancelled'; by: string }
  | { state: 'expired' }
  | { state: 'preempted' }
  | { state: 'lost'; reason: string };

/** A job's state in one incarnation; a requeue opens the next. */
export interface JobStatus {
  incarnation: number;
  state: State;
  /** The states of elements of an array, in words. */
  members?: Record<string, string>;
}

const order: Record<State['state'], number> = {
  queued: 0,
  held: 0,
  running: 1,
  suspended: 1,
  unknown: 1,
  ending: 2,
  succeeded: 3,
  failed: 3,
  cancelled: 3,
  expired: 3,
  preempted: 3,
  lost: 3,
};

/** True for a state that nothing follows in its incarnation. */
export const isFinal = ({ state }: State): boolean => order[state] === 3;

/**
 * The status after a piece of news. A step back within an incarnation is dropped, and a final state stays; news of a later
 * incarnation counts whatever it says, news of an earlier one never.
 */
export function advance(present: JobStatus, news: JobStatus): JobStatus {
  if (news.incarnation !== present.incarnation) return news.incarnation > present.incarnation ? news : present;
  if (isFinal(present.state) || order[news.state.state] < order[present.state.state]) return present;
  return news;
}

/** A state for people: `failed (exit code 3)`. */
export function describeState(state: State): string {
  const detail = 'reason' in state ? state.reason : 'cause' in state ? state.cause : 'by' in state ? `by ${state.by}` : undefined;
  return detail === undefined ? state.state : `${state.state} (${detail})`;
}
