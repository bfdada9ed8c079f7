import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/** So many signatures are remembered, in two generations, against messages that are sent again. */
const remembered = 65_536;

/** Signs messages with the key of the connection files, and knows which ones were signed so, and are new. */
export class Signer {
  readonly #key: KeyObject;
  #recent = new Set<string>();
  #earlier: ReadonlySet<string> = new Set();

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
    // Sixteen digits tell messages apart as well as all of them, and take a quarter of the memory.
    const text = right.toString('latin1', 0, 16);
    if (this.#recent.has(text) || this.#earlier.has(text)) return false;
    this.#recent.add(text);
    if (this.#recent.size >= remembered / 2) {
      this.#earlier = this.#recent;
      this.#recent = new Set();
    }
    return true;
  }

  #digest(frames: readonly Buffer[]): string {
    // One call for all: each costs more than joining them.
    return createHmac('sha256', this.#key)
      .update(Buffer.concat(frames.slice(0, 4)))
      .digest('hex');
  }
}
