import { expect, test } from 'vitest';
import { borrow, owned } from '../../../src/protocol/memory.js';
import { reuse } from '../../../src/protocol/spare-memory.js';

const size = 3 << 20;
const lent = (value: number, length = size): Buffer => borrow(Buffer.alloc(length, value));

test('a copy has memory of its own until it is given back', () => {
  const [first, second] = [owned(lent(1)), owned(lent(2))];
  expect(first.buffer).not.toBe(second.buffer);
  const { buffer } = first;
  reuse([first]);
  const third = owned(lent(3, size - 5));
  expect([third.buffer === buffer, third.length]).toEqual([true, size - 5]);
  expect([...new Set(third)]).toEqual([3]);
  expect([...new Set(second)]).toEqual([2]);
});

test('what is given back twice is there once, and what is nobody else’s is not taken', () => {
  const mine = Buffer.alloc(size);
  expect(owned(mine)).toBe(mine);
  const copy = owned(lent(4));
  reuse([copy, copy, mine]);
  reuse([copy]);
  const copies = [owned(lent(5)), owned(lent(6)), owned(lent(7))];
  expect(new Set(copies.map(({ buffer }) => buffer)).size).toBe(3);
  expect(copies.map(({ buffer }) => buffer)).not.toContain(mine.buffer);
});
