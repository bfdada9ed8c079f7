import type { Phrase } from '../../launcher-kit/words.js';

/**
 * The comment of a job that PBS holds because it could not be started (OpenPBS 23.06): nothing comes of it
 * any more.
 */
export const heldForGood = /too many failed attempts/i;

/** Why a submit is refused: qsub's words (recorded from OpenPBS 23.06). */
export const refusals: readonly Phrase[] = [
  {
    words: /unknown queue/i,
    code: 'bad-partition',
    sentence: 'There is no queue of that name.',
    suggestions: ['See `qstat -Q`.', 'Name one: `--queue`.'],
  },
  {
    words: /queue is not enabled/i,
    code: 'partition-down',
    sentence: 'The queue takes no jobs now.',
    suggestions: ['Another one: `--queue`; see `qstat -Q`.'],
  },
  {
    words: /unauthorized request/i,
    code: 'not-allowed',
    sentence: 'You may not use that queue.',
    suggestions: ['See `qstat -Qf`.'],
  },
  {
    words: /invalid account|invalid project|unknown project/i,
    code: 'bad-account',
    sentence: 'That account or project is not yours.',
    suggestions: ['Name one: `--account`.'],
  },
  {
    words: /violates queue and\/or server resource limits|exceeds (queue|server)/i,
    code: 'too-long',
    sentence: 'More is asked for than that queue allows: time, nodes or memory.',
    suggestions: ['Ask for less: `--time`, `-n`.', 'See `qstat -Qf`.'],
  },
  {
    words: /unknown resource|illegal attribute|illegal -|invalid option|cannot be used with/i,
    code: 'bad-directive',
    sentence: 'A directive is not one that this PBS knows.',
    suggestions: ['See them: `--dry-run`. Replace or remove them: `--directives`.'],
  },
  {
    words: /maximum number of jobs|limit/i,
    code: 'limit',
    sentence: 'You have as many jobs as you may have.',
    suggestions: ['Wait for others to end.'],
  },
];

/** Statuses by which OpenPBS itself says how a job ended (JOB_EXEC_* of its job.h). */
const ends: readonly Phrase[] = [
  {
    words: /^exit status -14$/,
    code: 'node-failed',
    sentence: 'The first host of the job lost another one: it failed, or the network between them.',
    suggestions: ['Which is down? `pbsnodes -l`. Start again; a lost node is not your fault.'],
  },
  {
    words: /^exit status -[456]$/,
    code: 'node-failed',
    sentence: 'The daemon of PBS on its host (pbs_mom) was started again, and ended the job.',
    suggestions: ['Start again; it is not your fault.'],
  },
  {
    words: /^exit status -1[68]$|^exit status -(19|22)$/,
    code: 'node-prolog',
    sentence: 'What the site runs on a node around a job (a hook) failed there, or ended the job.',
    suggestions: ['Tell the administrators: `qstat -xf ID`.'],
  },
  {
    words: /^exit status -(10|13|21|23)$/,
    code: 'not-allowed',
    sentence:
      'The host would not let you in: your account is not one there, or its proof of who you are ' +
      'was refused.',
    suggestions: ['Tell the administrators: `qstat -xf ID`.'],
  },
  {
    words: /^exit status -2[45]$/,
    code: 'over-limit',
    sentence: 'It used more processors than it asked for.',
    suggestions: ['Ask for more: `--cpus-per-task`.'],
  },
  {
    words: /^exit status -28$/,
    code: 'time-limit',
    sentence: 'It used more processor time than it may.',
    suggestions: ['See `qstat -xf ID`, "cput".'],
  },
  {
    words: /^exit status -(3|7|11|12|15)$/,
    code: 'exited',
    sentence: 'PBS ended this run of it, to start it again or because it could not.',
    suggestions: ['See `qstat -xf ID`.'],
  },
];

/** Statuses that mean other things in Torque (its JOB_EXEC_*, pbs_job.h). */
export const torqueEnds: readonly Phrase[] = [
  {
    words: /^exit status -10$/,
    code: 'out-of-memory',
    sentence: 'It used more memory than it asked for.',
    suggestions: ['Ask for more: `--mem`.'],
  },
  {
    words: /^exit status -12$/,
    code: 'time-limit',
    sentence: 'It used more processor time than it may.',
    suggestions: ['See `qstat -f ID`, "cput".'],
  },
  {
    words: /^exit status -(8|13|14)$/,
    code: 'launch-failed',
    sentence: 'Torque could not start it there: its shell, its limits or the prologue failed.',
    suggestions: ['See `qstat -f ID`.'],
  },
];

/** Why a job waits or has ended: the words of its `comment` (recorded; pbs_job_attributes(7B)). */
export const reasons: readonly Phrase[] = [
  {
    words: /can never run|nodes? .* never/i,
    code: 'never-fits',
    sentence: 'No nodes could ever give what it asks for.',
    suggestions: ['See `pbsnodes -aSj`.', 'Ask for less: `-n`, `--cpus-per-task`, `--mem`.'],
  },
  {
    words: /insufficient amount of .*resource|not enough|no available resources/i,
    code: 'pending-resources',
    sentence: 'It waits for nodes to become free, or asks for more than any has.',
    suggestions: ['See `pbsnodes -aSj`.'],
  },
  {
    words: /queue not started|not enabled/i,
    code: 'partition-down',
    sentence: 'Its queue is stopped: nothing starts in it until it is started again.',
    suggestions: ['Another one: `--queue`; see `qstat -Q`.'],
  },
  {
    // Recorded: tried 21 times within seconds where the host does not see the job's folder, then held by PBS
    // itself.
    words: heldForGood,
    code: 'launch-failed',
    sentence:
      'PBS could not start it on any host it tried, again and again, and holds it now ("too many failed ' +
      'attempts to run").',
    suggestions: [
      'Do the compute nodes see the work folder? Name one that they see: `--work-dir`.',
      'See `qstat -f ID`.',
    ],
  },
  {
    words: /^H(eld)?$|held|hold/i,
    code: 'held',
    sentence: 'It is held.',
    suggestions: ['Let it go: `qrls ID`; see `qstat -f ID` for who holds it.'],
  },
  {
    words: /limit/i,
    code: 'limit',
    sentence: 'A limit of yours or of the queue holds it back until other jobs end.',
  },
  {
    words: /dependency/i,
    code: 'never-starts',
    sentence: 'It waited for a job that ended another way, and will never start.',
  },
  {
    words: /node (lost|failed)|^exit status -20$/i,
    code: 'node-failed',
    sentence: 'A node failed.',
    suggestions: ['Start again; a lost node is not your fault.'],
  },
  ...ends,
  {
    words: /^exit status -2[67]$/,
    code: 'out-of-memory',
    sentence: 'It used more memory than it asked for.',
    suggestions: ['Ask for more: `--mem`.'],
  },
  {
    words: /^exit status -(1|2|9|17|30)$/,
    code: 'launch-failed',
    sentence: 'PBS could not start its script.',
    suggestions: ['Does the compute node see the work folder? `--work-dir`.'],
  },
];
