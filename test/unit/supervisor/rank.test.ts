import { expect, test } from 'vitest';
import { readRank } from '../../../src/supervisor/rank.js';

test.each([
  ['Open MPI', { OMPI_COMM_WORLD_RANK: '3', PMIX_RANK: '3' }, 3],
  ['MPICH and Intel', { PMI_RANK: '2', PMI_SIZE: '4' }, 2],
  ['PMIx', { PMIX_RANK: '1' }, 1],
  ['a step of Slurm', { SLURM_PROCID: '5', SLURM_STEP_ID: '0' }, 5],
  ['a batch script of Slurm', { SLURM_PROCID: '0' }, undefined],
  ['our own script', { IPCLUSTER_JOB: 'mpi:1', IPCLUSTER_RANK: '7', OMPI_COMM_WORLD_RANK: '3' }, 7],
  [
    'a job of ours that a rank has started',
    { IPCLUSTER_JOB_DIR: '/jobs/1', OMPI_COMM_WORLD_RANK: '3' },
    undefined,
  ],
  ['nothing', {}, undefined],
])('the rank of %s', (_name, env, rank) => {
  expect(readRank(env)).toBe(rank);
});
