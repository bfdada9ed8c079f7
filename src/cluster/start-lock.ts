import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { IpclusterError, systemCode } from '../base/errors.js';
import { writeWhole } from '../base/files.js';
import { sleep } from '../base/wait.js';
import { identify, isAlive, type ProcessIdentity } from '../processes/table.js';
import { type Place, pathsOf } from '../profile/paths.js';

/** Who starts a cluster at a place. Locks of file systems lie, so it is a file that says who. */
interface Owner extends ProcessIdentity {
  nonce: string;
  host: string;
  bootId: string;
  since: number;
}

/** A start on another host that is older than this has surely ended (milliseconds). */
const longestStart = 600_000;
/**
 * Two that find the same leftover may both take it; after this time it is clear whose it is (milliseconds).
 */
const settling = 100;

/**
 * Only one start at a time for one cluster: the other one fails with CLUSTER_RUNNING. Call what it answers in
 * the end.
 */
export async function lockStart(place: Place): Promise<() => void> {
  const { startLock } = pathsOf(place);
  const own: Owner = {
    ...(identify(process.pid) ?? { pid: process.pid, startTime: null }),
    nonce: randomUUID(),
    host: hostname(),
    bootId: bootId(),
    since: Date.now(),
  };
  if (take(startLock, own)) return () => rmSync(startLock, { force: true });
  const owner = readOwner(startLock);
  if (owner && isBusy(owner)) throw busy(startLock, owner);
  rmSync(startLock, { force: true });
  const taken = take(startLock, own);
  if (taken) await sleep(settling);
  if (!taken || readOwner(startLock)?.nonce !== own.nonce) throw busy(startLock, readOwner(startLock));
  return () => rmSync(startLock, { force: true });
}

/** Makes the file, whole, unless there is one. */
function take(path: string, own: Owner): boolean {
  const temporary = `${path}.${own.nonce}`;
  writeWhole(temporary, JSON.stringify(own));
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function readOwner(path: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

function isBusy(owner: Owner): boolean {
  if (owner.host !== hostname()) return Date.now() - owner.since < longestStart;
  return owner.bootId === bootId() && isAlive(owner);
}

function busy(path: string, owner: Owner | undefined): IpclusterError {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : 'another process';
  return new IpclusterError('CLUSTER_RUNNING', `A cluster is being started there right now, by ${who}.`, {
    files: [path],
    suggestions: [
      'Wait for it: `ipcluster status`.',
      'Start a second one beside it: `ipcluster start --cluster-id second`.',
    ],
  });
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
