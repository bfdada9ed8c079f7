import { IpclusterError } from '../base/errors.js';

/*
 * What others send is read by guards: one for each field that is listed. A guard answers a copy of what it
 * knows and drops the rest, so that nothing reaches whoever acts on it that was not named. Tables of them
 * stand beside this file, one for each pair of roles that talks; docs/protocol-roles.md is made from those.
 */

/** Reads one kind of value. */
export interface Guard<T> {
  /** What it takes, for people. */
  readonly words: string;
  /** True for a field that need not be there. */
  readonly optional?: boolean;
  /** Its fields, where it has some. */
  readonly fields?: Readonly<Record<string, Guard<unknown>>>;
  /** Answers the value, or throws USAGE naming where it stands. */
  read(value: unknown, path: string): T;
}

/** Guards of a message's fields, by name: every field of the type must have one. */
type Fields<T> = { readonly [K in keyof T]-?: Guard<Exclude<T[K], undefined>> };

function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? `a list of ${value.length}` : 'an object';
  const text = String(JSON.stringify(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function guard<T>(words: string, accepts: (value: unknown) => boolean): Guard<T> {
  return {
    words,
    read(value, path) {
      if (accepts(value)) return value as T;
      throw new IpclusterError('USAGE', `${path} is ${shown(value)}, but must be ${words}.`);
    },
  };
}

/** Text of so many characters at most. */
export const text = (most: number): Guard<string> =>
  guard(`text of at most ${most} characters`, (value) => typeof value === 'string' && value.length <= most);

/** One of these words. */
export const word = <W extends string>(...words: readonly W[]): Guard<W> =>
  guard(words.map((one) => `\`${one}\``).join(' or '), (value) => words.includes(value as W));

export const flag: Guard<boolean> = guard('true or false', (value) => typeof value === 'boolean');

/** A whole number of that range, both ends included. */
export const whole = (least: number, most: number): Guard<number> =>
  guard(
    `a whole number from ${least} to ${most}`,
    (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  );

/** Any number; JSON can hold ones that are none. */
export const finite: Guard<number> = guard('a number', Number.isFinite);

/** The same, where null says that there is none. */
export const orNull = <T>(inner: Guard<T>): Guard<T | null> => ({
  ...inner,
  words: `${inner.words}, or null`,
  read: (value, path) => (value === null ? null : inner.read(value, path)),
});

/** The same, where the field may be absent. */
export const maybe = <T>(inner: Guard<T>): Guard<T> => ({ ...inner, optional: true });

/** What the first of these guards takes that takes anything. */
export const either = <A, B>(first: Guard<A>, second: Guard<B>): Guard<A | B> => ({
  words: `${first.words}, or ${second.words}`,
  read(value, path) {
    try {
      return first.read(value, path);
    } catch {
      return second.read(value, path);
    }
  },
});

/** A list of so many at most. */
export function list<T>(inner: Guard<T>, most: number): Guard<T[]> {
  const words = `a list of at most ${most}: ${inner.words}`;
  const whether = guard<unknown[]>(words, (value) => Array.isArray(value) && value.length <= most);
  return {
    words,
    read: (value, path) =>
      whether.read(value, path).map((one, index) => inner.read(one, `${path}[${index}]`)),
  };
}

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Values by name, so many at most; any text can be a name, since the copy has no prototype. */
export function byName<T>(inner: Guard<T>, most: number): Guard<Record<string, T>> {
  const words = `an object of at most ${most}: ${inner.words}`;
  const whether = guard<Record<string, unknown>>(
    words,
    (value) => isObject(value) && Object.keys(value as object).length <= most,
  );
  return {
    words,
    read(value, path) {
      const copy = Object.create(null) as Record<string, T>;
      for (const [name, one] of Object.entries(whether.read(value, path)))
        copy[name] = inner.read(one, `${path}.${name}`);
      return copy;
    },
  };
}

/** An object with these fields and no other. */
export function object<T extends object>(fields: Fields<T>): Guard<T> {
  const known = Object.entries(fields) as [string, Guard<unknown>][];
  const whether = guard<Record<string, unknown>>('an object', isObject);
  return {
    words: `an object of ${known.map(([name, { optional }]) => `\`${name}\`${optional ? '?' : ''}`).join(', ') || 'nothing'}`,
    fields,
    read(value, path) {
      const given = whether.read(value, path);
      const copy: Record<string, unknown> = {};
      for (const [name, inner] of known) {
        const one = Object.hasOwn(given, name) ? given[name] : undefined;
        if (one === undefined && inner.optional) continue;
        copy[name] = inner.read(one, `${path}.${name}`);
      }
      return copy as T;
    },
  };
}
