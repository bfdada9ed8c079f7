import { userName } from '../base/owner.js';
import { describeCode } from '../base/signal-names.js';
import {
  type BatchDialect,
  type BatchView,
  type Directive,
  defineBatchLauncher,
  type Question,
  type Report,
} from '../launcher-kit/batch.js';
import type { Holds } from '../launcher-kit/holds.js';
import { oneWord, plainPath } from '../launcher-kit/one-word.js';
import { z } from '../launcher-kit/options.js';
import type { Sayings } from '../launcher-kit/sayings.js';
import type { State } from '../launcher-kit/states.js';
import { explainWords, megabytesOf, type Phrase, parseClock, rowsOf } from '../launcher-kit/words.js';

/** What options of bsub say of our settings. */
const sayings: Sayings = {
  partition: /^-q/,
  account: /^-[PG]/,
  time: /^-(W|We|c)\b/,
  mem: /^-(M|R.*\bmem\b)/,
  n: /^-n /,
  ntasksPerNode: /^-R.*\b(ptile|span)\b/,
  gpus: /^-gpu /,
};

/** Why a submit is refused (IBM's documentation of bsub; not recorded from a real site). */
const refusals: readonly Phrase[] = [
  {
    words: /no such queue/i,
    code: 'bad-partition',
    sentence: 'There is no queue of that name.',
    suggestions: ['See `bqueues`.', 'Name one: `--queue`.'],
  },
  {
    words: /queue .*(is closed|not open)|has been closed/i,
    code: 'partition-down',
    sentence: 'The queue takes no jobs now.',
    suggestions: ['Another one: `--queue`; see `bqueues`.'],
  },
  {
    words: /user cannot use the queue|permission denied/i,
    code: 'not-allowed',
    sentence: 'You may not use that queue.',
    suggestions: ['See `bqueues -l`.'],
  },
  {
    words: /cannot exceed queue's hard limit|run ?limit/i,
    code: 'too-long',
    sentence: 'More time is asked for than that queue allows.',
    suggestions: ['Ask for less: `--time`.'],
  },
  {
    words: /bad resource requirement|unknown resource|illegal option/i,
    code: 'bad-directive',
    sentence: 'A directive is not one that this LSF knows.',
    suggestions: ['See them: `--dry-run`. Replace or remove them: `--directives`.'],
  },
  {
    words: /limit/i,
    code: 'limit',
    sentence: 'You have as many jobs as you may have.',
    suggestions: ['Wait for others to end.'],
  },
];

/** Why a job waits or has ended: pend_reason and exit_reason (bjobs -o). */
const reasons: readonly Phrase[] = [
  {
    words: /new job is waiting|waiting for scheduling/i,
    code: 'pending-priority',
    sentence: 'It was just taken, and waits to be looked at.',
  },
  {
    words: /not enough|resource requirements? not satisfied|slots?|hosts? .* (busy|unavail)/i,
    code: 'pending-resources',
    sentence: 'It waits for hosts to become free, or asks for more than any has.',
    suggestions: ['See `bjobs -p ID` and `bhosts`.'],
  },
  {
    words: /queue is (closed|inactive)|inactivated/i,
    code: 'partition-down',
    sentence: 'Its queue is closed: nothing starts in it.',
    suggestions: ['Another one: `--queue`; see `bqueues`.'],
  },
  {
    words: /suspended|held/i,
    code: 'held',
    sentence: 'It is held.',
    suggestions: ['Let it go: `bresume ID`.'],
  },
  { words: /dependency|condition/i, code: 'pending-dependency', sentence: 'It waits for another job.' },
  {
    words: /TERM_MEMLIMIT/,
    code: 'out-of-memory',
    sentence: 'It used more memory than it asked for.',
    suggestions: ['Ask for more: `--mem`.'],
  },
  {
    words: /TERM_CWD_NOTEXIST|TERM_SLURM|TERM_CHKPNT/,
    code: 'launch-failed',
    sentence: 'LSF could not start its script.',
    suggestions: ['Does the compute node see the work folder? `--work-dir`.'],
  },
  {
    words: /limit/i,
    code: 'limit',
    sentence: 'A limit of yours or of the queue holds it back until other jobs end.',
  },
];

/** STAT of bjobs; the reason says why a job has ended (LSF, "job states" and "termination reasons"). */
function lsfState(word: string, exit: string, exitReason: string, pending: string): State {
  if (word === 'PEND' || word === 'PROV' || word === 'WAIT')
    return { state: 'queued', ...(pending && pending !== '-' && { reason: pending }) };
  if (word === 'PSUSP') return { state: 'held', reason: pending && pending !== '-' ? pending : 'suspended' };
  if (word === 'RUN') return { state: 'running' };
  if (word === 'USUSP' || word === 'SSUSP') return { state: 'suspended' };
  if (word === 'DONE') return { state: 'succeeded' };
  if (word === 'ZOMBI') return { state: 'lost', reason: 'LSF has lost its host' };
  if (word !== 'EXIT')
    return { state: 'unknown', since: new Date().toISOString(), cause: `LSF says "${word}"` };
  if (/TERM_RUNLIMIT|TERM_DEADLINE/.test(exitReason)) return { state: 'expired' };
  if (/TERM_PREEMPT/.test(exitReason)) return { state: 'preempted' };
  if (/TERM_(OWNER|ADMIN|FORCE_OWNER|FORCE_ADMIN)/.test(exitReason))
    return { state: 'cancelled', by: 'somebody (bkill)' };
  const code = Number.parseInt(exit, 10);
  return {
    state: 'failed',
    ...(Number.isInteger(code) && { exitCode: code }),
    reason: exitReason && exitReason !== '-' ? exitReason : describeCode(code),
  };
}

const bjobs = (ids: readonly string[]): Question<Report[]> => ({
  argv: [
    'bjobs',
    '-a',
    '-noheader',
    '-o',
    'jobid jobindex stat exit_code exit_reason pend_reason delimiter="|"',
    ...ids,
  ],
  parse({ code, stdout, stderr }) {
    // 255 with "is not found" for ids that it has forgotten (LSB_BJOBS_CONSISTENT_EXIT_CODE).
    if (code !== 0 && !/is not found|no (unfinished )?job found/i.test(stderr + stdout)) return undefined;
    return rowsOf(stdout, 6).map(
      ([id = '', index = '', word = '', exit = '', why = '', ...pending]): Report => ({
        id,
        incarnation: 0,
        state: lsfState(word, exit, why, pending.join('|')),
        ...(/^[1-9]\d*$/.test(index) && { element: index }),
      }),
    );
  },
});

/**
 * Project, queue and limit of a job; the limit is in minutes, also with a host's name, or as a clock (bjobs
 * -o, LSB_HMS_TIME_FORMAT).
 */
const holds = (id: string): Question<Holds> => ({
  argv: ['bjobs', '-noheader', '-o', 'proj_name queue runtimelimit delimiter="|"', id],
  parse({ code, stdout }) {
    const [row] = code === 0 ? rowsOf(stdout, 3) : [];
    if (!row) return undefined;
    const [account = '', queue = '', limit = ''] = row;
    const minutes = /^(\d+(?:\.\d+)?)(?:\/|$)/.exec(limit)?.[1];
    return {
      queue: queue === '-' ? undefined : queue,
      // Where nobody has named one.
      account: account === '-' || account === 'default' ? undefined : account,
      time: minutes === undefined ? parseClock(limit.replace(/\/.*/, '')) : Number(minutes) * 60_000,
    };
  },
});

function directives({ name, count, request, layout, range, stdout }: BatchView): Directive[] {
  const { cpusPerTask = 1, memory, gpus, time, queue, account, constraint } = request.resources;
  const { perPart } = layout;
  const each = request.single ? 1 : layout.shape === 'array' ? (perPart ?? 1) : count;
  const minutes = time === undefined ? 0 : Math.max(1, Math.ceil(time / 60_000));
  const span =
    request.single || layout.shape === 'array'
      ? 'span[hosts=1]'
      : perPart
        ? `span[ptile=${perPart * cpusPerTask}]`
        : '';
  return [
    ['-J', range ? `${name}[${range.first}-${range.last}]` : name],
    ['-o', plainPath('LSF', stdout.replace(/stdout$/, 'scheduler'))],
    ['-n', String(each * (request.single ? 1 : cpusPerTask))],
    ['-rn', ''],
    ...(span ? [['-R', `"${span}"`] as const] : []),
    ...(constraint ? [['-R select', `"select[${constraint}]"`] as const] : []),
    ...(memory ? [['-R rusage', `"rusage[mem=${megabytesOf(memory / cpusPerTask)}MB]"`] as const] : []),
    ...(gpus ? [['-gpu', `"num=${gpus * (perPart ?? each)}"`] as const] : []),
    ...(minutes
      ? [['-W', `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`] as const]
      : []),
    ...(queue ? [['-q', oneWord('--partition', queue)] as const] : []),
    ...(account ? [['-P', oneWord('--account', account)] as const] : []),
  ];
}

/** The dialect itself, as questions and answers. */
export const dialect: BatchDialect = {
  prefix: '#BSUB',
  shape: 'gang',
  firstIndex: 1,
  // MAX_JOB_ARRAY_SIZE is 1000 unless the site says otherwise (lsb.params).
  largestArray: 1000,
  refuses: { qos: 'LSF has no --qos: say it word for word after --, such as -sla NAME.' },
  detect: {
    argv: ['bsub', '-V'],
    parse: ({ code, stdout, stderr }) =>
      code === 127
        ? 'There is no LSF here: `bsub` is not on your PATH.'
        : /LSF/.test(stdout + stderr)
          ? ''
          : undefined,
  },
  directives,
  formatDirective: ([option, value]) => (value === '' ? option : `${option.split(' ')[0]} ${value}`),
  sayings,
  submit: (_script, extra) => ({ argv: ['bsub', ...extra], onInput: true }),
  parseJobId: (stdout) => /Job <(\d+)> is submitted/.exec(stdout)?.[1],
  refusal: (said) => explainWords(refusals, said),
  isSilence: ({ stderr }) =>
    /cannot connect|LSF is down|batch (daemon|system daemon) not responding|please wait/i.test(stderr),
  holds,
  find: (names) => ({
    argv: ['bjobs', '-noheader', '-u', userName(), '-o', 'jobid job_name delimiter="|"'],
    parse({ code, stdout, stderr }) {
      if (code !== 0 && !/no unfinished job|no job found/i.test(stderr + stdout)) return undefined;
      const jobs = rowsOf(stdout, 2).map(([id = '', name = '']) => ({ id, name: name.replace(/\[.*$/, '') }));
      return jobs.filter(
        ({ id, name }, index) => name.startsWith(names) && jobs.findIndex((job) => job.id === id) === index,
      );
    },
  }),
  status: (ids) => [bjobs(ids)],
  resume: [
    'Let it go on: `bresume ID`.',
    'LSF itself suspended it (SSUSP)? It goes on by itself after that.',
  ],
  cancel: (ids) => ['bkill', ...ids],
  signal: (ids, name) => ['bkill', '-s', name.replace('SIG', ''), ...ids],
  explainReason: (reason) => explainWords(reasons, reason),
};

/** Jobs of LSF. */
export default defineBatchLauncher({
  name: 'lsf',
  summary: 'jobs of LSF (bsub)',
  options: z.object({}),
  dialect: () => dialect,
});
