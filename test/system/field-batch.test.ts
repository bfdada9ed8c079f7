import { execFileSync, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

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

function prove(...args: string[]): Promise<{ rows: Row[]; said: string }> {
  const child = spawn(resolve('test/beds/alone'), [
    process.execPath,
    'proof/field-batch.js',
    '--json',
    ...args,
  ]);
  let [out, said] = ['', ''];
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  return new Promise((done) =>
    child.once('close', () =>
      done({ rows: JSON.parse(out.trim().split('\n').at(-1) || '[]') as Row[], said }),
    ),
  );
}

describe.skipIf(process.getuid?.() !== 0)('what users met on batch systems (needs root for its beds)', () => {
  beforeAll(() => {
    execFileSync('bash', ['-c', packages.join('\n')], { stdio: ['ignore', 'ignore', 'inherit'] });
  }, 300_000);

  // Real daemons beside three other suites may keep one waiting: what is wrong twice is wrong.
  test('every quick row is as it must be, and nothing is left', { retry: 1, timeout: 900_000 }, async () => {
    const { rows, said } = await prove('--quick');
    expect(rows.length, said).toBeGreaterThanOrEqual(35);
    expect(rows.filter(({ right }) => !right)).toEqual([]);
  });
});
