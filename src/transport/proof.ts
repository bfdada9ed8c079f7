import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/*
 * How two ends of a Unix socket show each other that they hold the same token without saying it: each gives a
 * number that was never used, and answers the other's with an HMAC under the token. Who answers at the socket
 * goes first, so whoever dialled says nothing to a stranger that would be of use to him.
 */

/** What a peer may come in by: the secret, what it lets him do, and whose it is. */
export interface Pass<Role extends string = string> {
  token: string;
  role: Role;
  /** Names who was given it; what comes by one pass never speaks for another's. */
  holder: string;
}

/** The name by which a token is asked for; says nothing of the token itself. */
export const tokenName = (token: string): string =>
  createHash('sha256').update(`ipcluster token\n${token}`).digest('base64url').slice(0, 22);

/** A number that was never used before, as text for a header. */
export const newNonce = (): string => randomBytes(24).toString('base64url');

/** True for what {@link newNonce} makes. */
export const isNonce = (text: string | undefined): text is string =>
  text !== undefined && /^[\w-]{32}$/.test(text);

/** Bytes of a proof. */
export const proofSize = 32;

/** What one end shows the other: `who` keeps the answer of one from being the other's. */
export function proofOf(
  token: string,
  who: 'controller' | 'peer',
  peerNonce: string,
  controllerNonce: string,
): Buffer {
  return createHmac('sha256', token).update(`ipcluster ${who}\n${peerNonce}\n${controllerNonce}`).digest();
}

/** True when both are the same, in a time that does not tell where they differ. */
export function isSame(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** True when the text is that pass's token, in a time that does not tell where it differs. */
export const holdsToken = ({ token }: Pass, given: string): boolean =>
  isSame(createHash('sha256').update(given).digest(), createHash('sha256').update(token).digest());
