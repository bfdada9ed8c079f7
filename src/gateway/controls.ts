import { constants } from 'node:os';
import { IpclusterError } from '../base/errors.js';
import { sleep } from '../base/wait.js';
import type { EngineName } from '../protocol/messages.js';
import { errorContent } from './hub-requests.js';
import type { PythonClient } from './python-client.js';

/** A task and the word to stop it come on two connections, so the word may be first: it waits so long, so often (milliseconds). */
const overtaking = 20;
const patience = 5;

/** Carries out what Python's clients ask of an engine on its control channel; answers the content of the reply. */
export async function control(
  client: PythonClient,
  engine: EngineName,
  type: string,
  content: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  try {
    if (type === 'abort_request') await abort(client, engine, content['msg_ids']);
    else if (type === 'shutdown_request') await client.ask('stop_request', { targets: [engine.id] });
    else if (type === 'signal_request')
      await client.ask('signal_request', { targets: [engine.id], signal: signalName(content['sig']) });
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
  for (let tries = 0; tries < patience && !ids.every((id) => client.knows(id)); tries++) await sleep(overtaking);
  await client.ask('abort_request', { ids, targets: [engine], waiting: true });
}

async function queued(client: PythonClient, engine: number): Promise<string[]> {
  const { content } = await client.ask('queue_request', {});
  const { direct = [], balanced = [] } = content.engines.find(({ id }) => id === engine) ?? {};
  return [...direct, ...balanced].filter((id) => client.asked.has(id));
}

/** The name of a signal that is given by name or number. Throws USAGE for one that is not known. */
function signalName(signal: unknown): string {
  const found = Object.entries(constants.signals).find(([name, number]) => name === signal || number === signal);
  if (!found) throw new IpclusterError('USAGE', `There is no signal ${String(signal)}.`);
  return found[0];
}
