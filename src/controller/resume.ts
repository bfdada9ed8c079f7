import type { MessageContents } from '../protocol/messages.js';
import type { Link } from '../transport/link.js';
import type { Broker } from './broker.js';
import type { Clients } from './clients.js';
import type { Receipts } from './receipts.js';
import type { Store } from './store.js';

type Pending = MessageContents['resume_request']['pending'];

/**
 * What a client that came back must do itself: send tasks again that nobody knows, and give up what no engine
 * will answer.
 */
interface Left {
  unknown: string[];
  memory: string | null;
  lost: { id: string; engines: number[] }[];
}

/**
 * Sees to the requests that a client waits for after its connection was cut: answers that are there are sent,
 * what still runs will be answered, and the rest is named.
 */
export async function resume(
  {
    broker,
    store,
    clients,
    receipts,
  }: { broker: Broker; store: Store; clients: Clients; receipts: Receipts },
  session: string,
  pending: Pending,
  link: Link,
): Promise<Left> {
  const open = pending.filter(({ id, to }) => to !== null || !broker.balanced.queue.tasks.has(id));
  const outcomes = await store.ask({ kind: 'outcomes', ids: open.map(({ id }) => id) }).catch(() => []);
  const answered = new Map(outcomes.map(({ id, engines }) => [id, new Set(engines)]));
  // Everything that came before the question is committed by now, if there is a disk to commit it to.
  const left: Left = { unknown: [], memory: store.trouble ?? null, lost: [] };
  receipts.expect(link);
  store.mark();
  for (const { id, to } of open) {
    const engines = answered.get(id);
    if (engines) clients.stored(session, id);
    if (to === null) {
      if (!engines && !broker.balanced.queue.tasks.has(id)) left.unknown.push(id);
      continue;
    }
    const coming = new Set(broker.direct.enginesOf(id));
    const lost = to.filter((engine) => !engines?.has(engine) && !coming.has(engine));
    if (lost.length > 0) left.lost.push({ id, engines: lost });
  }
  return left;
}
