import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { pin, pristineClass, pristineCopy, pristineProcess, snapshot } from '../../../src/base/pristine.js';
import { pinBuffer, pristineBuffer } from '../../../src/base/pristine-buffer.js';

/** What a test replaces, as user code would, is put back. */
const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0)) step();
});
function replace<T extends object>(owner: T, key: keyof T, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(owner, key) as PropertyDescriptor;
  Object.defineProperty(owner, key, { ...before, value });
  undo.push(() => Object.defineProperty(owner, key, before));
}
const broken = (): never => {
  throw new Error('replaced by user code');
};

describe('copies', () => {
  class Parent {
    hello(): string {
      return 'parent';
    }
  }
  class Child extends Parent {
    own(): string {
      return `child of ${this.hello()}`;
    }
  }

  test('of a prototype keep what it has and inherits, and instanceof', () => {
    const pinned = pin(new Child());
    replace(Child.prototype, 'own', broken);
    replace(Parent.prototype, 'hello', broken);
    expect(pinned.own()).toBe('child of parent');
    expect(pinned).toBeInstanceOf(Child);
    expect(() => new Child().own()).toThrow('replaced');
  });

  test('do not replace what the copy has itself', () => {
    const copy = pristineCopy(Parent.prototype, { hello: () => 'mine' }) as Parent;
    expect(copy.hello()).toBe('mine');
  });

  test('of a class can be inherited from, and of a module stay as they were', () => {
    const Copy = pristineClass(Child as never) as typeof Child;
    const module = {
      value: 1,
      get twice(): number {
        return this.value * 2;
      },
    };
    const taken = snapshot(module);
    replace(Parent.prototype, 'hello', broken);
    module.value = 5;
    expect(new (class extends Copy {})().own()).toBe('child of parent');
    expect([taken.value, taken.twice]).toEqual([1, 2]);
  });

  test('of process has its functions of before and its environment of now', () => {
    const copy = pristineProcess();
    replace(process, 'cwd', broken);
    process.env['OF_THIS_TEST'] = 'living';
    undo.push(() => delete process.env['OF_THIS_TEST']);
    expect(copy.cwd()).toBeTypeOf('string');
    expect([copy.env['OF_THIS_TEST'], copy.pid]).toEqual(['living', process.pid]);
  });
});

describe('buffers that keep their methods', () => {
  const Pinned = pristineBuffer();

  test('are what Buffer makes', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.array(fc.uint8Array(), { maxLength: 5 }),
        fc.nat(40_000),
        (text, parts, size) => {
          const buffers = parts.map((part) => Buffer.from(part));
          expect(Pinned.from(text).equals(Buffer.from(text))).toBe(true);
          expect(Pinned.from(text, 'latin1').equals(Buffer.from(text, 'latin1'))).toBe(true);
          expect(Pinned.concat(buffers).equals(Buffer.concat(buffers))).toBe(true);
          expect(Pinned.alloc(size, 7).equals(Buffer.alloc(size, 7))).toBe(true);
          expect([Pinned.allocUnsafe(size).length, Pinned.allocUnsafeSlow(size).length]).toEqual([
            size,
            size,
          ]);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('are cut as Buffer is cut, from either end', () => {
    const places = fc.oneof(
      fc.integer({ min: -20, max: 20 }),
      fc.constant(undefined),
      fc.double({ min: -20, max: 20 }),
    );
    const text = 'nine bytes';
    fc.assert(
      fc.property(places, places, (start, end) => {
        const right = Buffer.from(text).subarray(start, end).toString();
        expect(Pinned.from(text).subarray(start, end).toString()).toBe(right);
      }),
    );
  });

  test('do not lie over one another', () => {
    const all = Array.from({ length: 2000 }, (_unused, number) => Pinned.allocUnsafe(100).fill(number % 251));
    expect(all.every((buffer, number) => buffer.every((byte) => byte === number % 251))).toBe(true);
    expect(all.every(({ byteOffset }) => byteOffset % 8 === 0)).toBe(true);
  });

  test('go on to work when user code has replaced those of all others', () => {
    const [made, given] = [Pinned.from('made'), pinBuffer(Buffer.from('given'))];
    replace(Buffer.prototype, 'toString', broken);
    replace(Buffer.prototype, 'subarray', broken);
    replace(Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array, 'set', broken);
    // Whoever runs this test needs its own buffers again before anything is judged.
    let said: string[] = [];
    try {
      said = [
        made.toString(),
        made.subarray(1).toString(),
        given.toString(),
        Pinned.concat([made, given]).toString(),
      ];
    } finally {
      for (const step of undo.splice(0)) step();
    }
    expect(said).toEqual(['made', 'ade', 'given', 'madegiven']);
    expect(made).toBeInstanceOf(Buffer);
  });
});
