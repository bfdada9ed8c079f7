import { isUtf8 } from 'node:buffer';

/** Takes a piece of output: its text, and the bytes where the text is not all of them. */
export type OutputTaker = (name: 'stdout' | 'stderr', text: string, bytes: Buffer | undefined) => void;

/** So much of each stream of a command is kept for its result (bytes). */
export const keptOutput = 16 * 1024 * 1024;

/** Bytes of a character that has only begun at the end of a piece. */
function begunAtEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

/** Cuts a stream of bytes into pieces of text, none of them within a character. */
export class TextPieces {
  readonly #take: (text: string, bytes: Buffer | undefined) => void;
  #begun: Buffer = Buffer.alloc(0);

  constructor(take: (text: string, bytes: Buffer | undefined) => void) {
    this.#take = take;
  }

  add(chunk: Buffer): void {
    const all = this.#begun.length > 0 ? Buffer.concat([this.#begun, chunk]) : chunk;
    const characters = all.length - begunAtEnd(all);
    // What is no text has no characters to be kept whole.
    const whole = isUtf8(all.subarray(0, characters)) ? characters : all.length;
    this.#begun = all.subarray(whole);
    this.#give(all.subarray(0, whole));
  }

  end(): void {
    this.#give(this.#begun);
    this.#begun = Buffer.alloc(0);
  }

  #give(bytes: Buffer): void {
    if (bytes.length > 0) this.#take(bytes.toString(), isUtf8(bytes) ? undefined : bytes);
  }
}

/** The first bytes of a stream, and how many there were beyond them. */
export class KeptOutput {
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  dropped = 0;

  add(chunk: Buffer): void {
    const part = chunk.subarray(0, keptOutput - this.#kept);
    if (part.length > 0) this.#chunks.push(Buffer.from(part));
    this.#kept += part.length;
    this.dropped += chunk.length - part.length;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
