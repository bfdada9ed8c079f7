import type { Handlers } from '../protocol/conversations/handlers.js';
import type { ControllerToSupervisor } from '../protocol/conversations/supervisor-controller.js';
import type { InterruptOutcome } from '../protocol/messages.js';
import type { EngineChild } from './engine-child.js';
import type { EngineSet } from './engine-set.js';
import { interruptRequest } from './interrupt.js';

/** What the controller says that is no order. */
type News = Pick<Handlers<ControllerToSupervisor>, 'committed' | 'controller_ending'>;

/** Carries out what the controller orders, on those engines. */
export function ordersFor(engines: EngineSet, news: News): Handlers<ControllerToSupervisor> {
  return {
    ...news,
    cancel_request: async ({ content: { engine, id } }) => ({
      content: { status: 'ok', outcome: await cancel(engines, engine, id) },
    }),
    reclaim_request: async ({ content: { engine, ids } }) => {
      const child = engines.find(engine);
      return { content: { status: 'ok', ids: child ? await takeBack(engines, child, ids) : [] } };
    },
    signal_request: ({ content: { targets, signal } }) => ({
      content: { status: 'ok', ids: engines.signal(targets, signal) },
    }),
    restart_request: async ({ content: { targets } }) => ({
      content: { status: 'ok', ids: await endAll(engines, targets, 'restart') },
    }),
    stop_request: async ({ content: { targets } }) => ({
      content: { status: 'ok', ids: await endAll(engines, targets, 'stop') },
    }),
  };
}

async function cancel(engines: EngineSet, engine: number, id: string | null): Promise<InterruptOutcome> {
  const child = engines.find(engine);
  if (!child) return 'unknown';
  return interruptRequest(
    {
      aim: (aimed, sequence) => engines.aim(aimed, sequence),
      restart: (aimed) => engines.end(aimed, 'restart'),
    },
    child,
    id,
  );
}

/**
 * Takes requests back that have not begun: here, or in the engine, whose main thread is busy with another.
 */
async function takeBack(engines: EngineSet, child: EngineChild, ids: readonly string[]): Promise<string[]> {
  const taken = ids.filter((id) => child.requests.takeBack(id));
  const inside = child.requests.inEngine.filter(({ id }) => ids.includes(id));
  await Promise.all(
    inside.map(async ({ id, sequence }) => {
      if ((await engines.aim(child, sequence, true)) === 'removed' && child.requests.drop(id)) taken.push(id);
    }),
  );
  return ids.filter((id) => taken.includes(id));
}

async function endAll(
  engines: EngineSet,
  targets: readonly number[],
  how: 'restart' | 'stop',
): Promise<number[]> {
  const children = targets.flatMap((id) => engines.find(id) ?? []);
  await Promise.all(children.map((child) => engines.end(child, how)));
  return children.map(({ id }) => id);
}
