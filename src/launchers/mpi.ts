import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { splitWords } from '../base/shell.js';
import { defineLauncher, type Evidence, type JobSpec, type Verdict } from '../launcher-kit/contract.js';
import { z } from '../launcher-kit/options.js';
import type { LaunchPlan } from '../launcher-kit/plan.js';
import { processLauncher } from '../launcher-kit/process-jobs.js';
import { plainFacts, plainRequest, rankLayout, scriptFiles } from '../launcher-kit/script.js';
import { usualAddress } from '../launcher-kit/surrounding.js';
import { explainWords, type Phrase } from '../launcher-kit/words.js';

const options = z.object({
  command: z
    .string()
    .default('mpirun')
    .describe('what starts ranks: mpirun, mpiexec, mpiexec.hydra, or a whole path'),
  hostfile: z
    .string()
    .optional()
    .describe('a file of hosts, as that command reads it; this machine only when absent'),
  args: z.string().default('').describe('more words for that command'),
});

/** What the commands of MPI say when they start nothing (recorded from Open MPI 4.1.4 and MPICH 4.0.2). */
const phrases: readonly Phrase[] = [
  {
    words:
      /parse error in the hostfile|contains multiple definitions|token .* not supported|error parsing hostfile/i,
    code: 'mpi-hostfile',
    sentence: 'mpirun cannot read the hostfile.',
    suggestions: [
      'Look at what it says: `ipcluster logs`.',
      'The form that it takes: `man mpirun`; Open MPI has `host1 slots=8`, MPICH `host1:8`.',
    ],
  },
  {
    words: /attempt to run as root/i,
    code: 'mpi-root',
    sentence: 'mpirun does not run for root.',
    suggestions: [
      'Run it as an ordinary user.',
      'Or set OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1.',
    ],
  },
  {
    words: /not enough slots/i,
    code: 'mpi-slots',
    sentence: 'mpirun counts fewer places than engines.',
    suggestions: [
      'Say in the hostfile how many each host has: `host1 slots=8`.',
      '`-o args=--oversubscribe`',
    ],
  },
  {
    words: /unable to connect (from|to)|check for firewalls/i,
    code: 'mpi-unreachable',
    sentence: 'Hosts cannot reach the machine that mpirun runs on by the name that it tells them.',
    suggestions: [
      "MPICH: `-o args='-localhost NAME'` with a name or address of this machine that they know.",
    ],
  },
  {
    words: /could not resolve hostname|unable to get host address|unable to resolve/i,
    code: 'host-unknown',
    sentence: 'A host of the hostfile has no address.',
    suggestions: ['`getent hosts HOST`'],
  },
  {
    words: /host key verification failed|permission denied \(|unable to reliably start one or more daemons/i,
    code: 'mpi-ssh',
    sentence: 'mpirun could not get to a host by ssh.',
    suggestions: ['`ssh HOST true` must work without a question.'],
  },
  {
    words: /exit code:\s+(137|9)\b|(exited on|killed by|terminated by) signal/i,
    code: 'rank-killed',
    sentence: 'A rank was killed, so MPI ended all the others.',
    suggestions: [
      'Out of memory? `dmesg -T | tail`',
      'Engines that outlive their neighbours: `--launcher ssh`.',
    ],
  },
  {
    words: /non-zero exit (code|status)|BAD TERMINATION/i,
    code: 'rank-failed',
    sentence: 'A rank ended with an error, so MPI ended all the others.',
    suggestions: ['`ipcluster logs`'],
  },
];

function plan(spec: JobSpec, { command, hostfile, args }: z.output<typeof options>): LaunchPlan {
  const batch = spec.batch ?? { ...plainRequest, single: false };
  const [program, ...words] = splitWords(command) as [string, ...string[]];
  if (hostfile !== undefined && !existsSync(hostfile))
    throw new IpclusterError('LAUNCHER_OPTIONS', `-o hostfile: there is no ${hostfile}.`);
  const file = hostfile === undefined ? [] : ['-hostfile', resolve(hostfile)];
  const rankCommand = [program, ...words, '-n', String(spec.count), ...file, ...splitWords(args)];
  const files = scriptFiles(
    'mpi',
    { ...spec, batch },
    {
      ...plainFacts,
      values: batch.single ? {} : { rankCommand, rankLayout: rankLayout(spec.count) },
    },
  );
  return { files, commands: [{ argv: ['/bin/bash', join(spec.jobDir, 'job.sh')] }] };
}

/** What mpirun said; its own words stand in the job's output among those of ranks. */
function explain({ logTail, status: { state } }: Evidence): Verdict | undefined {
  return state.state === 'failed' ? explainWords(phrases, logTail.join('\n')) : undefined;
}

/** Starts engines as ranks of one MPI job: their ids are the ranks, where those are free. */
export default defineLauncher({
  name: 'mpi',
  summary: 'ranks of an MPI job: mpirun or mpiexec, here or on the hosts of a hostfile',
  options,
  create(given) {
    if (given.command.trim() === '') throw new IpclusterError('LAUNCHER_OPTIONS', '-o command is empty.');
    const launcher = processLauncher('mpi', (spec) => plan(spec, given));
    return {
      ...launcher,
      explain: (evidence) => explain(evidence) ?? launcher.explain(evidence),
      // Ranks on other machines must reach the controller; hosts may be named by words, or by the allocation
      // around us.
      usual:
        given.hostfile === undefined && given.args === '' ? usualAddress(process.env) : { ip: 'private' },
    };
  },
});
