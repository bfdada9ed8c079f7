import type ssh2 from 'ssh2';
import { Timer } from '../../base/timer.js';
import type { ToolOutcome } from '../../processes/tool.js';
import { hostError } from './failures.js';
import { forAnyShell, isWhole } from './scripts.js';

/**
 * Runs a script on a host of the library: its answers are awaited, not the end of its streams. Rejects with
 * {@link hostError}.
 */
export function runScript(client: ssh2.Client, script: string, timeout: number): Promise<ToolOutcome> {
  return new Promise((resolve, reject) => {
    const said = { stdout: '', stderr: '' };
    const limit = new Timer(timeout, () => resolve({ code: null, ...said, timedOut: true }));
    const over = (): void => {
      limit.end();
      reject(hostError('Connection lost'));
    };
    client.once('close', over);
    client.exec('/bin/sh -s', (error, stream) => {
      if (error) {
        limit.end();
        return reject(hostError(error.message));
      }
      const settle = (code: number | null): void => {
        limit.end();
        client.off('close', over);
        resolve({ code, ...said, timedOut: false });
      };
      stream.setEncoding('utf8').on('data', (text: string) => {
        said.stdout += text;
        if (!isWhole(said.stdout)) return;
        settle(0);
        stream.close();
      });
      stream.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
      stream.once('close', (code: number | null) => settle(code ?? null));
      stream.end(forAnyShell(script));
    });
  });
}
