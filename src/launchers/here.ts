import { join } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { defineLauncher, type JobSpec } from '../launcher-kit/contract.js';
import { z } from '../launcher-kit/options.js';
import type { LaunchPlan } from '../launcher-kit/plan.js';
import { processLauncher } from '../launcher-kit/process-jobs.js';
import { layoutOf } from '../launcher-kit/resources.js';
import { plainFacts, plainRequest, scriptFiles } from '../launcher-kit/script.js';
import { surroundingSystem, usualAddress } from '../launcher-kit/surrounding.js';
import { completeSlurm } from '../launcher-kit/surrounding-job.js';
import { findJobShell } from '../processes/job-shell.js';

/**
 * A program that runs once stays on this node; what starts engines is spread over all nodes of the
 * allocation.
 */
function plan(system: string | undefined, spec: JobSpec): LaunchPlan {
  if (!system)
    throw new IpclusterError(
      'RESOURCES',
      'There is no allocation here: no Slurm, PBS, Grid Engine or LSF job surrounds this program.',
      {
        suggestions: ['Get one first: `salloc`, `qsub -I`.', 'Let ipcluster submit: `--launcher slurm`.'],
      },
    );
  const request = spec.batch ?? plainRequest;
  const facts = {
    ...plainFacts,
    layout: layoutOf(spec.count, request, 'gang'),
    surrounding: system,
    values: { shell: findJobShell()?.pid.toString() },
  };
  const files = scriptFiles('here', spec, facts);
  return { files, commands: [{ argv: ['/bin/bash', join(spec.jobDir, 'job.sh')] }] };
}

/** Spreads engines over the allocation that surrounds this program, and submits nothing. */
export default defineLauncher({
  name: 'here',
  summary: 'the allocation that surrounds this program: salloc, qsub -I, a script of your own',
  options: z.object({
    system: z
      .enum(['slurm', 'pbs', 'sge', 'lsf'])
      .optional()
      .describe('whose allocation it is; found out by itself when absent'),
  }),
  create: ({ system }) => ({
    ...processLauncher('here', (spec) => plan(system ?? surroundingSystem(process.env), spec)),
    usual: usualAddress(process.env),
    async survey(spec: JobSpec) {
      const isSlurm = (system ?? surroundingSystem(process.env)) === 'slurm' && !spec.batch?.single;
      return isSlurm ? { ...spec, env: { ...spec.env, ...(await completeSlurm(process.env)) } } : spec;
    },
  }),
});
