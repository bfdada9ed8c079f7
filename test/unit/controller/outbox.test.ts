import { expect, test, vi } from 'vitest';
import { Outbox } from '../../../src/controller/outbox.js';
import type { Store } from '../../../src/controller/store.js';
import { decodeMessage, Session } from '../../../src/protocol/message.js';
import type { Route } from '../../../src/protocol/routes.js';
import type { Link } from '../../../src/transport/link.js';

const body = Buffer.from('the reply');

function outboxOf(replies: object[], backlog = { bytes: 0 }) {
  const sent: [Route, Buffer][] = [];
  const link = {
    open: true,
    get backlog() {
      return backlog.bytes;
    },
    send: (route: Route, parts: Buffer[]) => sent.push([route, Buffer.concat(parts)]),
  };
  const store = { ask: vi.fn(async () => replies) };
  return { outbox: new Outbox(link as unknown as Link, store as unknown as Store, new Session('s')), sent };
}

test('a reply that the store has is sent; one that it could not keep is said to be gone', async () => {
  const { outbox, sent } = outboxOf([
    { engine: 0, status: 'ok', body },
    { engine: 1, status: 'ok', body: null },
  ]);
  outbox.stored('x');
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(sent[0]).toEqual([{ channel: 'reply', id: 'x', status: 'ok', from: 0 }, body]);
  expect(sent[1]?.[0]).toEqual({ channel: 'reply', id: 'x', status: 'error', from: 1 });
  expect(decodeMessage(sent[1]?.[1] as Buffer).content).toMatchObject({ ename: 'ResultGone' });
});

test(
  'replies wait in the store while the client reads slowly, and output is dropped ' + 'with a notice',
  async () => {
    const backlog = { bytes: 1e9 };
    const { outbox, sent } = outboxOf([{ engine: 2, status: 'ok', body }], backlog);
    const output: Route = { channel: 'output', id: 'x', session: 's', from: 2 };
    outbox.reply({ channel: 'reply', id: 'x', status: 'ok', from: 2 }, [body]);
    outbox.output(output, [body], (dropped) => [Buffer.from(`${dropped} dropped`)]);
    expect(sent).toEqual([]);
    backlog.bytes = 0;
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    outbox.output(output, [body], (dropped) => [Buffer.from(`${dropped} dropped`)]);
    expect(sent.slice(1).map(([, bytes]) => String(bytes))).toEqual(['9 dropped', 'the reply']);
  },
);
