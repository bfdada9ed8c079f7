import { IpclusterError } from '../base/errors.js';
import { checkFinite, checkMilliseconds, checkWhole } from '../base/quantities.js';
import type { Metadata, Outgoing } from '../protocol/message.js';
import type { CommandContent } from '../protocol/messages.js';

/** What a task waits for: results of earlier balanced tasks, or their ids. */
export type After = Submitted | string | readonly (Submitted | string)[];

/** Something that was submitted: any {@link AsyncResult}. */
export interface Submitted {
  readonly ids: readonly string[];
}

/** A dependency spelled out; a plain {@link After} means: all of them, and successfully. */
export interface Condition {
  tasks: After;
  /** All of them, or any one. */
  all?: boolean;
  success?: boolean;
  failure?: boolean;
}

/** Wishes about how tasks are scheduled. */
export interface TaskOptions {
  /** Engines that it may run on. */
  targets?: readonly number[];
  /** Run only after these. */
  after?: After | Condition;
  /** Run on an engine where these ran. */
  follow?: After | Condition;
  /** How often to try again elsewhere when the code fails. */
  retries?: number;
  /** Milliseconds that it may wait for an engine; 0 or `Infinity` for as long as it takes. */
  timeout?: number;
  /** Milliseconds that it may run; 0 or `Infinity` for as long as it takes. */
  timeLimit?: number;
  /** Higher goes first; 0 when absent. */
  priority?: number;
  /** A name to find its record by. */
  label?: string;
}

/** Options of a shell task. */
export interface CommandOptions extends Omit<CommandContent, 'argv'> {
  /** False when output is wanted at the end only: such commands start faster. */
  stream?: boolean;
  /** True for output as bytes where it is more than text, and up to 1 GiB of it; with `stream: false`. */
  bytes?: boolean;
}

/** The request for a shell task. Throws USAGE for a limit that is none. */
export function commandRequest(
  argv: readonly string[],
  { stream = true, bytes = false, timeLimit, ...rest }: CommandOptions,
): Outgoing<'command_request'> {
  const limit = limitOf(timeLimit, 'timeLimit');
  const content = { ...rest, argv: [...argv], ...(limit && { timeLimit: limit }) };
  // The engine ends it at its limit; where jobs end, nobody gives it to an engine that has less time left.
  const needed = limit && { time_needed: limit / 1000 };
  return { type: 'command_request', content, metadata: { stream, ...(bytes && { bytes }), ...needed } };
}

/**
 * Wishes as the message's metadata: IPython's names, times in seconds. Throws USAGE for numbers that make no
 * sense.
 */
export function encodeOptions({
  targets,
  after,
  follow,
  retries,
  timeout,
  timeLimit,
  priority,
  label,
}: TaskOptions): Metadata {
  const [wait, limit] = [limitOf(timeout, 'timeout'), limitOf(timeLimit, 'timeLimit')];
  return {
    ...(targets !== undefined && { targets: checkTargets(targets) }),
    ...(after && { after: encodeCondition(after) }),
    ...(follow && { follow: encodeCondition(follow) }),
    ...(retries !== undefined && checkWhole(retries, 'retries') > 0 && { retries }),
    ...(wait && { timeout: wait / 1000 }),
    ...(limit && { time_limit: limit / 1000 }),
    ...(priority !== undefined && checkFinite(priority, 'priority') !== 0 && { priority }),
    ...(label && { label }),
  };
}

/** A limit in milliseconds; 0 where there is none. */
function limitOf(value: number | undefined, name: string): number {
  return value === undefined || checkMilliseconds(value, name) === Number.POSITIVE_INFINITY ? 0 : value;
}

function checkTargets(targets: readonly number[]): readonly number[] {
  if (!Array.isArray(targets)) throw new IpclusterError('USAGE', 'targets must be a list of engine ids.');
  for (const id of targets) checkWhole(id, 'targets');
  return targets;
}

function encodeCondition(wish: After | Condition): Metadata {
  if (typeof wish === 'object' && 'tasks' in wish) {
    const { tasks, all = true, success = true, failure = false } = wish;
    return { dependencies: idsOf(tasks), all, success, failure };
  }
  return { dependencies: idsOf(wish), all: true, success: true, failure: false };
}

function idsOf(after: After): string[] {
  if (typeof after === 'string') return [after];
  return 'ids' in after ? [...after.ids] : after.flatMap(idsOf);
}
