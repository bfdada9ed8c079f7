import type { Phrase } from '../launcher-kit/words.js';

/**
 * In advice: to start again without the nodes that failed; their names take its place where they are known.
 */
const again = 'Start again, without that node.';

/** What logs say of nodes where nothing began, or what began there ended; the most telling first. */
export const nodeCauses: readonly Phrase[] = [
  {
    words: /^ipcluster: there is no "module" on/,
    code: 'no-modules',
    sentence: 'There are no modules: its shell has no `module`, and no file there defines it.',
    suggestions: [
      'Define it first: `--setup-order prologue-first --prologue ". FILE"`, with the file that `module` ' +
        'comes from.',
      'Where does it come from? `type module` on a compute node.',
    ],
  },
  {
    words: /^ipcluster: the module .* cannot be loaded on/,
    code: 'no-modules',
    sentence: 'A module cannot be loaded there.',
    suggestions: [
      'Its name there: `module avail`, on a compute node.',
      'Where it lies: `--setup-order prologue-first --prologue "module use FOLDER"`.',
    ],
  },
  {
    words: /node failure|due to node fail|NODE_FAIL|lost node/i,
    code: 'node-failed',
    sentence: 'A node failed: its engines are gone, the others go on.',
    suggestions: ['Take others in their place: `ipcluster engines add -n 1`.'],
  },
  {
    words: /\bprolog (failure|failed|error)|prolog .*(failed|non-zero)/i,
    code: 'node-prolog',
    sentence:
      'What the site runs on a node before a job (its Prolog) failed there, and the scheduler took the ' +
      'node out of service.',
    suggestions: [again, 'Tell the administrators: `sinfo -R`.'],
  },
  {
    words: /^srun: error: (Task launch for \S+ failed on node|Nodes \S+ are still not ready)/,
    code: 'launch-failed',
    sentence: 'The scheduler could not start anything there.',
    suggestions: [again, 'Tell the administrators: `sinfo -R`.'],
  },
  {
    words: /node\.sh: (No such file|Permission denied|Stale|Input\/output|Transport)/i,
    code: 'folder-not-shared',
    sentence: 'The folder of the job is not seen there: its disk is not mounted, or is another one.',
    suggestions: [again, 'A folder that all nodes see: `--work-dir`.'],
  },
  {
    words: /\b(srun|mpirun|mpiexec|pbsdsh|pbs_tmrsh|blaunch|qrsh)(: command)?:? not found/,
    code: 'tool-missing',
    sentence: 'What starts processes on the nodes of an allocation is not on the PATH.',
    suggestions: [
      'Load the module that brings it, or set PATH, and start again.',
      'On this node alone: `--launcher local`.',
    ],
  },
  {
    words: /address space/i,
    code: 'address-space',
    sentence: 'A process may have too little address space there for Node.',
    suggestions: ['Ask for more memory: `--mem 4G`.', '`ulimit -v`'],
  },
  {
    words: /^ipcluster: cannot be run on/,
    code: 'node-missing',
    sentence: 'Node is not there, or cannot be run.',
    suggestions: ['Name the one that is there: `--node PATH`.', 'Load what brings it: `--modules NAME`.'],
  },
  {
    words: /^ipcluster: what ran on .* was killed by signal/,
    code: 'supervisor-killed',
    sentence:
      'What looked after the engines of a node was killed from outside, and its engines ended with it.',
    suggestions: [
      'Out of memory? `dmesg -T | tail` there.',
      'Take others in their place: `ipcluster engines add -n 1`.',
    ],
  },
];

/**
 * A step that waits is a reason only where nothing else is: Slurm says so as well while nodes are cleaned up,
 * and then begins.
 */
export const waitingSteps: readonly Phrase[] = [
  {
    words:
      /^srun: .*step creation (temporarily|still) disabled, retrying|^ipcluster: .*other steps of the job run there/,
    code: 'step-waits',
    sentence:
      'The scheduler has given the nodes, and does not let anything begin there: another step of the ' +
      'job holds them.',
    quoted: true,
    suggestions: [
      'What runs in the job? `squeue -s`.',
      'End that step, or let it leave room: `srun --overlap`.',
    ],
  },
];
