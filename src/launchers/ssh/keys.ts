import { existsSync, readFileSync, statSync } from 'node:fs';
import ssh2 from 'ssh2';
import { messageOf } from '../../base/errors.js';
import { type AgentKey, keysOfAgent, offeredKeys } from './agent.js';
import type { Configuration } from './configuration.js';
import { askPassphrase, isTerminal } from './passphrase.js';
import { isPublic, publicKeyOf } from './public-key.js';

/** A private key that can be used. */
interface OpenKey {
  path: string;
  text: Buffer;
  passphrase: string | undefined;
}

/** Everything that a host is offered. */
interface Offer {
  keys: OpenKey[];
  /** Keys of the agent, in the order in which they are offered. */
  fromAgent: AgentKey[];
  /** Words for each key that cannot be used. */
  said: string[];
}

/** The user's keys for a host, those of the agent among them. */
export async function openKeys({ identityFiles, identitiesOnly, agent }: Configuration): Promise<Offer> {
  const held = await keysOfAgent(agent);
  const files = identityFiles.filter((file) => existsSync(file));
  const named = files.flatMap((path) => publicKeyOf(path) ?? []);
  const fromAgent = offeredKeys(held, named, identitiesOnly);
  const keys: OpenKey[] = [];
  const said: string[] = [];
  for (const path of files) {
    const own = publicKeyOf(path);
    // The agent offers it already, and each offer counts.
    if (own && held.some(({ blob }) => blob.equals(own))) continue;
    try {
      const key = await openKey(path, held.length > 0);
      if (key) keys.push(key);
    } catch (error) {
      said.push(messageOf(error));
    }
  }
  return { keys, fromAgent, said };
}

/**
 * Opens one; undefined for one that nobody should be asked about before the agent has been tried. Throws with
 * words like ssh's.
 */
async function openKey(path: string, hasAgent: boolean): Promise<OpenKey | undefined> {
  const text = readFileSync(path);
  if (isPublic(text))
    throw new Error(`permission denied: ${path} is a public key, and no agent has its other half`);
  // ssh refuses such a key as well: it may have been copied already.
  if ((statSync(path).mode & 0o077) !== 0) throw new Error(`bad permissions: ${path} may be read by others`);
  const isLocked = isEncrypted(path, text);
  if (isLocked && hasAgent) return undefined;
  if (isLocked && !isTerminal()) throw new Error(`${path} has a passphrase`);
  return { path, text, passphrase: isLocked ? await askPassphrase(path) : undefined };
}

/** True for a key with a passphrase, as the library words it. Throws for a file that is no key. */
function isEncrypted(path: string, text: Buffer): boolean {
  const error = ssh2.utils.parseKey(text);
  if (!(error instanceof Error)) return false;
  if (/encrypted|passphrase/i.test(error.message)) return true;
  throw new Error(`${path} is no key: ${error.message}`);
}
