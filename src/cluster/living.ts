import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { poll } from '../base/wait.js';
import { Client } from '../client/client.js';
import { findMarked, inspectProcess, type ProcessInfo } from '../processes/table.js';
import type { ClusterFile } from '../profile/cluster-file.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { readRegisteredFile } from '../profile/registered-file.js';

/**
 * A controller writes files of its that are gone every ten seconds; two more for a busy machine
 * (milliseconds).
 */
const restoring = 12_000;

/**
 * The process of a place's controller on this machine, whatever became of its files: by its mark, or by what
 * it has written of itself where it was started by hand.
 */
export async function livingController(
  place: Place,
  file: ClusterFile | undefined,
): Promise<ProcessInfo | undefined> {
  const [marked] = file ? findMarked((mark) => mark === `${file.mark}/controller`).filter(isController) : [];
  if (marked) return marked;
  const { host, pid } = (await readRegisteredFile(pathsOf(place).registeredFile))?.controller ?? {};
  const written = host === hostname() && pid !== undefined ? inspectProcess(pid) : undefined;
  return written && isController(written) ? written : undefined;
}

const isController = ({ command }: ProcessInfo): boolean => /\bprograms\/ipcontroller\./.test(command);

/**
 * Waits for a controller whose process is here and whose connection file is not: it writes the file again, or
 * ends. Answers a client of it, or undefined where it has ended or does neither.
 */
export async function awaitReturn(place: Place, file: ClusterFile | undefined): Promise<Client | undefined> {
  const { clientFile } = pathsOf(place);
  const isDecided = async (): Promise<true | undefined> =>
    existsSync(clientFile) || !(await livingController(place, file)) ? true : undefined;
  await poll(isDecided, { timeout: restoring }, 200);
  if (!existsSync(clientFile)) return undefined;
  return Client.connect({ file: clientFile, timeout: 3000 }).catch(() => undefined);
}
