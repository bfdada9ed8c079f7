import { expect, test } from 'vitest';
import { placementOf } from '../../../src/processes/placement.js';

test('an engine uses as many threads as its share of the node has, unless the user says how many', () => {
  const share = { cpus: '0-3', gpus: undefined, threads: 4 };
  expect(placementOf(share, {}).env).toEqual({ OMP_NUM_THREADS: '4', MKL_NUM_THREADS: '4', OPENBLAS_NUM_THREADS: '4' });
  expect(placementOf(share, { OMP_NUM_THREADS: '7', MKL_NUM_THREADS: '' }).env).toMatchObject({
    OMP_NUM_THREADS: '7',
    MKL_NUM_THREADS: '4',
  });
});
