import { describe, expect, test } from 'vitest';
import type { BatchDialect, BatchView } from '../../../src/launcher-kit/batch.js';
import { oneWord, plainPath } from '../../../src/launcher-kit/one-word.js';
import { dialect as lsf } from '../../../src/launchers/lsf.js';
import { dialectOf as pbsDialect } from '../../../src/launchers/pbs.js';
import { dialectOf as sgeDialect } from '../../../src/launchers/sge.js';
import { dialect as slurm } from '../../../src/launchers/slurm.js';

const dialects: [string, BatchDialect][] = [
  ['PBS', pbsDialect('openpbs', false)],
  ['Torque', pbsDialect('torque', true)],
  ['LSF', lsf],
  ['Grid Engine', sgeDialect({ gpu: 'gpu', account: 'account' })],
];

const view = (folder: string, resources = {}): BatchView => ({
  name: 'ipc-1',
  comment: '',
  count: 2,
  range: undefined,
  stdout: `${folder}/stdout`,
  stderr: `${folder}/stderr`,
  layout: { shape: 'array', parts: 2, perPart: 1 },
  request: {
    resources,
    extra: [],
    directives: {},
    single: false,
    surroundings: { modules: [], environment: {}, prologue: [], epilogue: [] },
  },
});

const lines = (dialect: BatchDialect, folder: string, resources = {}): string[] =>
  dialect
    .directives(view(folder, resources))
    .flatMap((directive) => dialect.formatDirective(directive) ?? []);

describe.each(dialects)('lines of %s', (name, dialect) => {
  test.each([{ queue: 'a b' }, { queue: '-x' }, { account: "it's" }, { account: 'a"b' }, { account: 'a#b' }])(
    '%j would become other words',
    (resources) => {
      expect(() => lines(dialect, '/work', resources)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );

  test.each(['/a b', "/it's", '/q"q', '/b\\s', '/h#h', '/c:d', '/k,l', '/s*'])(
    'the folder %s is in none of them',
    (folder) => {
      if (name === 'Grid Engine') expect(lines(dialect, folder).join('\n')).not.toContain(folder);
      else expect(() => lines(dialect, folder)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );

  test.each(['/home/me/work', '/scratch/größe/x_1-2.3@4+5=6~'])(
    'the folder %s stands there as it is',
    (folder) => {
      expect(lines(dialect, folder).some((line) => line.includes(`-o ${folder}/`))).toBe(true);
    },
  );
});

test('what is one word stays as it is', () => {
  expect([oneWord('-q', 'long@host'), oneWord('-q', 'a.q,b.q'), plainPath('PBS', '/a/b')]).toEqual([
    'long@host',
    'a.q,b.q',
    '/a/b',
  ]);
});

test.each([
  ['/a b/x', '--output="/a b/x"'],
  ['/it\'s "x"', '--output="/it\'s \\"x\\""'],
  ['/ü/$x', '--output=/ü/$x'],
])('Slurm’s lines have quotes of their own: %s', (path, line) => {
  expect(slurm.formatDirective(['--output', path])).toBe(line);
});

test('a backslash means something in Slurm’s patterns of names, so it is refused', () => {
  expect(() => slurm.directives(view('/b\\s'))).toThrow(expect.objectContaining({ code: 'USAGE' }));
});
