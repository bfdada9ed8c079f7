import { describe, expect, test } from 'vitest';
import { clientRequests, observerRequests } from '../../../src/protocol/client-requests.js';
import { engineMessages } from '../../../src/protocol/engine-messages.js';
import { answer, errorAnswer } from '../../../src/protocol/fields.js';
import {
  byName,
  either,
  finite,
  flag,
  type Guard,
  list,
  maybe,
  object,
  orNull,
  text,
  whole,
  word,
} from '../../../src/protocol/guards.js';
import { supervisorMessages } from '../../../src/protocol/supervisor-messages.js';

const refusal = (message: RegExp | string): object =>
  expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(message) });

describe('a guard takes one kind of value', () => {
  test.each<[string, Guard<unknown>, unknown[], unknown[]]>([
    ['text', text(3), ['', 'abc', 'äöü'], ['abcd', 3, null, undefined, ['a']]],
    ['word', word('yes', 'no'), ['yes', 'no'], ['YES', '', 'toString', undefined]],
    ['flag', flag, [true, false], [0, 'true', null, undefined]],
    ['whole', whole(-1, 9), [-1, 0, 9], [-2, 10, 1.5, Number.NaN, '1', 2 ** 60, null]],
    ['finite', finite, [0, -1.5, 1e300], [Number.NaN, Number.POSITIVE_INFINITY, '1', null]],
    ['orNull', orNull(flag), [null, true], [undefined, 0]],
    [
      'list',
      list(flag, 2),
      [[], [true], [true, false]],
      [[true, true, true], [1], true, { 0: true, length: 1 }, null],
    ],
    ['byName', byName(flag, 2), [{}, { a: true }], [{ a: 1 }, { a: true, b: true, c: true }, [], null, 'a']],
    ['either', either(word('all'), list(finite, 2)), ['all', [], [1, 2]], ['none', [1, 2, 3], null]],
  ])('%s', (_name, guard, good, bad) => {
    for (const value of good) expect(guard.read(value, 'it')).toEqual(value);
    for (const value of bad)
      expect(() => guard.read(value, 'it')).toThrow(refusal(/^it.* is .*, but must be /));
  });

  test('and says where a wrong one stands, and what it is, without all of it', () => {
    const guard = object<{ list: { id: number }[]; far: Record<string, boolean> }>({
      list: list(object<{ id: number }>({ id: whole(0, 9) }), 5),
      far: byName(flag, 5),
    });
    const read = (value: unknown) => () => guard.read(value, 'content');
    expect(read({ list: [{ id: 1 }, { id: 77 }], far: {} })).toThrow(
      refusal(/^content\.list\[1\]\.id is 77,/),
    );
    expect(read({ list: [], far: { one: 'x'.repeat(500) } })).toThrow(
      refusal(/^content\.far\.one is "x{59}…,/),
    );
    expect(read({ list: { id: 1 }, far: {} })).toThrow(refusal(/^content\.list is an object,/));
    expect(read({ far: {} })).toThrow(refusal(/^content\.list is undefined,/));
    expect(read([])).toThrow(refusal(/^content is a list of 0, but must be an object/));
  });
});

describe('what a guard answers', () => {
  const guard = object<{ id: number; label: string }>({ id: whole(0, 9), label: maybe(text(9)) });

  test('is a copy that has the known fields and no other', () => {
    const given = { id: 1, label: 'x', more: 'dropped' };
    expect(guard.read(given, 'it')).toEqual({ id: 1, label: 'x' });
    expect(guard.read({ id: 1 }, 'it')).toEqual({ id: 1 });
    expect('label' in guard.read({ id: 1 }, 'it')).toBe(false);
  });

  test('takes nothing that an object only inherits', () => {
    expect(() => guard.read(Object.create({ id: 1 }), 'it')).toThrow(refusal(/^it\.id is undefined/));
    const made = byName(flag, 5).read(JSON.parse('{"__proto__": true, "a": false}'), 'it');
    expect([Object.getPrototypeOf(made), Object.keys(made)]).toEqual([null, ['__proto__', 'a']]);
  });
});

describe('an answer', () => {
  const guard = answer(object<{ status: 'ok'; count: number }>({ status: word('ok'), count: finite }));

  test('is good, says what went wrong, or was given up', () => {
    const failure = { status: 'error', ename: 'RangeError', evalue: 'too far', traceback: ['at here'] };
    expect(guard.read({ status: 'ok', count: 2, more: 1 }, 'it')).toEqual({ status: 'ok', count: 2 });
    expect(guard.read({ ...failure, stack: 'private' }, 'it')).toEqual(failure);
    expect(guard.read({ status: 'aborted', how: 'interrupted' }, 'it')).toEqual({
      status: 'aborted',
      how: 'interrupted',
    });
    expect(errorAnswer.read(failure, 'it')).toEqual(failure);
  });

  test.each([
    { status: 'ok' },
    { status: 'error' },
    { status: 'aborted', how: 'somehow' },
    { status: 'fine' },
    null,
    'ok',
  ])('%j is none', (value) => {
    expect(() => guard.read(value, 'it')).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

const tables = { clientRequests, supervisorMessages, engineMessages };

describe.each(Object.entries(tables))('the table %s', (_name, table) => {
  const rows = Object.entries(table) as [string, Guard<unknown>][];

  test.each(rows)('%s: nothing but an object, and none of what it does not name', (_type, guard) => {
    for (const wrong of [null, undefined, 'text', 7, [], () => 1])
      expect(() => guard.read(wrong, 'content')).toThrow(expect.objectContaining({ code: 'USAGE' }));
    const fields = Object.entries(guard.fields ?? {});
    if (fields.some(([, { optional }]) => !optional))
      expect(() => guard.read({}, 'content')).toThrow(/^content\./);
    else expect(guard.read({ unheardOf: 1 }, 'content')).toEqual({});
    const wrong = Object.fromEntries(fields.map(([name]) => [name, () => 1]));
    if (fields.length > 0) expect(() => guard.read(wrong, 'content')).toThrow(/^content\./);
  });
});

test('who only looks on asks nothing that changes anything', () => {
  for (const type of observerRequests) expect(type in clientRequests).toBe(true);
  expect(
    [...observerRequests].filter((type) =>
      /abort|interrupt|stop|shutdown|purge|restart|submit|signal|join/.test(type),
    ),
  ).toEqual([]);
});
