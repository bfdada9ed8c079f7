import { join, resolve } from 'node:path';
import { isFolder } from '../base/current-folder.js';
import { IpclusterError } from '../base/errors.js';
import { expandHome } from '../base/owner.js';
import { quoteCommand, quoteWord } from '../base/shell.js';
import { defineLauncher, type JobSpec } from '../launcher-kit/contract.js';
import { exitRecordLines } from '../launcher-kit/exit-record.js';
import { z } from '../launcher-kit/options.js';
import type { LaunchPlan } from '../launcher-kit/plan.js';
import { processLauncher } from '../launcher-kit/process-jobs.js';

/**
 * Where engines run, as the option says it. Throws LAUNCHER_OPTIONS for a folder that is not there, before
 * anything is started.
 */
function workingFolder(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const folder = resolve(expandHome(given));
  if (isFolder(folder)) return folder;
  throw new IpclusterError('LAUNCHER_OPTIONS', `-o cwd is "${given}", but there is no folder ${folder}.`, {
    suggestions: [`\`mkdir -p ${quoteWord(folder)}\``],
  });
}

function plan({ name, argv, count, env, jobDir }: JobSpec, cwd: string | undefined): LaunchPlan {
  const enter = cwd === undefined ? '' : `cd ${quoteWord(cwd)} && `;
  const variables = { ...env, IPCLUSTER_JOB_DIR: jobDir, IPCLUSTER_COUNT: String(count) };
  const script = [
    '#!/bin/sh',
    `# ${name}: a job of ipcluster on this machine. It leads its own process group; its exit record is ` +
      'written at the end.',
    'trap : TERM INT HUP USR1 USR2',
    ...Object.entries(variables).map(([key, value]) => `export ${key}=${quoteWord(value)}`),
    `{ ${enter}${quoteCommand(argv)}; } >>${quoteWord(join(jobDir, 'stdout'))} ` +
      `2>>${quoteWord(join(jobDir, 'stderr'))}`,
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
  options: z.object({
    cwd: z.string().optional().describe('working folder of the engines; this one when absent'),
  }),
  create: ({ cwd }) => processLauncher('local', (spec) => plan(spec, workingFolder(cwd))),
});
