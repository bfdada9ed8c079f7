import { describe, expect, test } from 'vitest';
import { checkProgram, readEngineProgram } from '../../../src/processes/engine-program.js';

const read = (engine: string, more: object = {}) => readEngineProgram({ engine, python: '/py', ...more });

describe('what engines shall be', () => {
  test('node is our own program', () => {
    expect(read('node')).toBeUndefined();
  });

  test.each([
    ['python', {}, ['/py', '-m', 'ipyparallel.engine'], false, ['ipyparallel']],
    [
      "python -s 'my file.py'",
      {},
      ['/py', '-m', 'ipyparallel.engine', '-s', 'my file.py'],
      false,
      ['ipyparallel'],
    ],
    ['python --mpi', {}, ['/py', '-m', 'ipyparallel.engine', '--mpi'], true, ['ipyparallel', 'mpi4py']],
    [
      'node',
      { mpi: 'mpi4py' },
      ['/py', '-m', 'ipyparallel.engine', '--mpi'],
      true,
      ['ipyparallel', 'mpi4py'],
    ],
    [
      'python',
      { mpi: 'my.mpi' },
      ['/py', '-m', 'ipyparallel.engine', '--IPEngine.startup_command=import my.mpi'],
      true,
      ['ipyparallel', 'my.mpi'],
    ],
    [
      'node',
      { startupCommand: 'x = 1' },
      ['/py', '-m', 'ipyparallel.engine', '--IPEngine.startup_command=x = 1'],
      false,
      ['ipyparallel'],
    ],
    ['conda run -n env ipengine', {}, ['conda', 'run', '-n', 'env', 'ipengine'], false, []],
  ])('%s %j', (engine, more, words, isRank, modules) => {
    expect(read(engine, more)).toEqual({ language: 'python', words, isRank, modules });
  });

  test.each([
    ['node --mpi', {}, /node takes no words/],
    ['./own.sh', { mpi: 'mpi4py' }, /are for `--engine python`/],
    ['python', { mpi: 'os; evil()' }, /must be the name of a module/],
  ])('%s %j is refused', (engine, more, sentence) => {
    expect(() => read(engine, more)).toThrow(sentence);
  });

  test('an interpreter that is none is named', async () => {
    const program = readEngineProgram({ engine: 'python', python: '/bin/false' });
    await expect(program && checkProgram(program)).rejects.toThrow(
      /\/bin\/false cannot be used as an interpreter of Python: exit code 1/,
    );
  });
});
