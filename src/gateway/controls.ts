import { constants } from 'node:os';
import { IpclusterError } from '../base/errors.js';
import { isSignal } from '../base/signals.js';
import { sleep } from '../base/wait.js';
import type { EngineName } from '../protocol/messages.js';
import { errorContent } from './hub-requests.js';
import type { PythonClient } from './python-client.js';

/**
 * A task and the word to stop it come on two connections, so the word may be first: it waits so long, so
 * often (milliseconds).
 */
const overtaking = 20;
const patience = 5;

/**
 * Carries out what Python's clients ask of an engine on its control channel; answers the content of the
 * reply.
 */
export async function control(
  client: PythonClient,
  engine: EngineName,
  type: string,
  content: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  try {
    if (type === 'abort_request') await abort(client, engine, content['msg_ids']);
    else if (type === 'shutdown_request') await client.ask('stop_request', { targets: [engine.id] });
    else if (type === 'signal_request') await send(client, engine, content['sig']);
    else if (type === 'interrupt_request') await client.ask('interrupt_request', { targets: [engine.id] });
    else throw new IpclusterError('USAGE', `Engines know no ${type} here.`);
    return { status: 'ok', ...(type === 'shutdown_request' && { restart: false }) };
  } catch (error) {
    return errorContent(error);
  }
}

/** Stops what has not begun: the tasks named, or everything of this client that waits for that engine. */
async function abort(client: PythonClient, { id: engine }: EngineName, named: unknown): Promise<void> {
  const given = (Array.isArray(named) ? named : [named]).filter((id): id is string => typeof id === 'string');
  const ids = given.length > 0 ? given : await queued(client, engine);
  for (let tries = 0; tries < patience && !ids.every((id) => client.knows(id)); tries++)
    await sleep(overtaking);
  await client.ask('abort_request', { ids, targets: [engine], waiting: true });
}

async function queued(client: PythonClient, engine: number): Promise<string[]> {
  const { content } = await client.ask('queue_request', {});
  const { direct = [], balanced = [] } = content.engines.find(({ id }) => id === engine) ?? {};
  return [...direct, ...balanced].filter((id) => client.asked.has(id));
}

/**
 * Sends a signal to an engine. Throws USAGE for one that is not known, NOT_FOUND where no process was there
 * to get it.
 */
async function send(client: PythonClient, { id }: EngineName, signal: unknown): Promise<void> {
  const { content } = await client.ask('signal_request', { targets: [id], signal: signalWord(signal) });
  if (!content.ids.includes(id))
    throw new IpclusterError('NOT_FOUND', `Engine ${id} has no process any more.`);
}

/**
 * A signal's word by its name or number: its name, or the number of one that has none here, such as 0, which
 * asks only whether there is a process, and the real-time signals. Throws USAGE for what is none.
 */
export function signalWord(signal: unknown): string {
  const found = Object.entries(constants.signals).find(
    ([name, number]) => name === signal || number === signal,
  );
  const word = found?.[0] ?? String(signal);
  if (!found && !(typeof signal === 'number' && isSignal(word)))
    throw new IpclusterError('USAGE', `There is no signal ${word}.`);
  return word;
}
