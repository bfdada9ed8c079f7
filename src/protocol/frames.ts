import { IpclusterError } from '../base/errors.js';
import { largePacket, pad } from './layout.js';
import { owned } from './memory.js';

/*
 * A body is a table of lengths and then the frames: u32 count, count × u32, padding, and each frame at a
 * multiple of 8.
 */

/** Frames that lie apart from their body, each in memory of its own, by their places. */
const apartFrames = new WeakMap<Buffer, ReadonlyMap<number, Buffer>>();

/** Those frames of that body are not in it, but there: see `large-packet`. */
export const setApart = (body: Buffer, frames: ReadonlyMap<number, Buffer>): void =>
  void apartFrames.set(body, frames);

const zeros = Buffer.alloc(8);

/** Frames of a message before its buffers: header, parent, metadata, content. */
export const messageFrames = 4;

/** A message has no more of them: each is a view that costs memory of its own. */
const mostFrames = 1 << 22;
const tooMany = (count: number): IpclusterError =>
  new IpclusterError('PROTOCOL', `A message has ${count} parts, but ${mostFrames} are the most.`);

/**
 * The largest message (bytes): what one buffer of Node 20 and a length of 32 bits can hold, less its route.
 */
export const largestMessage = 0xffe0_0000;

/** Something is too large to be sent; both sizes are bytes. */
export function tooLarge(size: number, limit: number, what = 'A message'): IpclusterError {
  return new IpclusterError(
    'TOO_LARGE',
    `${what} of ${size} bytes is too large to be sent: ${limit} is the most.`,
  );
}

/**
 * Lays frames out as a body, in memory that is nobody else's. A small body is one buffer; a large one keeps
 * the frames as they are, and copies those that are borrowed. Throws TOO_LARGE.
 */
export function encodeFrames(frames: readonly Buffer[]): Buffer[] {
  if (frames.length > mostFrames) throw tooMany(frames.length);
  const tableLength = pad(4 + 4 * frames.length);
  let size = tableLength;
  for (const frame of frames) size += pad(frame.length);
  if (size > largestMessage) throw tooLarge(size, largestMessage);
  const large = size >= largePacket;
  const start = Buffer.alloc(large ? tableLength : size);
  start.writeUInt32LE(frames.length, 0);
  frames.forEach((frame, index) => {
    start.writeUInt32LE(frame.length, 4 + 4 * index);
  });
  if (large)
    return [start, ...frames.flatMap((frame) => [owned(frame), zeros.subarray(0, -frame.length & 7)])];
  let offset = tableLength;
  for (const frame of frames) {
    start.set(frame, offset);
    offset += pad(frame.length);
  }
  return [start];
}

/** The frames of a body, as views on it. Throws PROTOCOL when the table does not fit the bytes. */
export const decodeFrames = (body: Buffer): Buffer[] => firstFrames(body, mostFrames);

/** The same, but no more of them than that: a message may have a million. */
export function firstFrames(body: Buffer, most: number): Buffer[] {
  const count = body.length >= 4 ? body.readUInt32LE(0) : 0;
  if (count < messageFrames || 4 + 4 * count > body.length)
    throw new IpclusterError('PROTOCOL', 'A message has a broken table.');
  if (count > mostFrames) throw tooMany(count);
  const frames: Buffer[] = [];
  const apart = apartFrames.get(body);
  let offset = pad(4 + 4 * count);
  for (let index = 0; index < Math.min(count, most); index++) {
    const own = apart?.get(index);
    if (own) {
      frames.push(own);
      continue;
    }
    const length = body.readUInt32LE(4 + 4 * index);
    if (offset + length > body.length)
      throw new IpclusterError('PROTOCOL', 'A message is shorter than its table says.');
    frames.push(body.subarray(offset, offset + length));
    // Lengths are of 32 bits, and their sum may be more: no operators on bits here.
    offset += Math.ceil(length / 8) * 8;
  }
  return frames;
}
