import { type BatchDialect, defineBatchLauncher } from '../launcher-kit/batch.js';
import { z } from '../launcher-kit/options.js';
import { lastWords } from '../launcher-kit/words.js';
import { limitAlone } from './slurm/alone.js';
import { commandOptions, directives, formatDirective, userDefaults } from './slurm/directives.js';
import { downNodes, drainedNodes } from './slurm/nodes.js';
import { bareIds, find, holds, largestArray, nodeSize, onCluster, sacct, squeue } from './slurm/questions.js';
import { explainReason } from './slurm/reasons.js';
import { explainRefusal } from './slurm/refusals.js';
import { sayings } from './slurm/sayings.js';

/** The dialect itself, as questions and answers. */
export const dialect: BatchDialect = {
  prefix: '#SBATCH',
  shape: 'gang',
  firstIndex: 0,
  // MaxArraySize is 1001 unless the site says otherwise, and the largest index is one less (job_array.html).
  largestArray: 1000,
  askLargestArray: largestArray,
  refuses: {},
  detect: {
    argv: ['sbatch', '--version'],
    parse: ({ code, stdout }) =>
      code === 127
        ? 'There is no Slurm here: `sbatch` is not on your PATH.'
        : /slurm/i.test(stdout)
          ? ''
          : undefined,
  },
  nodeSize,
  directives,
  formatDirective,
  userDefaults,
  sayings,
  submit: (script, extra, said) => ({
    argv: ['sbatch', '--parsable', ...commandOptions(said, extra), ...extra, script],
  }),
  parseJobId: (stdout) => /^\d+(;[\w.-]+)?$/.exec(lastWords(stdout))?.[0],
  refusal: explainRefusal,
  isSilence: ({ stderr }) =>
    /unable to contact|socket timed out|connection refused|zero bytes were transmitted/i.test(stderr),
  holds,
  find,
  status: (ids) => [squeue(ids), sacct(ids)],
  askCause: (ids, state) => {
    if (state.state === 'cancelled') return drainedNodes(ids);
    return state.state === 'queued' && state.reason !== undefined ? limitAlone(ids, state.reason) : undefined;
  },
  resume: [
    'Who looks after the cluster lets it go on: `scontrol resume ID`.',
    'It was suspended for another job? It goes on by itself after that.',
  ],
  downHosts: downNodes,
  without: (nodes) => [`--exclude=${nodes.join(',')}`],
  cancel: (ids) => ['scancel', ...onCluster(ids), ...bareIds(ids)],
  // -f: the script, what it has started, and the steps (scancel(1)).
  signal: (ids, name) => ['scancel', '-f', '-s', name.replace('SIG', ''), ...onCluster(ids), ...bareIds(ids)],
  explainReason,
};

/** Jobs of Slurm. */
export default defineBatchLauncher({
  name: 'slurm',
  summary: 'jobs of Slurm (sbatch)',
  options: z.object({}),
  dialect: () => dialect,
});
