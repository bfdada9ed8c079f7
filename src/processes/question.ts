import { once } from 'node:events';
import { Timer } from '../base/timer.js';
import { spawnProcess } from './spawn.js';
import { signalPid } from './table.js';

/** An answer is a line or two (characters). */
const longestAnswer = 4096;

/**
 * What bash prints for these words; undefined where they fail, say more than a few lines, take longer than so
 * many milliseconds, or nobody wants to know any more (`signal`). For programs that stay small: nothing of a
 * library is loaded for it. Never rejects.
 */
export async function askShell(
  words: string,
  timeout: number,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (signal?.aborted) return undefined;
  try {
    const stdio = ['ignore', 'pipe', 'ignore'] as const;
    const child = await spawnProcess(['/bin/bash', '-c', words], {
      env: process.env,
      detached: true,
      stdio: [...stdio],
    });
    let answer = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (answer.length <= longestAnswer) answer += text;
    });
    const kill = (): void => {
      signalPid(-(child.pid ?? Number.NaN), 'SIGKILL');
      child.stdout?.destroy();
    };
    const limit = new Timer(timeout, kill);
    signal?.addEventListener('abort', kill, { once: true });
    const [code] = await once(child, 'close');
    signal?.removeEventListener('abort', kill);
    limit.end();
    return code === 0 && answer.length <= longestAnswer ? answer : undefined;
  } catch {
    // The system has no room for a shell: that is no answer either.
    return undefined;
  }
}
