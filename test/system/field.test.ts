import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { proveRows } from '../prove.js';

/*
 * What people met with their machines, shells and programs: the quick rows of the long table, in namespaces
 * of their own.
 */

/** Files of rows that run here, with how many quick ones there are at least. */
const files = { people: 25 };

interface Row {
  name: string;
  right: boolean;
  problems: string[];
}

describe.skipIf(process.getuid?.() !== 0)('what people met (needs root for its namespaces)', () => {
  // Real programs beside three other suites may keep one waiting: what is wrong twice is wrong.
  test.each(Object.entries(files))(
    'every quick row of %s is as it must be',
    { retry: 1, timeout: 900_000 },
    async (name, least) => {
      const { rows, said } = await proveRows<Row>(
        resolve('test/beds/alone'),
        process.execPath,
        'proof/field.js',
        '--json',
        '--quick',
        '--files',
        name,
      );
      expect(rows.length, said).toBeGreaterThanOrEqual(least);
      expect(rows.filter(({ right }) => !right)).toEqual([]);
    },
  );
});
