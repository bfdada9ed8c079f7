import { IpclusterError, messageOf } from '../base/errors.js';
import { takeSpare } from './spare-memory.js';

/** Frames that lie in the memory of whoever sends them, who may write to it again. */
const borrowed = new WeakSet<Buffer>();

/** Memory that was given away by {@link transfer}. */
const given = new WeakSet<ArrayBufferLike>();

/** Marks a frame as somebody else's memory. */
export function borrow(frame: Buffer): Buffer {
  borrowed.add(frame);
  return frame;
}

/** The frame itself, or a copy where its memory is somebody else's. */
export function owned(frame: Buffer): Buffer {
  if (!borrowed.has(frame)) return frame;
  const copy = takeSpare(frame.length);
  copy.set(frame);
  return copy;
}

/** True for memory that was given away: it is moved, not copied. */
export const isGiven = (memory: ArrayBufferLike): boolean => given.has(memory);

/** Takes the memory out of a buffer, which is empty after that. */
export function move(memory: ArrayBuffer): ArrayBuffer {
  const moved = structuredClone(memory, { transfer: [memory] });
  // Node copies what must not be moved, and says nothing.
  if (memory.byteLength > 0) throw new Error('others use it, too');
  return moved;
}

/**
 * Gives the memory of an array away, so that it is sent without a copy: `view.apply(f, transfer(array))`. The
 * array is empty after that, and so is what this answers once it was sent: it can be sent once. All of the
 * buffer goes, with whatever other views show it; only what the array shows travels. Throws USAGE for memory
 * that cannot be given away: shared memory, that of WebAssembly, and small Buffers of Node, which share one.
 */
export function transfer<T extends NodeJS.ArrayBufferView>(array: T): T {
  const { buffer, byteOffset, byteLength } = array;
  if (!(buffer instanceof ArrayBuffer))
    throw new IpclusterError('USAGE', 'Shared memory cannot be given away.');
  try {
    const moved = move(buffer);
    given.add(moved);
    if (Buffer.isBuffer(array)) return Buffer.from(moved, byteOffset, byteLength) as unknown as T;
    const size = 'BYTES_PER_ELEMENT' in array ? (array.BYTES_PER_ELEMENT as number) : 1;
    const type = array.constructor as new (memory: ArrayBuffer, offset: number, length: number) => T;
    return new type(moved, byteOffset, byteLength / size);
  } catch (cause) {
    throw new IpclusterError('USAGE', `The memory of this array cannot be given away: ${messageOf(cause)}`, {
      cause,
    });
  }
}
