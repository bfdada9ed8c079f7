import { describe, expect, test } from 'vitest';
import { decodeFrames, encodeFrames, largestMessage } from '../../../src/protocol/frames.js';
import { describeFunction } from '../../../src/protocol/functions.js';
import { owned, transfer } from '../../../src/protocol/memory.js';
import { encodePacket } from '../../../src/protocol/packets.js';
import { decodeValue, encodeValue, snapshot } from '../../../src/protocol/values.js';

const roundTrip = (value: unknown): unknown => decodeValue(encodeValue(value));

describe('values', () => {
  test.each([
    ['undefined', undefined],
    ['null', null],
    ['numbers', 1.5],
    ['not a number', Number.NaN],
    ['minus zero', -0],
    ['infinity', Number.POSITIVE_INFINITY],
    ['text', 'ü\ud800 "quoted"'],
    ['big integers', 12n],
    ['dates', new Date(0)],
    ['maps and sets', new Map([['a', new Set([1])]])],
    ['nested objects', { a: [1, { b: undefined }] }],
    ['errors', new RangeError('x')],
    ['small views', new Int16Array([1, -2])],
    ['large views', new Float64Array(1000).map((_v, index) => index / 3)],
    ['buffers', Buffer.from('abc')],
    ['views of the same memory', [new Uint8Array(5000), new Float32Array(2000)]],
    ['data views', new DataView(new ArrayBuffer(4))],
  ])('%s come back as they were', (_name, value) => {
    expect(roundTrip(value)).toStrictEqual(value);
  });

  test('a large view travels as a frame of its own, uncopied until it is owned', () => {
    const view = new Float64Array(1000);
    const frames = encodeValue({ view, small: new Uint8Array(4) });
    expect(frames).toHaveLength(2);
    expect(frames[0]?.length).toBeLessThan(100);
    expect(frames[1]?.buffer).toBe(view.buffer);
    view.fill(1);
    expect(frames.map(owned)[1]?.buffer).not.toBe(view.buffer);
  });

  test.each([10, 2000, 100_000])('a message of %i numbers is what it was when it was made', (length) => {
    const view = new Float64Array(length).fill(1);
    const body = encodeFrames([...Array(4).fill(Buffer.from('{}')), ...encodeValue({ view })]);
    view.fill(2);
    const [, , , , ...frames] = decodeFrames(Buffer.concat(body));
    expect(decodeValue(frames)).toEqual({ view: new Float64Array(length).fill(1) });
  });

  test.each([
    ['a typed array', new Float64Array(1000)],
    ['a small one', new Uint8Array(3)],
    ['part of a buffer', new Uint8Array(5000).subarray(100, 3000)],
    ['a Buffer of the pool', Buffer.from('abc')],
    ['a large Buffer', Buffer.alloc(3000)],
    ['a data view', new DataView(new ArrayBuffer(2000), 8)],
    ['a view on shared memory', new Uint8Array(new SharedArrayBuffer(2000))],
    ['an empty one', new Int16Array(0)],
  ])('%s arrives in a buffer of its own with exactly its length', (_name, view) => {
    const body = Buffer.concat(
      encodeFrames([...Array(4).fill(Buffer.from('{}')), ...encodeValue([view, view])]),
    );
    const [first, second] = decodeValue(decodeFrames(body).slice(4)) as NodeJS.ArrayBufferView[];
    expect(first).toBe(second);
    expect(first?.constructor).toBe(view.constructor);
    expect([first?.byteOffset, first?.byteLength, first?.buffer.byteLength]).toEqual([
      0,
      view.byteLength,
      view.byteLength,
    ]);
    expect(first?.buffer).toBeInstanceOf(ArrayBuffer);
    expect(
      Buffer.from(first?.buffer as ArrayBuffer).equals(
        Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength),
      ),
    ).toBe(true);
  });

  test('values of one message share nothing: one that is transferred takes nothing along', () => {
    const body = Buffer.concat(
      encodeFrames([
        ...Array(4).fill(Buffer.from('{}')),
        ...encodeValue([new Uint8Array(2000), new Uint8Array(2000)]),
      ]),
    );
    const [first, second] = decodeValue(decodeFrames(body).slice(4)) as Uint8Array[];
    structuredClone(first, { transfer: [first?.buffer as ArrayBuffer] });
    expect([first?.length, second?.length]).toEqual([0, 2000]);
    expect(decodeFrames(body)).toHaveLength(7);
  });

  test('memory that is gone is refused, in any size', () => {
    for (const view of [new Uint8Array(10), new Uint8Array(5000), new DataView(new ArrayBuffer(10))]) {
      structuredClone(view, { transfer: [view.buffer as ArrayBuffer] });
      expect(() => encodeValue({ view })).toThrow(expect.objectContaining({ code: 'NOT_CLONEABLE' }));
    }
    expect(() => encodeValue(new SharedArrayBuffer(8))).toThrow(
      expect.objectContaining({ code: 'NOT_CLONEABLE' }),
    );
  });

  test('what is sent later is copied now, as what it is', () => {
    const value = { view: new Float64Array(1000).fill(1), bytes: Buffer.from('abc') };
    const copy = snapshot(value);
    value.view.fill(2);
    expect(copy).toStrictEqual({ view: new Float64Array(1000).fill(1), bytes: Buffer.from('abc') });
    const bad = { f: () => 1 };
    expect(snapshot(bad)).toBe(bad);
  });

  test('cycles are kept', () => {
    const value: { self?: unknown } = {};
    value.self = value;
    const back = roundTrip(value) as typeof value;
    expect(back.self).toBe(back);
  });

  test.each([
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a promise', { inside: Promise.resolve(1) }],
  ])('%s cannot travel, and the error says so', (_name, value) => {
    expect(() => encodeValue(value)).toThrow(
      expect.objectContaining({
        code: 'NOT_CLONEABLE',
        message: expect.stringContaining('could not be cloned'),
      }),
    );
  });

  test('bytes that are no value are refused', () => {
    expect(() => decodeValue([Buffer.from('{')])).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    expect(() => decodeValue([Buffer.from([255, 15, 99])])).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    );
  });
});

describe('what would arrive as {} without a word', () => {
  test.each([
    ['URL', () => new URL('http://x/')],
    ['URLSearchParams', () => [{ deep: new Map([[1, new URLSearchParams('a=1')]]) }]],
    ['Headers', () => new Set([new Headers()])],
    ['Blob', () => ({ a: { b: new Blob(['x']) } })],
    ['AbortSignal', () => ({ signal: AbortSignal.timeout(1) })],
  ])('a %s is refused by name', (name, make) => {
    expect(() => encodeValue(make())).toThrow(
      expect.objectContaining({ code: 'NOT_CLONEABLE', message: expect.stringContaining(name) }),
    );
  });

  test.each([
    [{}],
    [{ a: {}, b: [] }],
    [[]],
    [new Map([[{}, new Set()]])],
    [[new Date(0), /x/g, new Error('m'), Object(5), {}]],
    [Object.create(null)],
    [{ text: 'o{\0', empty: {} }],
    [new (class Mine {})()],
  ])('%j travels', (value) => {
    expect(JSON.stringify(decodeValue(encodeValue(value)))).toBe(JSON.stringify(value));
  });

  test('what holds itself, and getters, which are asked once', () => {
    let asked = 0;
    const value = {
      empty: {},
      self: undefined as unknown,
      get once() {
        return ++asked;
      },
    };
    value.self = value;
    expect(decodeValue(encodeValue(value))).toMatchObject({ empty: {}, once: 1 });
    expect(asked).toBe(1);
  });
});

describe('transfer', () => {
  test.each([
    ['a typed array', new Float64Array(1000).fill(3)],
    ['a small one', new Uint8Array(10).fill(3)],
    ['a Buffer', Buffer.alloc(5000, 3)],
    ['a data view', new DataView(new ArrayBuffer(2000))],
  ])('%s is moved, and nobody has it but the message', (_name, array) => {
    const bytes = Buffer.from(Buffer.from(array.buffer as ArrayBuffer));
    const handle = transfer(array);
    expect(array.buffer.byteLength).toBe(0);
    expect(handle.constructor).toBe(array.constructor);
    const frames = encodeValue([handle]);
    if (bytes.length >= 1024) {
      expect(handle.buffer.byteLength).toBe(0);
      expect(owned(frames[1] as Buffer)).toBe(frames[1]);
      expect(() => encodeValue([handle])).toThrow(expect.objectContaining({ code: 'NOT_CLONEABLE' }));
    }
    const [back] = decodeValue(frames) as [NodeJS.ArrayBufferView];
    expect(Buffer.from(back.buffer as ArrayBuffer).equals(bytes)).toBe(true);
  });

  test('a value that cannot travel keeps what it was given', () => {
    const handle = transfer(new Uint8Array(5000));
    expect(() => encodeValue([handle, () => 1])).toThrow(expect.objectContaining({ code: 'NOT_CLONEABLE' }));
    expect(encodeValue([handle])).toHaveLength(2);
  });

  test('what others use is refused', () => {
    const shared = [Buffer.from('abc'), new Uint8Array(new SharedArrayBuffer(8))];
    for (const view of shared)
      expect(() => transfer(view)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(String(shared[0])).toBe('abc');
  });
});

describe('sizes', () => {
  /** Says that it is so long; its bytes are never read. */
  const claiming = (length: number): Buffer =>
    Object.create(Buffer.alloc(0), { length: { value: length } }) as Buffer;

  test.each([2 ** 31 + 5, 2 ** 32])(
    'frames of %i bytes together are refused with both numbers, or counted right',
    (length) => {
      const frames = [...Array(4).fill(Buffer.from('{}')), claiming(length)];
      if (length > largestMessage) {
        expect(() => encodeFrames(frames)).toThrow(
          expect.objectContaining({ code: 'TOO_LARGE', message: expect.stringMatching(/\d{10}.*\d{10}/) }),
        );
        return;
      }
      const body = encodeFrames(frames);
      expect(body[0]?.readUInt32LE(4 + 4 * 4)).toBe(length);
      const padding = body[10]?.length;
      expect(padding).toBe(8 - (length % 8));
      expect(encodePacket({ channel: 'hub' }, body)[0]?.readUInt32LE(0)).toBeGreaterThan(length);
    },
  );
});

describe('functions', () => {
  test('travel by source, or by module and export', () => {
    expect(describeFunction((x: number) => x + 1)).toEqual({ source: '(x) => x + 1' });
    expect(describeFunction({ module: './work.js' })).toEqual({ module: './work.js', export: 'default' });
  });

  test.each([
    ['bound', ((x: number) => x).bind(null)],
    ['native', Math.max],
  ])('a %s function is refused', (_kind, callable) => {
    expect(() => describeFunction(callable as () => unknown)).toThrow(
      expect.objectContaining({ code: 'FUNCTION_SOURCE' }),
    );
  });
});
