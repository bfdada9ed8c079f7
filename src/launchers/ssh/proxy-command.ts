import { Duplex } from 'node:stream';
import { messageOf } from '../../base/errors.js';
import { deferred, within } from '../../base/wait.js';
import { spawnProcess } from '../../processes/spawn.js';
import { signalPid } from '../../processes/table.js';
import type { HostError } from './connection.js';
import { hostError } from './failures.js';
import { proxyError } from './hops.js';

/** What leads to a host in place of a connection of its own. */
export interface Way {
  stream: Duplex;
  /** Why it ended before the host said anything; undefined where it did not. */
  failure(): Promise<HostError | undefined>;
  close(): void;
}

/** So much of what it says is kept (characters). */
const keptWords = 16_384;
/** It is waited so long for what it says at its end (milliseconds). */
const lastWords = 500;

/** Starts the command of ProxyCommand with the user's shell, as ssh does. Throws {@link HostError}. */
export async function openProxyCommand(command: string): Promise<Way> {
  const shell = process.env['SHELL'] || '/bin/sh';
  const child = await spawnProcess([shell, '-c', `exec ${command}`], { detached: true, stdio: 'pipe' }).catch(
    (error: unknown) => {
      throw wayError(messageOf(error));
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
  const ended = deferred<true>();
  child.once('close', () => ended.resolve(true));
  // The end of either is told by the stream made of both.
  stdin.on('error', () => {});
  const stream = Duplex.from({ writable: stdin, readable: stdout });
  stream.on('error', () => {});
  return {
    stream,
    async failure() {
      // Its streams may end before its last words are here.
      if (!heard) await within(ended.promise, lastWords);
      return heard || said.trim() === '' ? undefined : wayError(said);
    },
    close: () => void (pid !== undefined && child.exitCode === null && signalPid(-pid, 'SIGTERM')),
  };
}

const wayError = (said: string): HostError => proxyError(hostError(said));
