import { IpclusterError } from '../base/errors.js';
import type { Outgoing } from '../protocol/message.js';
import { AsyncResult } from './async-result.js';
import type { Answer } from './requests.js';
import type { ViewContext } from './view-context.js';

/** How many items make one task. */
export type ChunkSize = number | 'auto';

/** A chunk of `auto` aims at this run time (milliseconds): long beside the cost of a task, short for people. */
const aim = 20;
/** Chunks that are under way for each engine, so that none waits for the next. */
const ahead = 3;

/**
 * Sends items in chunks as balanced tasks and collects the results by item. With `auto` chunks begin at one item and grow to
 * about 20 ms; with a number all go at once.
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
  const result = new AsyncResult<R[], R>(items.length, (values) => values as R[], context.cancel);
  const width = Math.max(1, context.engineCount()) * ahead;
  let next = 0;
  let underWay = 0;
  let size = chunk === 'auto' ? 1 : chunk;

  const send = (): void => {
    const start = next;
    const count = Math.min(size, chunk === 'auto' ? Math.max(1, Math.ceil((items.length - start) / width)) : size);
    const part = items.slice(start, start + count);
    next += part.length;
    underWay += 1;
    const answer = ({ engineId, outcome, runTime }: Answer): void => {
      underWay -= 1;
      const values = 'error' in outcome ? undefined : (outcome.value as unknown[]);
      part.forEach((_item, offset) => {
        const settled = values ? { value: values[offset] } : (outcome as { error: IpclusterError });
        result.settle(start + offset, settled, engineId, runTime / part.length);
      });
      if (chunk === 'auto' && values) size = grow(size, part.length, runTime);
      fill();
    };
    result.ids.push(context.requests.send(makeTask(part), undefined, { answer, output: (event) => result.write(event) }));
  };
  const fill = (): void => {
    while (next < items.length && (chunk !== 'auto' || underWay < width)) send();
  };
  fill();
  return result;
}

/** Towards the aim, by a factor of four at most; run times are whole milliseconds, so 0 means less than half of one. */
function grow(size: number, length: number, runTime: number): number {
  const each = Math.max(runTime, 0.3) / length;
  return Math.max(1, Math.min(size * 4, Math.round(aim / each)));
}
