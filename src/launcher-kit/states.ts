/**
 * Where a job is. The last six are final. A word that nobody knows is `unknown`, which changes nothing and
 * ends nothing.
 */
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
  /** The states of its parts, by their names: elements of an array, hosts. */
  members?: Record<string, State>;
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
 * The status after a piece of news. A step back within an incarnation is dropped, but for an array whose
 * elements do not begin together, and a final state stays; news of a later incarnation counts whatever it
 * says, news of an earlier one never.
 */
export function advance(present: JobStatus, news: JobStatus): JobStatus {
  if (news.incarnation !== present.incarnation)
    return news.incarnation > present.incarnation ? news : present;
  if (isFinal(present.state)) return present;
  return !news.members && order[news.state.state] < order[present.state.state] ? present : news;
}

/** True for what has not begun. */
export const waits = (state: State): state is Extract<State, { state: 'queued' | 'held' }> =>
  state.state === 'queued' || state.state === 'held';

/** A state for people: `failed (exit code 3)`. */
export function describeState(state: State): string {
  const detail =
    'reason' in state
      ? state.reason
      : 'cause' in state
        ? state.cause
        : 'by' in state
          ? `by ${state.by}`
          : undefined;
  return detail === undefined ? state.state : `${state.state} (${detail})`;
}

/**
 * Members of a job by what is said of them, in words: `running` to `1`, `2`; those whose words are the same
 * stand together.
 */
export function groupMembers({ members = {} }: JobStatus): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, state] of Object.entries(members)) {
    const words = describeState(state);
    groups.set(words, [...(groups.get(words) ?? []), name]);
  }
  return groups;
}

/**
 * A status for people; where parts of a job that has not ended differ, they are counted: `2 running, 2 queued
 * (Resources)`.
 */
export function describeStatus(status: JobStatus): string {
  const groups = [...groupMembers(status)];
  if (groups.length < 2 || isFinal(status.state)) return describeState(status.state);
  return groups.map(([words, names]) => `${names.length} ${words}`).join(', ');
}
