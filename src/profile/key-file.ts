import { IpclusterError, messageOf, systemCode } from '../base/errors.js';
import { writeWhole } from '../base/files.js';
import { readFileText, suspicionOf } from '../base/own-file.js';
import type { Role } from './connection-file.js';

/** What a controller needs to be the one that its peers knew, after it was killed. A secret: mode 0600. */
export interface KeyFile {
  kind: 'ipcluster-key';
  /** Names the cluster across starts of its controller. */
  cluster: string;
  tokens: Record<Role, string>;
  key: string;
  certificate: string;
  fingerprint: string;
  port: number;
  /** Folder in memory for large frames, which requests that are on their way may name. */
  memory: string;
  lease: number;
  /** Tokens of batch jobs, by the folder of the job. */
  joins?: Record<string, string>;
  /** What the gateway needs to be the one that Python's programs knew. */
  gateway?: Record<string, unknown> | undefined;
}

export function writeKeyFile(path: string, file: KeyFile): void {
  writeWhole(path, `${JSON.stringify(file)}\n`);
}

/**
 * Reads the keys of an earlier controller; undefined when there are none. Throws CONNECTION_FILE for a file
 * that is broken.
 */
export function readKeyFile(path: string): KeyFile | undefined {
  let value: unknown;
  try {
    const { text, facts } = readFileText(path);
    const suspicion = suspicionOf(facts);
    if (suspicion) throw new Error(`it ${suspicion}`);
    value = JSON.parse(text);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw new IpclusterError(
      'CONNECTION_FILE',
      `The key file cannot be used (${messageOf(cause)}): ${path}`,
      {
        cause,
        files: [path],
        suggestions: ['Start without --reuse: a new cluster gets new keys.'],
      },
    );
  }
  const file = value as Partial<KeyFile>;
  if (file.kind === 'ipcluster-key' && file.tokens && file.key && file.certificate && file.cluster)
    return file as KeyFile;
  throw new IpclusterError('CONNECTION_FILE', `The key file is none of ours: ${path}`, { files: [path] });
}
