import { Duplex } from 'node:stream';
import { spawnProcess } from '../../processes/spawn.js';
import { signalPid } from '../../processes/table.js';
import { HostError } from './connection.js';
import { hostError } from './failures.js';

/** What leads to a host in place of a connection of its own. */
export interface Way {
  stream: Duplex;
  /** Why it ended before the host said anything; undefined where it did not. */
  failure(): HostError | undefined;
  close(): void;
}

/** So much of what it says is kept (characters). */
const keptWords = 16_384;

/** Starts the command of ProxyCommand with the user's shell, as ssh does. Throws {@link HostError}. */
export async function openProxyCommand(command: string): Promise<Way> {
  const shell = process.env['SHELL'] || '/bin/sh';
  const child = await spawnProcess([shell, '-c', `exec ${command}`], { detached: true, stdio: 'pipe' }).catch(
    (error: unknown) => {
      throw wayError(error instanceof Error ? error.message : String(error));
    },
  );
  const { stdin, stdout, stderr, pid } = child;
  if (!stdin || !stdout) throw wayError('it has no streams');
  let [said, heard] = ['', false];
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < keptWords) said += text;
  });
  stdout.once('data', () => {
    heard = true;
  });
  // The end of either is told by the stream made of both.
  stdin.on('error', () => {});
  const stream = Duplex.from({ writable: stdin, readable: stdout });
  stream.on('error', () => {});
  return {
    stream,
    failure: () => (heard || said.trim() === '' ? undefined : wayError(said)),
    close: () => void (pid !== undefined && child.exitCode === null && signalPid(-pid, 'SIGTERM')),
  };
}

/** What the command said, as a verdict of the way and not of the host behind it. */
export function wayError(said: string): HostError {
  const { verdict } = hostError(said);
  return new HostError({ ...verdict, sentence: `The ProxyCommand of its configuration fails: ${verdict.sentence}` });
}
