import { describe, expect, test } from 'vitest';
import type { SettingKey } from '../../../src/config/settings.js';
import { wordsFor } from '../../../src/launcher-kit/sayings.js';
import lsf from '../../../src/launchers/lsf.js';
import pbs from '../../../src/launchers/pbs.js';
import sge from '../../../src/launchers/sge.js';
import { sayings } from '../../../src/launchers/slurm/sayings.js';

const said = (key: SettingKey, ...extra: string[]): string | undefined =>
  wordsFor(sayings, key, { extra, directives: {} });

describe('words for sbatch that say what a setting says', () => {
  test.each([
    ['partition', ['-p', 'other']],
    ['partition', ['-pother']],
    ['partition', ['-Hpother']],
    ['partition', ['--partition=other']],
    ['partition', ['--partition', 'other']],
    ['partition', ['--parti', 'other']],
    ['partition', ['--exclusive', '--part=other']],
    ['account', ['-A', 'x']],
    ['time', ['-t5']],
    ['time', ['--tim=5']],
    ['qos', ['--qos=x']],
    ['mem', ['--mem=1G']],
    ['mem', ['--mem-per-cpu', '1G']],
    ['n', ['-n', '8']],
    ['gpus', ['--gres=gpu:1']],
  ] as const)('%s: %j', (key, extra) => {
    expect(said(key, ...extra)).toBe(extra.find((word) => word !== '--exclusive' && word.startsWith('-')));
  });

  test.each([
    ['partition', ['--profile=all']],
    ['time', ['--time-min=5']],
    ['n', ['--nice=5']],
    ['account', ['--acctg-freq=30']],
    ['partition', ['--exclusive', '--hold']],
    ['mem', ['--mem-bind=local']],
  ] as const)('nothing of %s: %j', (key, extra) => {
    expect(said(key, ...extra)).toBeUndefined();
  });

  test('a directive counts as well', () => {
    expect(wordsFor(sayings, 'partition', { extra: [], directives: { '--partition': 'other' } })).toBe(
      '--partition other',
    );
  });
});

test.each([
  [pbs, 'partition', ['-q', 'other']],
  [pbs, 'time', ['-l', 'select=1,walltime=9:00:00']],
  [pbs, 'time', ['-lwalltime=9:00:00']],
  [sge, 'partition', ['-q', 'other']],
  [sge, 'time', ['-l', 'h_rt=3600']],
  [lsf, 'partition', ['-q', 'other']],
  [lsf, 'time', ['-W', '60']],
] as const)('other systems hear them too %#', (definition, key, extra) => {
  const launcher = definition.create(definition.options.parse({}) as never);
  const request = { extra: [...extra], directives: {}, resources: {}, single: false } as never;
  expect(launcher.saysOtherwise?.(key, request)).toBe(extra[0]);
});
