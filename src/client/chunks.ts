import { IpclusterError, isIpclusterError, messageOf } from '../base/errors.js';
import type { Outgoing } from '../protocol/message.js';
import { AsyncResult, type Settled } from './async-result.js';
import { RemoteError } from './remote-error.js';
import type { Answer } from './requests.js';
import type { ViewContext } from './view-context.js';

/** How many items make one task. */
export type ChunkSize = number | 'auto';

/**
 * A chunk of `auto` aims at this run time (milliseconds): long beside the cost of a task, short for people.
 */
const aim = 20;
/** Chunks that are under way for each engine, so that none waits for the next. */
const ahead = 3;

/**
 * Sends items in chunks as balanced tasks and collects the results by item. With `auto` chunks begin at one
 * item and grow to about 20 ms; with a number all go at once.
 */
export function mapInChunks<R, I>(
  context: ViewContext,
  items: readonly I[],
  chunk: ChunkSize,
  makeTask: (part: readonly I[]) => Outgoing<'apply_request'>,
): AsyncResult<R[], R> {
  if (chunk !== 'auto' && !(Number.isInteger(chunk) && chunk > 0)) {
    throw new IpclusterError('USAGE', `chunk is ${chunk}, but must be a whole number above 0, or "auto".`);
  }
  const width = Math.max(1, context.engineCount()) * ahead;
  let next = 0;
  let underWay = 0;
  let size = chunk === 'auto' ? 1 : chunk;
  /** What was not sent never will be: its items end like that. */
  const giveUp = (error: IpclusterError): void => {
    while (next < items.length) result.settle(next++, { error }, undefined);
  };
  const result = new AsyncResult<R[], R>(
    items.length,
    (values) => values as R[],
    (ids) => {
      giveUp(new RemoteError({ status: 'aborted', how: 'removed' }, undefined));
      return context.cancel(ids);
    },
    true,
  );

  const send = (): void => {
    const count = Math.min(
      size,
      chunk === 'auto' ? Math.max(1, Math.ceil((items.length - next) / width)) : size,
    );
    const all = items.slice(next, next + count).map((item, offset) => ({ item, index: next + offset }));
    next += all.length;
    const { part, outgoing } = encodeGood(all);
    if (!outgoing) return;
    const answer = ({ engineId, outcome, runTime }: Answer): void => {
      underWay -= 1;
      const ends = endsOf(outcome, part, engineId);
      part.forEach(({ index }, offset) => {
        result.settle(index, ends[offset] as Settled, engineId, runTime / part.length);
      });
      if (chunk === 'auto' && 'value' in outcome) size = grow(size, part.length, runTime);
      fill();
    };
    result.ids.push(
      context.requests.send(outgoing, undefined, { answer, output: (event) => result.write(event) }),
    );
    underWay += 1;
  };
  /** The task for those items that can travel; each of the others ends with its own error. */
  const encodeGood = (part: Place<I>[]): { part: Place<I>[]; outgoing?: Outgoing<'apply_request'> } => {
    try {
      return { part, outgoing: makeTask(part.map(({ item }) => item)) };
    } catch (error) {
      const good = part.filter(({ item, index }) => {
        const bad = part.length === 1 ? error : errorOf(() => makeTask([item]));
        if (bad !== undefined) result.settle(index, { error: ours(bad) }, undefined);
        return bad === undefined;
      });
      if (good.length === 0) return { part: good };
      if (good.length < part.length) return encodeGood(good);
      for (const { index } of part) result.settle(index, { error: ours(error) }, undefined);
      return { part: [] };
    }
  };
  const fill = (): void => {
    try {
      while (next < items.length && (chunk !== 'auto' || underWay < width)) send();
    } catch (error) {
      // The connection is over: this may be called from its very end, where nothing may be thrown.
      next = Math.min(next, items.length);
      giveUp(ours(error));
      result.settleLeft(ours(error));
    }
  };
  fill();
  return result;
}

/** An item and its place among all. */
interface Place<I> {
  item: I;
  index: number;
}

function errorOf(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error ?? new Error('unknown');
  }
}

const ours = (error: unknown): IpclusterError =>
  isIpclusterError(error) ? error : new IpclusterError('NOT_CLONEABLE', messageOf(error), { cause: error });

/**
 * How each item of a chunk ended. Where some have failed, the engine says which, and sends the values of the
 * others.
 */
function endsOf(
  outcome: Answer['outcome'],
  part: readonly Place<unknown>[],
  engineId: number | undefined,
): Settled[] {
  if ('value' in outcome) {
    const values = Array.isArray(outcome.value) ? (outcome.value as unknown[]) : undefined;
    if (values?.length === part.length) return part.map((_place, offset) => ({ value: values[offset] }));
    return part.map(() => ({
      error: new IpclusterError('PROTOCOL', 'An engine has answered with other values than were asked for.'),
    }));
  }
  const { error } = outcome;
  if (!(error instanceof RemoteError) || !error.parts)
    return part.map((place) => ({ error: placed(error, place, part.length) }));
  const { values, failures } = error.parts;
  const failed = new Map(failures);
  return part.map(({ index, item }, offset) => {
    const content = failed.get(offset);
    return content
      ? { error: new RemoteError(content, engineId).about(index, item) }
      : { value: values[offset] };
  });
}

/** An error that one item alone has names it; what has ended several is one error for all of them. */
const placed = (error: IpclusterError, { index, item }: Place<unknown>, length: number): IpclusterError =>
  length === 1 && error instanceof RemoteError ? error.about(index, item) : error;

/**
 * Towards the aim, by a factor of four at most; run times are whole milliseconds, so 0 means less than half
 * of one.
 */
function grow(size: number, length: number, runTime: number): number {
  const each = Math.max(runTime, 0.3) / length;
  return Math.max(1, Math.min(size * 4, Math.round(aim / each)));
}
