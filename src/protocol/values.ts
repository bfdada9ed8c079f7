import { Deserializer, Serializer } from 'node:v8';
import { IpclusterError, messageOf } from '../base/errors.js';
import { largestMessage, tooLarge } from './frames.js';
import { hollowIn } from './hollow.js';
import { borrow, isGiven, move, owned } from './memory.js';

/** Views of at least this many bytes travel as frames of their own. */
const outOfBand = 1024;

const viewTypes = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
  Buffer,
] as const;

interface HostObjects {
  _setTreatArrayBufferViewsAsHostObjects(on: boolean): void;
}

class ValueSerializer extends Serializer {
  readonly buffers: Buffer[] = [];

  constructor() {
    super();
    // Without this V8 copies the memory under a view into the structure, and never asks us. Node's types have
    // forgotten it.
    (this as unknown as HostObjects)._setTreatArrayBufferViewsAsHostObjects(true);
  }

  /**
   * Memory that was given away, to be taken when all of the value could be written, by the place of its
   * frame.
   */
  readonly #given = new Map<number, NodeJS.ArrayBufferView>();

  _writeHostObject(view: NodeJS.ArrayBufferView): void {
    const type = viewTypes.findLastIndex((candidate) => view instanceof candidate);
    if (type < 0) throw new Error(`${Object.prototype.toString.call(view)} could not be cloned.`);
    const bytes = bytesOf(view);
    this.writeUint32(type);
    if (bytes.length < outOfBand) {
      this.writeUint32(0);
      this.writeUint32(bytes.length);
      this.writeRawBytes(bytes);
      return;
    }
    const place = this.buffers.push(borrow(bytes));
    this.writeUint32(place);
    if (isGiven(view.buffer)) this.#given.set(place, view);
  }

  _getSharedArrayBufferId(): never {
    throw new Error('A SharedArrayBuffer could not be cloned: send a view on it, whose bytes are copied.');
  }

  /** Takes the memory that was given away out of the hands of who gave it. */
  takeGiven(): void {
    const moved = new Map<ArrayBufferLike, ArrayBuffer>();
    for (const [place, { buffer, byteOffset, byteLength }] of this.#given) {
      const memory = moved.get(buffer) ?? move(buffer as ArrayBuffer);
      moved.set(buffer, memory);
      this.buffers[place - 1] = Buffer.from(memory, byteOffset, byteLength);
    }
  }

  _getDataCloneError(message: string): Error {
    return new Error(message);
  }
}

class ValueDeserializer extends Deserializer {
  readonly #frames: readonly Buffer[];

  constructor(frames: readonly Buffer[]) {
    super(frames[0] as Buffer);
    this.#frames = frames;
  }

  _readHostObject(): NodeJS.ArrayBufferView {
    const type = viewTypes[this.readUint32()];
    const frame = this.#frames[this.readUint32()];
    if (!type || !frame) throw new IpclusterError('PROTOCOL', 'A value lacks one of its frames.');
    const bytes = frame === this.#frames[0] ? this.readRawBytes(this.readUint32()) : frame;
    return viewOn(type, bytes);
  }
}

/** The bytes that a view shows, in place. */
function bytesOf(view: NodeJS.ArrayBufferView): Buffer {
  // A view on memory that is gone says that it is empty; only this throws.
  if (view.byteLength === 0) new Uint8Array(view.buffer);
  return Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

/** A view of that type with exactly these bytes in a buffer of its own: a copy, unless they have one. */
function viewOn(type: (typeof viewTypes)[number], bytes: Buffer): NodeJS.ArrayBufferView {
  const isWhole = bytes.byteOffset === 0 && bytes.length === bytes.buffer.byteLength;
  const own = (isWhole ? bytes : new Uint8Array(bytes)).buffer as ArrayBuffer;
  if (type === Buffer) return Buffer.from(own);
  return new (type as typeof Uint8Array)(own);
}

/** The first byte of every structured clone of V8; no JSON begins with it. */
const versionTag = 0xff;

/** Values that JSON keeps as they are: most results are such, and JSON is faster. */
function isPlain(value: unknown): boolean {
  if (value === null || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  return typeof value === 'string' && value.length < 1024;
}

/**
 * Clones a value into frames by the structured clone algorithm: the first holds the structure, each large
 * view on memory is one more. That is borrowed: see {@link owned}. `undefined` has no frames. Of a view only
 * the bytes that it shows travel. Throws NOT_CLONEABLE naming what cannot travel, TOO_LARGE.
 */
export function encodeValue(value: unknown): Buffer[] {
  if (value === undefined) return [];
  if (isPlain(value)) return [Buffer.from(JSON.stringify(value))];
  const serializer = new ValueSerializer();
  try {
    serializer.writeHeader();
    serializer.writeValue(value);
  } catch (cause) {
    throw new IpclusterError('NOT_CLONEABLE', `The value cannot travel: ${messageOf(cause)}`, { cause });
  }
  const structure = serializer.releaseBuffer();
  const hollow = hollowIn(value, structure);
  if (hollow !== undefined)
    throw new IpclusterError(
      'NOT_CLONEABLE',
      `The value cannot travel: of a ${hollow} only {} would arrive. Send what it says.`,
    );
  const frames = [structure, ...serializer.buffers];
  const size = frames.reduce((sum, { length }) => sum + length, 0);
  if (size > largestMessage) throw tooLarge(size, largestMessage, 'A value');
  serializer.takeGiven();
  return [frames[0] as Buffer, ...serializer.buffers];
}

/** As {@link encodeValue}, in memory of its own: nothing that is done to the value from now on is seen. */
export function encodeOwn(value: unknown): Buffer[] {
  return encodeValue(value).map(owned);
}

/** Reads what {@link encodeValue} wrote, into memory of its own; throws PROTOCOL on anything else. */
export function decodeValue(frames: readonly Buffer[]): unknown {
  const [first] = frames;
  if (!first) return undefined;
  try {
    if (first[0] !== versionTag) return JSON.parse(first.toString());
    const deserializer = new ValueDeserializer(frames);
    deserializer.readHeader();
    return deserializer.readValue();
  } catch (cause) {
    throw new IpclusterError('PROTOCOL', `A value cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/**
 * A copy of a value as it would arrive, for what is sent later; the value itself where it cannot travel,
 * which sending it will say.
 */
export function snapshot<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  try {
    return decodeValue(encodeOwn(value)) as T;
  } catch {
    return value;
  }
}
