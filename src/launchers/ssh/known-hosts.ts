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

/**
 * The keys that known_hosts files have of a host; `ssh-keygen -F` reads them, hashed names and patterns too.
 */
export async function knownKeys({ knownHosts, keyName }: Configuration): Promise<KnownKey[]> {
  const files = knownHosts.filter((path) => existsSync(path));
  const outputs = await Promise.all(
    files.map((path) =>
      runTool({ argv: ['ssh-keygen', '-F', keyName, '-f', path], env: process.env, timeout: 10_000 }),
    ),
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

/**
 * What is to be said of a key that a host shows; undefined where it is the known one. The words are
 * OpenSSH's.
 */
export function judgeKey(known: readonly KnownKey[], type: string, key: string): string | undefined {
  const same = known.filter((candidate) => candidate.key === key);
  if (same.some(({ revoked }) => revoked)) return `The ${type} host key is revoked`;
  if (same.length > 0) return undefined;
  if (known.some((candidate) => !candidate.revoked)) return `The ${type} host key has changed`;
  return `No ${type} host key is known`;
}

/** Kinds of host keys that our library can judge. */
const judged = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
];
/** A key of RSA has other names as an algorithm. */
const algorithmsOf = (type: string): string[] =>
  type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type];

/**
 * The algorithms to ask for, so that a host shows a key of a kind that is known, in the order of those that
 * the configuration allows (none named: all). Where no kind is known: all that are allowed; undefined for
 * any.
 */
export function wantedAlgorithms(
  known: readonly KnownKey[],
  allowed: readonly string[] = [],
): string[] | undefined {
  const valid = known.filter(({ type, revoked }) => !revoked && judged.includes(type));
  const fitting = [...new Set(valid.map(({ type }) => type))].flatMap(algorithmsOf);
  const possible = allowed.filter((algorithm) => judged.flatMap(algorithmsOf).includes(algorithm));
  const wanted =
    possible.length === 0 ? fitting : possible.filter((algorithm) => fitting.includes(algorithm));
  const chosen = wanted.length > 0 ? wanted : possible;
  return chosen.length > 0 ? chosen : undefined;
}
