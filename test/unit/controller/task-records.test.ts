import { expect, test } from 'vitest';
import type { StoredReply } from '../../../src/controller/store-messages.js';
import { describeTask, type TaskRow } from '../../../src/controller/task-records.js';
import { encodeFrames } from '../../../src/protocol/frames.js';

const submitted = '2026-01-01T12:00:00.000Z';
const ended = Date.parse('2026-01-01T12:00:05.000Z');

/** A reply from an engine whose clock is so many milliseconds off; it ran for two seconds. */
function replyOf(shift: number): StoredReply {
  const at = (time: number): string => new Date(time + shift).toISOString();
  const header = {
    msg_id: 'a',
    msg_type: 'apply_reply',
    session: 's',
    date: at(ended - 10),
    username: 'u',
    version: '5.3',
  };
  const parts = [header, {}, { started: at(ended - 2010) }, { status: 'ok' }];
  const body = Buffer.concat(encodeFrames(parts.map((part) => Buffer.from(JSON.stringify(part)))));
  return { engine: 0, status: 'ok', ended, body } as unknown as StoredReply;
}

test.each([0, -7_200_000, 7_200_000])(
  'a record is of one clock, whatever that of the engine says (%i ms off)',
  (shift) => {
    const row = {
      id: 'a',
      session: 's',
      queue: 'direct',
      type: 'apply',
      label: '',
      submitted,
      targets: 1,
    } as unknown as TaskRow;
    expect(describeTask(row, [replyOf(shift)])).toMatchObject({
      submitted,
      started: '2026-01-01T12:00:03.000Z',
      completed: '2026-01-01T12:00:05.000Z',
    });
  },
);
