import { IpclusterError, messageOf, systemCode } from '../base/errors.js';
import { writeWhole } from '../base/files.js';
import { readFileText, suspicionOf } from '../base/own-file.js';
import { poll } from '../base/wait.js';
import { type Place, pathsOf } from './paths.js';

export type Role = 'client' | 'engine';

/** What a peer needs to reach the controller and to know that it is the right one. A secret: mode 0600. */
export interface ConnectionFile {
  /** Tells ours from the files of Python's controller, which share the name. */
  kind: 'ipcluster';
  protocol: number;
  role: Role;
  clusterId: string;
  /** Candidate addresses, best first; names last. */
  addresses: string[];
  port: number;
  /** Unix socket for peers on the controller's own host. */
  socket: string;
  /** Folder in this host's memory for large frames; empty where there is none. */
  memory: string;
  host: string;
  /** Names the start of that host's kernel; empty text where it does not say. */
  boot: string;
  pid: number;
  /** Differs from start to start, so that a stale file is recognised. */
  nonce: string;
  /**
   * The same for a controller that was started again with the keys of the last one: those who knew that one
   * may come back.
   */
  cluster: string;
  /** Milliseconds of silence after which peers give each other up. */
  lease: number;
  /** PEM; peers trust this and nothing else. */
  certificate: string;
  /** SHA-256 of the certificate, as `node:tls` prints it. */
  fingerprint: string;
  token: string;
  /** IPython's field: the machine of the controller. */
  location: string;
}

export function writeConnectionFile(path: string, file: ConnectionFile): void {
  writeWhole(path, `${JSON.stringify(file, null, 1)}\n`);
}

/**
 * Reads and checks a connection file. Throws CONNECTION_FILE with a sentence for every way in which it can be
 * wrong.
 */
export function readConnectionFile(path: string): ConnectionFile {
  const wrong = (why: string, cause?: unknown): IpclusterError =>
    new IpclusterError('CONNECTION_FILE', `The connection file ${why}: ${path}`, { files: [path], cause });
  let text: string;
  try {
    const file = readFileText(path);
    const suspicion = suspicionOf(file.facts);
    if (suspicion) throw wrong(suspicion);
    text = file.text;
  } catch (error) {
    if (error instanceof IpclusterError) throw error;
    throw wrong(
      systemCode(error) === 'ENOENT' ? 'is not there' : `cannot be read (${messageOf(error)})`,
      error,
    );
  }
  const value = parse(text);
  if (value === undefined) throw wrong('is no JSON, perhaps cut off');
  if (isOurs(value)) return value;
  if (isPythons(value)) throw wrong("is one of Python's ipcontroller, which this program cannot use");
  throw wrong('lacks what makes a connection file (addresses, port, certificate, token)');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * True for what Python's ipcontroller writes. The files of its two roles share little: a client's has no
 * heartbeat and an engine's no notification (ipyparallel 7.1, controller/app.py, `save_connection_dict`).
 */
function isPythons(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !('kind' in value) &&
    'registration' in value &&
    'key' in value
  );
}

/**
 * Those of a place's connection files that Python's ipcontroller wrote: they are its, whether it lives or
 * not.
 */
export function filesOfPython(place: Place): string[] {
  const { clientFile, engineFile } = pathsOf(place);
  return [clientFile, engineFile].filter((path) => {
    try {
      return isPythons(JSON.parse(readFileText(path).text));
    } catch {
      // What is not there, or cannot be read, is nobody's.
      return false;
    }
  });
}

function isOurs(value: unknown): value is ConnectionFile {
  if (typeof value !== 'object' || value === null) return false;
  const file = value as Partial<Record<keyof ConnectionFile, unknown>>;
  const texts = [
    'certificate',
    'fingerprint',
    'token',
    'socket',
    'host',
    'nonce',
    'cluster',
    'clusterId',
  ] as const;
  return (
    file.kind === 'ipcluster' &&
    Array.isArray(file.addresses) &&
    Number.isInteger(file.port) &&
    typeof file.lease === 'number' &&
    texts.every((name) => typeof file[name] === 'string')
  );
}

/**
 * Waits for a connection file that somebody is about to write: absent and half-written mean "not yet".
 * Throws CONNECTION_FILE for one that is whole and wrong, CONNECTION_FILE_TIMEOUT when the time is over.
 */
export async function awaitConnectionFile(
  path: string,
  timeout: number,
  signal?: AbortSignal,
): Promise<ConnectionFile> {
  const file = await poll(() => readIfWhole(path), { timeout, signal }, 250);
  if (file) return file;
  throw new IpclusterError(
    'CONNECTION_FILE_TIMEOUT',
    `No connection file after ${timeout / 1000} s: ${path}`,
    {
      files: [path],
    },
  );
}

function readIfWhole(path: string): ConnectionFile | undefined {
  try {
    return readConnectionFile(path);
  } catch (error) {
    const cause = (error as IpclusterError).cause;
    if (systemCode(cause) === 'ENOENT' || messageOf(error).includes('is no JSON')) return undefined;
    throw error;
  }
}
