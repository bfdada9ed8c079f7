import { IpclusterError } from '../base/errors.js';
import { askTool } from './ask-tool.js';
import { isOnPath, surroundingNodes } from './surrounding.js';

/** What is known of a job of Slurm that a shell names. */
interface Facts {
  state: string;
  nodes: string;
  list: string;
}

/**
 * What a shell does not say of the job of Slurm that it names, as variables: editors, containers and tmux
 * take a few of them along, or keep those of a job that is over. Nothing where it is all there. Throws
 * RESOURCES for a job that does not run, for one that cannot be asked for, and for several nodes without
 * srun.
 */
export async function completeSlurm(env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const id = env['SLURM_JOB_ID'] ?? '';
  const known = env['SLURM_JOB_NUM_NODES'] !== undefined;
  const found = known ? undefined : await askSlurm(id, env);
  const nodes = found ? Number(found.nodes) : surroundingNodes(env);
  if (nodes !== 1 && !isOnPath('srun', env))
    throw new IpclusterError(
      'RESOURCES',
      `The job ${id} has several nodes, and there is no \`srun\` on the PATH to reach them.`,
      {
        suggestions: [
          'Load the module that brings it, or set PATH.',
          'On this node alone: `--launcher local`.',
        ],
      },
    );
  if (!found) return {};
  return {
    SLURM_JOB_NUM_NODES: found.nodes,
    SLURM_JOB_NODELIST: found.list,
    SLURM_TASKS_PER_NODE: env['SLURM_TASKS_PER_NODE'] ?? `1(x${found.nodes})`,
  };
}

async function askSlurm(id: string, env: NodeJS.ProcessEnv): Promise<Facts> {
  const argv = ['squeue', '-h', '-t', 'all', '-j', id, '-o', '%T|%D|%N'] as const;
  const { code, stdout, stderr, timedOut } = await askTool(argv, env);
  const [state = '', nodes = '', list = ''] = (stdout.trim().split('\n')[0] ?? '').split('|');
  if (code === 0 && state === 'RUNNING' && Number(nodes) > 0) return { state, nodes, list };
  const isUnknown = (code === 0 && state === '') || /invalid job id/i.test(stderr);
  const silence = timedOut
    ? 'squeue does not answer'
    : `squeue says: ${stderr.trim().split('\n')[0] || `exit code ${code}`}`;
  const how = isUnknown ? 'Slurm does not know it any more' : code === 0 ? `it is ${state}` : silence;
  throw new IpclusterError(
    'RESOURCES',
    `SLURM_JOB_ID names the job ${id}, but this shell is not in its allocation, and ${how}.`,
    {
      suggestions: [
        'The variable is an old one? `unset SLURM_JOB_ID`, and start again.',
        'On this machine: `--launcher local`. A job of its own: `--launcher slurm`.',
      ],
    },
  );
}
