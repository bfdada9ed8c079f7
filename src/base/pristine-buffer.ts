import { poolSize } from './buffer-pool.js';
import { pristineCopy } from './pristine.js';

// What is used after user code has run is taken before.
const { apply } = Reflect;
const { setPrototypeOf } = Object;
const { max, min, trunc } = Math;
const Memory = ArrayBuffer;

/**
 * Buffers that keep their own methods, whatever user code does to those of Buffer and Uint8Array. They are
 * made as such: an object whose prototype is changed later costs as much as a small task.
 */
class PinnedBuffer extends Uint8Array {
  // With parameters of its own: those of a class without a constructor are spread, by the user's iterator.
  constructor(memory: ArrayBufferLike, offset: number, length: number) {
    super(memory as ArrayBuffer, offset, length);
  }
}
const { prototype } = PinnedBuffer;
delete (prototype as { constructor?: unknown }).constructor;
Object.setPrototypeOf(prototype, Buffer.prototype);
pristineCopy(Buffer.prototype, prototype);
Object.defineProperty(prototype, 'subarray', {
  value(this: Buffer, start?: number, end?: number): Buffer {
    const from = within(start ?? 0, this.length);
    const to = within(end ?? this.length, this.length);
    return new PinnedBuffer(this.buffer, this.byteOffset + from, to > from ? to - from : 0) as Buffer;
  },
});

/** A place of `subarray`, which may count from the end. */
function within(place: number, length: number): number {
  const whole = trunc(place) || 0;
  if (whole < 0) return max(0, length + whole);
  return min(whole, length);
}

/** Gives a buffer that Node has made its own methods back. */
export function pinBuffer(buffer: Buffer): Buffer {
  return setPrototypeOf(buffer, prototype) as Buffer;
}

/** Small buffers are cut from it, as Node does it. */
let pool = new Memory(poolSize);
let taken = 0;

function cut(size: number): Buffer {
  if (taken + size > poolSize) {
    pool = new Memory(poolSize);
    taken = 0;
  }
  const made = new PinnedBuffer(pool, taken, size) as Buffer;
  // Views of numbers want their memory aligned.
  taken = (taken + size + 7) & ~7;
  return made;
}

/**
 * The constructor of buffers, whose products keep their methods. Views on memory that was given are ordinary
 * ones: they may be for user code.
 */
export function pristineBuffer(): BufferConstructor {
  const { utf8Write } = Buffer.prototype as Buffer & { utf8Write: () => number };
  const { set } = Uint8Array.prototype;
  const { from, alloc, allocUnsafe: allocateUnsafe, allocUnsafeSlow, byteLength } = Buffer;
  const allocUnsafe = (size: number): Buffer =>
    size >= 0 && size < poolSize / 2 ? cut(size) : pinBuffer(allocateUnsafe(size));
  const makers = {
    from(value: string, next?: BufferEncoding, last?: unknown): Buffer {
      if (typeof value !== 'string') return (from as (...all: unknown[]) => Buffer)(value, next, last);
      if (next !== undefined && next !== 'utf8') return pinBuffer(from(value, next));
      const made = allocUnsafe(byteLength(value));
      apply(utf8Write, made, [value, 0, made.length]);
      return made;
    },
    alloc: (size: number, fill?: string, encoding?: BufferEncoding): Buffer =>
      pinBuffer(alloc(size, fill, encoding)),
    allocUnsafe,
    allocUnsafeSlow: (size: number): Buffer => pinBuffer(allocUnsafeSlow(size)),
    concat(list: Buffer[], length?: number): Buffer {
      let size = length ?? 0;
      if (length === undefined)
        for (let index = 0; index < list.length; index++) size += list[index]?.length ?? 0;
      const made = allocUnsafe(size);
      for (let index = 0, at = 0; index < list.length; index++) {
        apply(set, made, [list[index], at]);
        at += list[index]?.length ?? 0;
      }
      return made;
    },
  };
  const {
    length: _length,
    name: _name,
    prototype: _prototype,
    ...statics
  } = Object.getOwnPropertyDescriptors(Buffer);
  const made = Object.defineProperties(function Buffer() {}, statics as PropertyDescriptorMap);
  return Object.assign(made, makers, { prototype: Buffer.prototype }) as unknown as BufferConstructor;
}
