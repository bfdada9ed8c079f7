import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Audience } from '../../../src/controller/audience.js';
import { decodeMessage, Session } from '../../../src/protocol/message.js';
import type { Link } from '../../../src/transport/link.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A link whose other side reads when the test says so. */
function reader(reads: boolean) {
  const got: { event: string; count?: number }[] = [];
  const link = {
    open: true,
    backlog: 0,
    send: (_route: unknown, body: Buffer[]) => {
      const bytes = Buffer.concat(body);
      if (!reads) link.backlog += bytes.length;
      got.push(decodeMessage(bytes).content as never);
    },
  };
  return { link: link as unknown as Link & { backlog: number }, got };
}

test('a watcher that does not read costs a bounded number of bytes, and is told what it has missed', () => {
  const audience = new Audience(new Session('controller'));
  const [good, slow] = [reader(true), reader(false)];
  const tell = (count: number): void => {
    for (let number = 0; number < count; number++)
      audience.tell([good.link, slow.link], {
        event: 'task',
        id: `${number}`,
        state: 'done',
        engine: 0,
        status: 'ok',
      });
  };
  tell(30_000);
  expect(slow.link.backlog).toBeLessThan(2.1 * 1024 * 1024);
  expect(good.got).toHaveLength(30_000);
  const missed = 30_000 - slow.got.length;
  expect(missed).toBeGreaterThan(1000);
  slow.link.backlog = 0;
  vi.advanceTimersByTime(300);
  expect(slow.got.at(-1)).toEqual({ event: 'missed', count: missed });
  expect(vi.getTimerCount()).toBe(0);
  tell(1);
  expect(slow.got.at(-1)).toMatchObject({ event: 'task' });
  audience.left(slow.link);
});
