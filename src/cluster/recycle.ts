import { poll, sleep } from '../base/wait.js';
import type { Client } from '../client/client.js';
import type { EngineRecord } from '../protocol/messages.js';

export interface RecycleOptions {
  /** Ids of the engines. */
  targets: readonly number[];
  /** Milliseconds that an engine gets to finish what it runs; then it is restarted all the same. */
  patience: number;
  signal?: AbortSignal | undefined;
  /** Told of each engine that is there again. */
  onRestarted?: ((id: number) => void) | undefined;
}

/**
 * Restarts engines one by one, idle ones first, so that the others go on working. Answers their ids in the
 * order in which it was done.
 */
export async function recycle(client: Client, options: RecycleOptions): Promise<number[]> {
  const { targets, patience, signal, onRestarted } = options;
  const left = new Set(targets);
  const done: number[] = [];
  let end = performance.now() + patience;
  while (left.size > 0) {
    signal?.throwIfAborted();
    const engines = (await client.status()).engines.filter(({ id }) => left.has(id));
    for (const id of left) if (!engines.some((engine) => engine.id === id)) left.delete(id);
    const next =
      engines.find(({ state }) => state === 'idle') ??
      (performance.now() >= end ? longestBusy(engines) : undefined);
    if (!next) {
      await sleep(50, signal);
      continue;
    }
    await restartOne(client, next);
    left.delete(next.id);
    done.push(next.id);
    onRestarted?.(next.id);
    end = performance.now() + patience;
  }
  return done;
}

const longestBusy = (engines: readonly EngineRecord[]): EngineRecord | undefined =>
  engines.reduce<EngineRecord | undefined>((a, b) => (a && a.since <= b.since ? a : b), undefined);

/** Restarts an engine and waits until another process has its id, at most half a minute. */
async function restartOne(client: Client, { id, uuid }: EngineRecord): Promise<void> {
  await client.restartEngines([id]);
  const isBack = async (): Promise<true | undefined> =>
    (await client.status()).engines.some((engine) => engine.id === id && engine.uuid !== uuid)
      ? true
      : undefined;
  await poll(isBack, { timeout: 30_000 }, 50);
}
