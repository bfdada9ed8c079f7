import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/**
 * Signatures are remembered against messages that are sent again: in so many sets, each of which forgets its
 * oldest for a new one. Memory that is never allocated again is never garbage either.
 */
const sets = 16_384;
const ways = 8;

/** Signs messages with the key of the connection files, and knows which ones were signed so, and are new. */
export class Signer {
  readonly #key: KeyObject;
  readonly #seen = new Float64Array(sets * ways);
  readonly #oldest = new Uint8Array(sets);

  constructor(key: string) {
    this.#key = createSecretKey(key, 'utf8');
  }

  /** The signature of header, parent, metadata and content; buffers are not signed (IPython's rule). */
  sign(frames: readonly Buffer[]): Buffer {
    return Buffer.from(this.#digest(frames));
  }

  /** True for a message that was signed with the key and has not been seen before. */
  accept(signature: Buffer, frames: readonly Buffer[]): boolean {
    const right = Buffer.from(this.#digest(frames));
    if (signature.length !== right.length || !timingSafeEqual(signature, right)) return false;
    // Twelve digits tell so few messages apart as well as all of them.
    return this.#isNew(Number.parseInt(right.toString('latin1', 0, 12), 16));
  }

  #isNew(short: number): boolean {
    const set = short % sets;
    const known = this.#seen.subarray(set * ways, (set + 1) * ways);
    if (known.includes(short)) return false;
    const oldest = this.#oldest[set] ?? 0;
    known[oldest] = short;
    this.#oldest[set] = (oldest + 1) % ways;
    return true;
  }

  #digest(frames: readonly Buffer[]): string {
    const signed = frames.slice(0, 4);
    const hmac = createHmac('sha256', this.#key);
    // One call for all of a small message: each costs more than joining them.
    if (signed.reduce((size, { length }) => size + length, 0) < joined) hmac.update(Buffer.concat(signed));
    else for (const frame of signed) hmac.update(frame);
    return hmac.digest('hex');
  }
}

/** Messages up to this size are joined to be signed (bytes). */
const joined = 65_536;
