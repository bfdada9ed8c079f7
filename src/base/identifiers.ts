import { randomBytes } from 'node:crypto';

/** A session id in the form that Python's tools use: 8 hex, a dash, 24 hex. */
export function newSession(): string {
  const text = randomBytes(16).toString('hex');
  return `${text.slice(0, 8)}-${text.slice(8)}`;
}

/** A secret of 256 bits as text that fits a header and a file. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}
