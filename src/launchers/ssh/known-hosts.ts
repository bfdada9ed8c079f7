import { existsSync } from 'node:fs';
import { runTool } from '../../processes/tool.js';
import type { Configuration } from './configuration.js';

/** A key by which a host may be known. */
export interface KnownKey {
  type: string;
  /** Base64, as known_hosts has it. */
  key: string;
  revoked: boolean;
}

/** The keys that known_hosts files have of a host; `ssh-keygen -F` reads them, hashed names and patterns too. */
export async function knownKeys({ knownHosts, keyName }: Configuration): Promise<KnownKey[]> {
  const files = knownHosts.filter((path) => existsSync(path));
  const outputs = await Promise.all(
    files.map((path) => runTool({ argv: ['ssh-keygen', '-F', keyName, '-f', path], env: process.env, timeout: 10_000 })),
  );
  return outputs.flatMap(({ stdout }) => parseKnownKeys(stdout));
}

/** Reads the lines that `ssh-keygen -F` finds. */
export function parseKnownKeys(text: string): KnownKey[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.flatMap((line) => {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [, type, key] = words;
    return type === undefined || key === undefined || marker === '@cert-authority'
      ? []
      : [{ type, key, revoked: marker === '@revoked' }];
  });
}

/** What is to be said of a key that a host shows; undefined where it is the known one. The words are OpenSSH's. */
export function judgeKey(known: readonly KnownKey[], type: string, key: string): string | undefined {
  const same = known.filter((candidate) => candidate.key === key);
  if (same.some(({ revoked }) => revoked)) return `The ${type} host key is revoked`;
  if (same.length > 0) return undefined;
  if (known.some((candidate) => !candidate.revoked)) return `The ${type} host key has changed`;
  return `No ${type} host key is known`;
}

/** The algorithms to ask for, so that a host shows a key of a kind that is known; undefined for any. */
export function wantedAlgorithms(known: readonly KnownKey[]): string[] | undefined {
  const types = [...new Set(known.filter(({ revoked }) => !revoked).map(({ type }) => type))];
  if (types.length === 0) return undefined;
  return types.flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
}
