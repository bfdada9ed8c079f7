/*
 * IPython's messages as ZeroMQ carries them: routing frames, a delimiter, a signature, and then the frames of
 * the message: header, parent, metadata, content, buffers. Our own messages have the same frames, so they
 * pass as the bytes that they are.
 */

const delimiter = Buffer.from('<IDS|MSG>');

/** A message of ZeroMQ, taken apart. */
export interface WireMessage {
  /** What stands before the delimiter: who it is from, and who it is for. */
  route: Buffer[];
  signature: Buffer;
  /** At least header, parent, metadata and content. */
  frames: Buffer[];
}

/** Frames of a message that are signed. */
const signedFrames = 4;

/** Takes a message apart; undefined when it is none. */
export function splitWire(parts: readonly Buffer[]): WireMessage | undefined {
  const at = parts.findIndex((part) => part.equals(delimiter));
  if (at < 0 || parts.length < at + 2 + signedFrames) return undefined;
  return { route: parts.slice(0, at), signature: parts[at + 1] as Buffer, frames: parts.slice(at + 2) };
}

/** Puts a message together. */
export function joinWire(route: readonly Buffer[], signature: Buffer, frames: readonly Buffer[]): Buffer[] {
  return [...route, delimiter, signature, ...frames];
}

/** The part of a header that is needed here; what else stands in it travels on untouched. */
export interface WireHeader {
  msg_id: string;
  msg_type: string;
  session: string;
  date?: string;
  [field: string]: unknown;
}

/** Reads a frame of JSON; undefined when it is no object. */
export function readObject(frame: Buffer | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse((frame ?? '').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a header; undefined when it lacks what makes one. */
export function readHeader(frame: Buffer | undefined): WireHeader | undefined {
  const header = readObject(frame);
  const texts = [header?.['msg_id'], header?.['msg_type'], header?.['session']];
  return texts.every((text) => typeof text === 'string' && text.length > 0 && text.length <= longestName)
    ? (header as WireHeader)
    : undefined;
}

/** Ids are some 60 characters; a longer one is noise. */
const longestName = 500;

/** A frame of JSON. */
export const toFrame = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** A frame of JSON of an object with one more field, a list whose values are JSON already. */
export function toFrameWith(value: object, name: string, list: readonly Buffer[]): Buffer {
  const start = Buffer.from(JSON.stringify({ ...value, [name]: [] }).slice(0, -2));
  return Buffer.concat([
    start,
    ...list.flatMap((one, index) => (index > 0 ? [comma, one] : [one])),
    Buffer.from(']}'),
  ]);
}
const comma = Buffer.from(',');

export const emptyFrame = Buffer.from('{}');
