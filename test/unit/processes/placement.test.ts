import { describe, expect, test } from 'vitest';
import { placeEngines, placementOf } from '../../../src/processes/placement.js';

test('an engine uses as many threads as its share of the node has, unless the user says how many', () => {
  const share = { cpus: '0-3', gpus: undefined, threads: 4 };
  expect(placementOf(share, {}).env).toEqual({
    OMP_NUM_THREADS: '4',
    MKL_NUM_THREADS: '4',
    OPENBLAS_NUM_THREADS: '4',
  });
  expect(placementOf(share, { OMP_NUM_THREADS: '7', MKL_NUM_THREADS: '' }).env).toMatchObject({
    OMP_NUM_THREADS: '7',
    MKL_NUM_THREADS: '4',
  });
});

test('what PBS says of a chunk is no word of the user, and is shared by the engines in it', () => {
  const env = { PBS_JOBID: '7.head', NCPUS: '4', OMP_NUM_THREADS: '4' };
  expect(placementOf({ cpus: undefined, gpus: undefined, threads: 1 }, env).env['OMP_NUM_THREADS']).toBe('1');
  expect(
    placementOf({ cpus: undefined, gpus: undefined, threads: 1 }, { ...env, OMP_NUM_THREADS: '2' }).env,
  ).toMatchObject({
    OMP_NUM_THREADS: '2',
  });
});

describe('the share of an engine', () => {
  const host = Array.from({ length: 128 }, (_unused, index) => index);
  const place = (
    count: number,
    env: NodeJS.ProcessEnv,
    { allowed = host, nodes = 1, cpusPerTask = 1 } = {},
  ) => placeEngines({ count, cpusPerTask, nodes, allowed }, env).map(({ cpus, threads }) => [cpus, threads]);

  test('is what the job was asked for where the system binds nothing, and it is bound to nothing', () => {
    expect(place(1, {})).toEqual([[undefined, 1]]);
    expect(place(2, {}, { cpusPerTask: 4 })).toEqual([
      [undefined, 4],
      [undefined, 4],
    ]);
  });

  test('is of what the job has where the system binds', () => {
    expect(place(2, {}, { allowed: [4, 5] })).toEqual([
      ['4', 1],
      ['5', 1],
    ]);
    expect(place(2, { SLURM_CPUS_ON_NODE: '128' })).toEqual([
      ['0-63', 64],
      ['64-127', 64],
    ]);
  });

  test.each([
    [{ SLURM_CPUS_ON_NODE: '8' }, 4],
    [{ SLURM_CPUS_PER_TASK: '3' }, 3],
    [{ NCPUS: '6' }, 3],
    [{ PBS_NUM_PPN: '10' }, 5],
    [{ NSLOTS: '4' }, 2],
    [{ LSB_DJOB_NUMPROC: '12' }, 6],
    [{ NSLOTS: 'undefined' }, 1],
    [{ IPCLUSTER_RANK: '1', SLURM_CPUS_ON_NODE: '64' }, 1],
  ])('is of what the system gave without binding it: %j', (env, threads) => {
    expect(place(2, env)).toEqual([
      [undefined, threads],
      [undefined, threads],
    ]);
  });

  test('is bound where the job was given the whole host, and only there', () => {
    const env = { PBS_JOBID: '7.head', NCPUS: '2', OMP_NUM_THREADS: '2' };
    expect(place(2, env, { allowed: [0, 1] })).toEqual([
      ['0', 1],
      ['1', 1],
    ]);
    expect(place(2, env, { allowed: [0, 1, 2, 3] })).toEqual([
      [undefined, 1],
      [undefined, 1],
    ]);
  });

  test('is no share of a whole job that has other nodes', () => {
    expect(place(2, { NSLOTS: '64' }, { nodes: 8 })).toEqual([
      [undefined, 1],
      [undefined, 1],
    ]);
  });
});
