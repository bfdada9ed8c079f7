import { decodeFrames } from './frames.js';
import { headerOf } from './message.js';

/*
 * IPython's rule of `stop_on_error`: where code that is not `silent` fails, the code that waits behind it
 * does not run. An engine of IPython does so with what it has been given, whoever sent that, and knows
 * nothing of our queues. So the rule is ours: nothing is handed over behind such code, and whoever holds the
 * queue takes out what the same client has sent; the engine is told not to.
 */

/** True for code whose failure stops what waits behind it. Our own clients do not ask for that. */
export function stopsOnError(body: Buffer): boolean {
  if (headerOf(body).header.msg_type !== 'execute_request') return false;
  try {
    const content = JSON.parse(String(decodeFrames(body)[3])) as Record<string, unknown>;
    return content['silent'] === false && content['stop_on_error'] !== false;
  } catch {
    // Whoever runs it will say that it cannot be read.
    return false;
  }
}

/** Takes out of a queue what does not run because such code of that session failed; answers it. */
export function takeStopped<T extends { body: Buffer }>(waiting: T[], session: string): T[] {
  const stopped = waiting.filter(
    ({ body }) => headerOf(body).header.session === session && stopsOnError(body),
  );
  const left = waiting.filter((request) => !stopped.includes(request));
  waiting.splice(0, waiting.length, ...left);
  return stopped;
}
