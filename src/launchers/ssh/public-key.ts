import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';

/**
 * True for the public half of a key, which everybody may read: an IdentityFile may name it to choose a key of
 * the agent.
 */
export const isPublic = (text: Buffer): boolean =>
  /^(ssh-|ecdsa-|sk-)[\w@.-]+ [A-Za-z0-9+/=]+/.test(text.toString('latin1', 0, 2000));

/**
 * The public half of the key that an IdentityFile names, as it is sent; undefined where it cannot be known
 * without the passphrase.
 */
export function publicKeyOf(path: string): Buffer | undefined {
  for (const name of [path, `${path}.pub`]) {
    const text = read(name);
    const blob = text && (clearPublicKey(text) ?? parsedPublicKey(text));
    if (blob) return blob;
  }
  return undefined;
}

function parsedPublicKey(text: Buffer): Buffer | undefined {
  const parsed = ssh2.utils.parseKey(text);
  return parsed instanceof Error ? undefined : parsed.getPublicSSH();
}

const magic = 'openssh-key-v1\0';

/**
 * OpenSSH's own format has the public half in clear before the private one, which may be encrypted
 * (PROTOCOL.key).
 */
function clearPublicKey(text: Buffer): Buffer | undefined {
  const [, base64] = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----END/.exec(text.toString('latin1')) ?? [];
  if (base64 === undefined) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('latin1', 0, magic.length) !== magic) return undefined;
  try {
    let at = magic.length;
    const next = (): Buffer => {
      const length = bytes.readUInt32BE(at);
      at += 4 + length;
      return bytes.subarray(at - length, at);
    };
    // Cipher, derivation, its options; then the number of keys.
    for (let skipped = 0; skipped < 3; skipped++) next();
    at += 4;
    const blob = next();
    return blob.length > 0 ? blob : undefined;
  } catch {
    return undefined;
  }
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
