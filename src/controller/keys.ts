import { randomUUID } from 'node:crypto';
import { newToken } from '../base/identifiers.js';
import { makeMemoryFolder } from '../base/memory-files.js';
import { type KeyFile, readKeyFile } from '../profile/key-file.js';
import { markOf, type Place, pathsOf } from '../profile/paths.js';
import { makeCertificate } from './certificate.js';

export interface Keys {
  keys: KeyFile;
  /** True for those of an earlier controller. */
  again: boolean;
  /** The lease that its peers know: who is not back by then is gone. */
  leaseBefore: number;
}

/**
 * The controller's keys: new ones, or with `reuse` those of the controller before, so that its peers know
 * this one. Throws CONNECTION_FILE when the file of the keys is broken.
 */
export function obtainKeys(place: Place, reuse: boolean, lease: number): Keys {
  const before = reuse ? readKeyFile(pathsOf(place).keyFile) : undefined;
  const memory = makeMemoryFolder(markOf(place, ''), before?.memory);
  if (before) return { keys: { ...before, memory, lease }, again: true, leaseBefore: before.lease };
  const { key, certificate, fingerprint } = makeCertificate();
  const tokens = { client: newToken(), engine: newToken() };
  return {
    keys: {
      kind: 'ipcluster-key',
      cluster: randomUUID(),
      tokens,
      key,
      certificate,
      fingerprint,
      port: 0,
      memory,
      lease,
    },
    again: false,
    leaseBefore: lease,
  };
}
