import { join } from 'node:path';
import { quoteCommand, quoteWord } from '../base/shell.js';
import { defineLauncher, type JobSpec } from '../launcher-kit/contract.js';
import { exitRecordLines } from '../launcher-kit/exit-record.js';
import { z } from '../launcher-kit/options.js';
import type { LaunchPlan } from '../launcher-kit/plan.js';
import { processLauncher } from '../launcher-kit/process-jobs.js';

function plan({ name, argv, count, env, jobDir }: JobSpec, cwd: string | undefined): LaunchPlan {
  const variables = { ...env, IPCLUSTER_JOB_DIR: jobDir, IPCLUSTER_COUNT: String(count) };
  const script = [
    '#!/bin/sh',
    `# ${name}: a job of ipcluster on this machine. It leads its own process group; its exit record is written at the end.`,
    'trap : TERM INT HUP USR1 USR2',
    ...Object.entries(variables).map(([key, value]) => `export ${key}=${quoteWord(value)}`),
    ...(cwd ? [`cd ${quoteWord(cwd)} || exit 1`] : []),
    `${quoteCommand(argv)} >>${quoteWord(join(jobDir, 'stdout'))} 2>>${quoteWord(join(jobDir, 'stderr'))}`,
    ...exitRecordLines(jobDir, '0'),
    '',
  ];
  const path = join(jobDir, 'job.sh');
  return { files: [{ path, text: script.join('\n'), mode: 0o700 }], commands: [{ argv: ['/bin/sh', path] }] };
}

/** Starts jobs as processes of this machine. */
export default defineLauncher({
  name: 'local',
  summary: 'processes of this machine',
  options: z.object({ cwd: z.string().optional().describe('working folder of the engines; this one when absent') }),
  create: ({ cwd }) => processLauncher('local', (spec) => plan(spec, cwd)),
});
