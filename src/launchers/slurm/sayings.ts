import { getoptPattern, type Sayings } from '../../launcher-kit/sayings.js';

/** Letters of sbatch that take no value (sbatch(1)). */
const flags = 'HhIkOQsvVW';
const option = (letter: string, ...names: readonly string[]): RegExp =>
  getoptPattern(flags, letter, ...names);

/** What options of sbatch say of our settings. */
export const sayings: Sayings = {
  partition: option('p', 'partition'),
  account: option('A', 'account'),
  qos: option('q', 'qos'),
  constraint: option('C', 'constraint'),
  time: option('t', 'time'),
  nodes: option('N', 'nodes'),
  n: option('n', 'ntasks'),
  ntasksPerNode: option('', 'ntasks-per-node'),
  cpusPerTask: option('c', 'cpus-per-task'),
  mem: option('', 'mem-per-cpu', 'mem-per-gpu'),
  gpus: option('G', 'gpus-per-node', 'gpus-per-task', 'gpus-per-socket', 'gres'),
};
