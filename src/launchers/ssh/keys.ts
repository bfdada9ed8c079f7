import { existsSync, readFileSync, statSync } from 'node:fs';
import ssh2 from 'ssh2';
import { messageOf } from '../../base/errors.js';
import { runTool } from '../../processes/tool.js';
import type { Configuration } from './configuration.js';
import { askPassphrase, isTerminal } from './passphrase.js';

/** A private key that can be used. */
export interface OpenKey {
  path: string;
  text: Buffer;
  passphrase: string | undefined;
}

/** The user's keys for a host, and words for each that cannot be used. */
export async function openKeys(
  { identityFiles }: Configuration,
  hasAgent: boolean,
): Promise<{ keys: OpenKey[]; said: string[] }> {
  const keys: OpenKey[] = [];
  const said: string[] = [];
  for (const path of identityFiles.filter((file) => existsSync(file))) {
    try {
      // ssh refuses such a key as well: it may have been copied already.
      if ((statSync(path).mode & 0o077) !== 0) throw new Error(`bad permissions: ${path} may be read by others`);
      const text = readFileSync(path);
      const isLocked = isEncrypted(path, text);
      if (isLocked && hasAgent) continue;
      if (isLocked && !isTerminal()) throw new Error(`${path} has a passphrase`);
      keys.push({ path, text, passphrase: isLocked ? await askPassphrase(path) : undefined });
    } catch (error) {
      said.push(messageOf(error));
    }
  }
  return { keys, said };
}

/** True for a key with a passphrase, as the library words it. Throws for a file that is no key. */
function isEncrypted(path: string, text: Buffer): boolean {
  const error = ssh2.utils.parseKey(text);
  if (!(error instanceof Error)) return false;
  if (/encrypted|passphrase/i.test(error.message)) return true;
  throw new Error(`${path} is no key: ${error.message}`);
}

const agents = new Map<string, Promise<boolean>>();

/** True where an agent holds at least one key; each is asked once. */
export async function agentHasKeys(socket: string | undefined): Promise<boolean> {
  if (socket === undefined || !existsSync(socket)) return false;
  const asked = agents.get(socket) ?? askAgent(socket);
  agents.set(socket, asked);
  return asked;
}

async function askAgent(socket: string): Promise<boolean> {
  const { code } = await runTool({ argv: ['ssh-add', '-l'], env: { ...process.env, SSH_AUTH_SOCK: socket }, timeout: 5000 });
  return code === 0;
}
