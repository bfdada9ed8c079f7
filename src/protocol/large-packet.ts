import { head, largePacket, pad } from './layout.js';

/**
 * A larger packet gets its memory as it comes, from `firstSize` on: a header alone must not cost what it
 * claims.
 */
const trustedSize = 64 * 1024 * 1024;
const firstSize = 64 * 1024;

/** A piece of a packet: so many bytes of it go there, or nowhere where they are padding. */
interface Piece {
  length: number;
  memory: Buffer | undefined;
}

/** A packet that comes in many chunks, put together. */
export interface LargePacket {
  /** Takes what belongs to it off the front, and answers how many bytes that were. */
  fill(data: Buffer): number;
  /** Its bytes when all of them have come, without the frames that lie apart; undefined before. */
  whole(): { bytes: Buffer; apart: ReadonlyMap<number, Buffer> | undefined } | undefined;
}

/**
 * Begins a packet of so many bytes, of which `start` has come. With `apart` its large frames get memory of
 * their own, exactly as long as they are: who decodes them need not copy them out. Relays want it in one
 * piece.
 */
export function largePacketOf(length: number, start: Buffer, apart: boolean): LargePacket {
  const frames = apart && length <= trustedSize ? largeFramesOf(length, start) : [];
  return frames.length > 0 ? new Laid(length, frames) : new Growing(length);
}

/** In one piece. Its buffer grows with what has come, not with what was claimed. */
class Growing implements LargePacket {
  readonly #length: number;
  #memory: Buffer = Buffer.alloc(0);
  #filled = 0;

  constructor(length: number) {
    this.#length = length;
  }

  fill(data: Buffer): number {
    const used = Math.min(data.length, this.#length - this.#filled);
    const needed = this.#filled + used;
    if (this.#memory.length < needed) {
      const size =
        this.#length <= trustedSize ? this.#length : Math.min(this.#length, Math.max(firstSize, 2 * needed));
      const larger = Buffer.allocUnsafeSlow(size);
      this.#memory.copy(larger, 0, 0, this.#filled);
      this.#memory = larger;
    }
    data.copy(this.#memory, this.#filled, 0, used);
    this.#filled = needed;
    return used;
  }

  whole() {
    return this.#filled < this.#length ? undefined : { bytes: this.#memory, apart: undefined };
  }
}

/** With its large frames apart. */
class Laid implements LargePacket {
  readonly #common: Buffer;
  readonly #pieces: Piece[] = [];
  readonly #apart = new Map<number, Buffer>();
  #piece = 0;
  #filled = 0;

  constructor(length: number, frames: readonly { index: number; offset: number; length: number }[]) {
    this.#common = Buffer.allocUnsafeSlow(frames.reduce((left, frame) => left - pad(frame.length), length));
    let [from, kept] = [0, 0];
    const keep = (until: number): void => {
      this.#pieces.push({ length: until - from, memory: this.#common.subarray(kept, kept + until - from) });
      kept += until - from;
    };
    for (const { index, offset, length: size } of frames) {
      keep(offset);
      const memory = Buffer.allocUnsafeSlow(size);
      this.#apart.set(index, memory);
      this.#pieces.push({ length: size, memory }, { length: pad(size) - size, memory: undefined });
      from = offset + pad(size);
    }
    keep(length);
  }

  fill(data: Buffer): number {
    let used = 0;
    for (let piece = this.#pieces[this.#piece]; piece; piece = this.#pieces[this.#piece]) {
      const taken = Math.min(data.length - used, piece.length - this.#filled);
      if (piece.memory) data.copy(piece.memory, this.#filled, used, used + taken);
      used += taken;
      this.#filled += taken;
      if (this.#filled < piece.length) break;
      this.#piece += 1;
      this.#filled = 0;
    }
    return used;
  }

  whole() {
    return this.#piece < this.#pieces.length ? undefined : { bytes: this.#common, apart: this.#apart };
  }
}

/**
 * The large frames of a packet by its table; none where that has not come, or does not fit: decoding it says
 * what is wrong.
 */
function largeFramesOf(length: number, start: Buffer): { index: number; offset: number; length: number }[] {
  const table = start.length >= head ? head + start.readUInt32LE(4) : start.length;
  if (table + 4 > start.length) return [];
  const count = start.readUInt32LE(table);
  let offset = table + pad(4 + 4 * count);
  if (offset > start.length) return [];
  const frames: { index: number; offset: number; length: number }[] = [];
  for (let index = 0; index < count; index++) {
    const size = start.readUInt32LE(table + 4 + 4 * index);
    if (size >= largePacket) frames.push({ index, offset, length: size });
    offset += pad(size);
    if (offset > length) return [];
  }
  return frames;
}
