import { IpclusterError } from '../base/errors.js';

/*
 * The conditions that Python's clients put on records: `{column: value}` or `{column: {operator: value}}`,
 * all of which must hold. Dates are ISO texts of any precision and zone, and are compared to the microsecond.
 */

type Test = (value: unknown, wanted: unknown) => boolean;

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

const operators: Record<string, Test> = {
  $eq: (value, wanted) => equal(value, wanted),
  $ne: (value, wanted) => !equal(value, wanted),
  $lt: (value, wanted) => compare(value, wanted, (order) => order < 0),
  $lte: (value, wanted) => compare(value, wanted, (order) => order <= 0),
  $gt: (value, wanted) => compare(value, wanted, (order) => order > 0),
  $gte: (value, wanted) => compare(value, wanted, (order) => order >= 0),
  $in: (value, wanted) => list(wanted).some((one) => equal(value, one)),
  $nin: (value, wanted) => !list(wanted).some((one) => equal(value, one)),
  $all: (value, wanted) => list(wanted).every((one) => list(value).some((own) => equal(own, one))),
  $mod: (value, wanted) =>
    typeof value === 'number' && value % Number(list(wanted)[0]) === Number(list(wanted)[1]),
  $exists: (value, wanted) => (value !== null && value !== undefined) === Boolean(wanted),
  $glob: (value, wanted) => typeof value === 'string' && globOf(String(wanted)).test(value),
};

/** Makes a test of records from a query. Throws USAGE for an operator that is not known. */
export function recordTest(query: Record<string, unknown>): (record: Record<string, unknown>) => boolean {
  const conditions = Object.entries(query).flatMap(([column, wanted]) => {
    if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted))
      return [{ column, test: equal, wanted }];
    return Object.entries(wanted).map(([name, value]) => {
      const test = operators[name];
      if (!test)
        throw new IpclusterError(
          'USAGE',
          `A query knows no ${name}; it knows ${Object.keys(operators).join(' ')}.`,
        );
      return { column, test, wanted: value as unknown };
    });
  });
  return (record) => conditions.every(({ column, test, wanted }) => test(record[column], wanted));
}

function equal(a: unknown, b: unknown): boolean {
  const [first, second] = [microseconds(a), microseconds(b)];
  if (first !== undefined && second !== undefined) return first === second;
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Values that cannot be compared, such as what is not there yet, are in no order. */
function compare(a: unknown, b: unknown, accepts: (order: number) => boolean): boolean {
  const [first, second] = [microseconds(a) ?? a, microseconds(b) ?? b];
  if (first === null || first === undefined || typeof first !== typeof second) return false;
  const [x, y] = [first as string, second as string];
  return accepts(x < y ? -1 : x > y ? 1 : 0);
}

const isoDate = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/;

/** Microseconds since the epoch of a text that is a date; undefined for any other value. */
function microseconds(value: unknown): bigint | undefined {
  const [, moment, fraction = '', zone = 'Z'] = (typeof value === 'string' && isoDate.exec(value)) || [];
  if (moment === undefined) return undefined;
  const whole = Date.parse(`${moment.replace(' ', 'T')}${zone}`);
  return Number.isNaN(whole)
    ? undefined
    : BigInt(whole) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
}

const globOf = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
