import { Deserializer, Serializer } from 'node:v8';
import { IpclusterError, messageOf } from '../base/errors.js';

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
    // Without this V8 copies the memory under a view into the structure, and never asks us. Node's types have forgotten it.
    (this as unknown as HostObjects)._setTreatArrayBufferViewsAsHostObjects(true);
  }

  _writeHostObject(view: NodeJS.ArrayBufferView): void {
    const type = viewTypes.findLastIndex((candidate) => view instanceof candidate);
    if (type < 0) throw new Error(`${Object.prototype.toString.call(view)} could not be cloned.`);
    const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
    this.writeUint32(type);
    this.writeUint32(bytes.length >= outOfBand ? this.buffers.push(bytes) : 0);
    if (bytes.length < outOfBand) {
      this.writeUint32(bytes.length);
      this.writeRawBytes(bytes);
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

/** A view of that type on the bytes: in place where they lie aligned in a buffer of their own, else on a copy. */
function viewOn(type: (typeof viewTypes)[number], bytes: Buffer): NodeJS.ArrayBufferView {
  const inPlace = bytes.length >= outOfBand && bytes.byteOffset % 8 === 0;
  const own = inPlace ? bytes : new Uint8Array(bytes);
  if (type === Buffer) return Buffer.from(own.buffer, own.byteOffset, own.byteLength);
  const size = 'BYTES_PER_ELEMENT' in type ? type.BYTES_PER_ELEMENT : 1;
  return new (type as typeof Uint8Array)(own.buffer as ArrayBuffer, own.byteOffset, own.byteLength / size);
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
 * Clones a value into frames by the structured clone algorithm: the first holds the structure, each large view on memory is
 * one more, uncopied. `undefined` has no frames. Throws NOT_CLONEABLE naming what cannot travel.
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
  return [serializer.releaseBuffer(), ...serializer.buffers];
}

/** Reads what {@link encodeValue} wrote; throws PROTOCOL on anything else. */
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
