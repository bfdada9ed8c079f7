import { describe, expect, test } from 'vitest';
import { describeFunction } from '../../../src/protocol/functions.js';
import { decodeValue, encodeValue } from '../../../src/protocol/values.js';

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

  test('a large view travels as a frame of its own, uncopied', () => {
    const view = new Float64Array(1000);
    const frames = encodeValue({ view, small: new Uint8Array(4) });
    expect(frames).toHaveLength(2);
    expect(frames[0]?.length).toBeLessThan(100);
    expect(frames[1]?.buffer).toBe(view.buffer);
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
      expect.objectContaining({ code: 'NOT_CLONEABLE', message: expect.stringContaining('could not be cloned') }),
    );
  });

  test('bytes that are no value are refused', () => {
    expect(() => decodeValue([Buffer.from('{')])).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    expect(() => decodeValue([Buffer.from([255, 15, 99])])).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });
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
    expect(() => describeFunction(callable as () => unknown)).toThrow(expect.objectContaining({ code: 'FUNCTION_SOURCE' }));
  });
});
