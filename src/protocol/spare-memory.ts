/*
 * Memory for large copies that is used again: fresh memory costs more than the copy, and V8 much work to free
 * (docs/decisions/0020).
 */

/** Copies of this size and more are made where an earlier one was. */
const worthKeeping = 1 << 20;
/** So much of it waits for the next copy (bytes), for so long (milliseconds). */
const mostSpare = 64 << 20;
const spareTime = 2000;
/** Memory of copies that are over. */
let spare: Buffer[] = [];
/** The memory under a copy. */
const memoryOf = new WeakMap<Buffer, Buffer>();
let timer: NodeJS.Timeout | undefined;

/** So many bytes for a copy, with whatever is in them. */
export function takeSpare(length: number): Buffer {
  if (length < worthKeeping) return Buffer.allocUnsafeSlow(length);
  const index = spare.findIndex((memory) => memory.length >= length && memory.length <= 2 * length);
  const memory = index < 0 ? Buffer.allocUnsafeSlow(length) : (spare.splice(index, 1)[0] as Buffer);
  const copy = memory.subarray(0, length);
  memoryOf.set(copy, memory);
  return copy;
}

/**
 * Those of the frames that {@link takeSpare} has given out are read by nobody any more: their memory is for
 * the next copies.
 */
export function reuse(frames: readonly Buffer[]): void {
  for (const frame of frames) {
    const memory = memoryOf.get(frame);
    memoryOf.delete(frame);
    if (memory && spare.reduce((sum, { length }) => sum + length, memory.length) <= mostSpare)
      spare.push(memory);
  }
  if (spare.length === 0) return;
  timer ??= setTimeout(() => (spare = []), spareTime).unref();
  timer.refresh();
}
