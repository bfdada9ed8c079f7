import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { surroundingNodes, usualAddress } from '../../../src/launcher-kit/surrounding.js';
import here from '../../../src/launchers/here.js';
import mpi from '../../../src/launchers/mpi.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-surrounding-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

test.each([
  ['Slurm', { SLURM_JOB_ID: '1', SLURM_JOB_NUM_NODES: '3' }, 3],
  ['Slurm, of old', { SLURM_JOB_ID: '1', SLURM_NNODES: '2' }, 2],
  ['PBS, a line for each place', { PBS_JOBID: '1', PBS_NODEFILE: file('nodes', 'a\na\nb\n') }, 2],
  ['PBS, whose file is not there', { PBS_JOBID: '1', PBS_NODEFILE: join(folder, 'none') }, undefined],
  [
    'Grid Engine',
    { JOB_ID: '1', SGE_ROOT: '/x', PE_HOSTFILE: file('pe', 'a 2 all.q@a <NULL>\nb 2 all.q@b <NULL>\n') },
    2,
  ],
  ['Grid Engine, no parallel environment', { JOB_ID: '1', SGE_ROOT: '/x' }, undefined],
  ['LSF', { LSB_JOBID: '1', LSB_MCPU_HOSTS: 'a 4 b 8 c 8' }, 3],
  ['no allocation', { SLURM_JOB_NUM_NODES: '3' }, undefined],
])('nodes of the allocation: %s', (_name, env, nodes) => {
  expect(surroundingNodes(env as NodeJS.ProcessEnv)).toBe(nodes);
});

test('the controller listens for other nodes unless there is surely one alone', () => {
  expect(usualAddress({ SLURM_JOB_ID: '1', SLURM_JOB_NUM_NODES: '2' })).toEqual({ ip: 'private' });
  expect(usualAddress({ SLURM_JOB_ID: '1' })).toEqual({ ip: 'private' });
  expect(usualAddress({ SLURM_JOB_ID: '1', SLURM_JOB_NUM_NODES: '1' })).toEqual({});
  expect(usualAddress({})).toEqual({});
});

test('ranks and the engines of an allocation find a controller on another node', () => {
  vi.stubEnv('IPCLUSTER_JOB', undefined);
  vi.stubEnv('SLURM_JOB_ID', '7');
  vi.stubEnv('SLURM_JOB_NUM_NODES', '2');
  expect(here.create({}).usual).toEqual({ ip: 'private' });
  expect(mpi.create({ command: 'mpirun', args: '' }).usual).toEqual({ ip: 'private' });
  vi.stubEnv('SLURM_JOB_ID', undefined);
  expect(mpi.create({ command: 'mpirun', args: '' }).usual).toEqual({});
  expect(mpi.create({ command: 'mpirun', args: '--host a:2,b:2' }).usual).toEqual({ ip: 'private' });
});
