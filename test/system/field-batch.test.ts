import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { proveRows } from '../prove.js';

/*
 * What users met on their batch systems: the quick rows of the long table, in namespaces of their own, so
 * that the other beds can be up beside it.
 */

interface Row {
  entry: string;
  right: boolean;
  problems: string[];
}

const packages = [
  '. test/beds/packages.sh',
  'need_packages slurmctld slurmd sbatch munged slurmdbd mariadbd -- slurmctld slurmd slurm-client ' +
    'munge slurmdbd mariadb-server',
  '[ -e /usr/share/lmod ] || [ -e /usr/share/modules ] || need_packages lmod -- lmod',
  'need_users hpc hpc2',
];

describe.skipIf(process.getuid?.() !== 0)('what users met on batch systems (needs root for its beds)', () => {
  beforeAll(() => {
    execFileSync('bash', ['-c', packages.join('\n')], { stdio: ['ignore', 'ignore', 'inherit'] });
  }, 300_000);

  // Real daemons beside three other suites may keep one waiting: what is wrong twice is wrong.
  test('every quick row is as it must be, and nothing is left', { retry: 1, timeout: 900_000 }, async () => {
    const { rows, said } = await proveRows<Row>(
      resolve('test/beds/alone'),
      process.execPath,
      'proof/field-batch.js',
      '--json',
      '--quick',
    );
    expect(rows.length, said).toBeGreaterThanOrEqual(35);
    expect(rows.filter(({ right }) => !right)).toEqual([]);
  });
});
