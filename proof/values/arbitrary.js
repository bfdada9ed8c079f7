// Values of every kind that can be cloned, and what a careless sender does to its own afterwards.
import fc from 'fast-check';

/** @type {any[]} */
const views = [
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
];
const mebibyte = 1 << 20;
const sizes = fc.oneof(
  { weight: 600, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 200, arbitrary: fc.integer({ min: 0, max: 20_000 }) },
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 300_000 }) },
  { weight: 4, arbitrary: fc.integer({ min: mebibyte - 64, max: mebibyte + 64 }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 4 * mebibyte }) },
);

/** So many bytes that look like noise, the same for the same seed. */
function bytes(size, seed) {
  const noise = new Uint32Array(Math.ceil(size / 4));
  for (let index = 0, word = seed | 1; index < noise.length; index++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    noise[index] = word;
  }
  return noise.buffer.slice(0, size);
}

/** A view over the whole of a buffer, or over its middle; floats may be NaN of any bits. */
const view = fc
  .record({ kind: fc.constantFrom(...views), size: sizes, seed: fc.integer({ min: 1 }), inner: fc.boolean() })
  .map(({ kind, size, seed, inner }) => {
    const unit = kind.BYTES_PER_ELEMENT ?? 1;
    const length = Math.floor(size / unit);
    const lead = inner ? 8 : 0;
    return new kind(bytes(length * unit + 2 * lead, seed), lead, length);
  });
const buffer = fc
  .record({ size: sizes, seed: fc.integer({ min: 1 }) })
  .map(({ size, seed }) => bytes(size, seed));
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom('__proto__', 'x'.repeat(70_000)),
);
const primitive = fc.oneof(
  fc.constantFrom(
    undefined,
    null,
    true,
    false,
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    2n ** 64n,
    -(2n ** 200n),
  ),
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  text,
);
const error = fc
  .record({ kind: fc.constantFrom(Error, TypeError, RangeError, SyntaxError), message: text })
  .map(({ kind, message }) => new kind(message));
const single = fc.oneof(
  { weight: 4, arbitrary: primitive },
  { weight: 4, arbitrary: view },
  { weight: 1, arbitrary: buffer },
  { weight: 1, arbitrary: fc.date({ noInvalidDate: true }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(/a+/gi, /\u{1F600}/u, Object(1), Object('boxed'), Object(false), Object(7n)),
  },
  { weight: 1, arbitrary: error },
);

/** Names of fields; one that sets the prototype is set as a field all the same. */
const record = (values) =>
  fc.array(fc.tuple(text, values), { maxLength: 5 }).map((entries) => Object.fromEntries(entries));
const ring = (inner) => {
  const value = { inner, twice: [inner, inner] };
  value.self = value;
  return value;
};
const holes = (items) => {
  const array = [...items];
  array.length += 2;
  array.push(1);
  return array;
};

/**
 * Any value that can be cloned: one of its own, or some in records, arrays, maps and sets, with holes, twice,
 * and in rings.
 */
export const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 5, arbitrary: single },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 5 }) },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }).map(holes) },
    { weight: 1, arbitrary: record(tie('value')) },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 })
        .map((entries) => new Map(entries)),
    },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)) },
    { weight: 1, arbitrary: tie('value').map(ring) },
  ),
})).value;

/** What can be scattered: an array of values, or a view of numbers over a whole buffer. */
export const sequence = fc.oneof(
  fc.array(value, { maxLength: 12 }),
  fc
    .record({
      kind: fc.constantFrom(...views.filter((kind) => kind !== DataView)),
      size: sizes,
      seed: fc.integer({ min: 1 }),
    })
    .map(({ kind, size, seed }) => new kind(bytes(size - (size % kind.BYTES_PER_ELEMENT), seed))),
);

/** The values in a value. */
export function partsOf(value) {
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  return value instanceof Set ? [...value] : Object.values(value);
}

/** Changes whatever can be changed in a value. It is sent to engines as source, too, with {@link partsOf}. */
export function scribble(value, seen = new Set()) {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (ArrayBuffer.isView(value)) new Uint8Array(value.buffer).fill(0xa5);
  else if (value instanceof ArrayBuffer) new Uint8Array(value).fill(0xa5);
  else if (value instanceof Date) value.setTime(1);
  else {
    for (const part of partsOf(value)) scribble(part, seen);
    if (value instanceof Map || value instanceof Set) value.clear();
    else if (Array.isArray(value)) value.length = 0;
    else for (const name of Object.keys(value)) Reflect.deleteProperty(value, name);
    if (value instanceof Error) value.message = 'scribbled';
  }
}
