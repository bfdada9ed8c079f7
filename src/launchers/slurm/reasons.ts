import type { Verdict } from '../../launcher-kit/evidence.js';
import { explainWords, type Phrase } from '../../launcher-kit/words.js';
import { explainLimit } from './limits.js';

/*
 * Why a job waits or has ended: squeue's reasons (squeue(1), "JOB REASON CODES", and job_state_reason.c,
 * which has more).
 */

/**
 * True for a job that starts when somebody lets it go: held by hand, by a failed start, by too many requeues.
 */
export const saysHeld = (reason: string): boolean => /held|^JobHold/i.test(reason);

const release = 'Let it go: `scontrol release IDS`.';

/** Who holds it. The first that matches. */
const holders: readonly Phrase[] = [
  { words: /^JobHeldUser$/, code: 'held', sentence: 'You hold it.', suggestions: [release] },
  {
    words: /^JobHeldAdmin$/,
    code: 'held',
    sentence: 'An administrator holds it.',
    suggestions: ['Ask who looks after the cluster.'],
  },
  {
    words: /launch.failed/i,
    code: 'held',
    sentence: 'A node failed to start it (often its prolog), and Slurm has put it back and holds it.',
    suggestions: [release, 'See `sinfo -R`, and tell who looks after the cluster which node it was.'],
  },
  {
    words: /MaxRequeue/,
    code: 'held',
    sentence: 'It was started again too often, and Slurm holds it.',
    suggestions: [release],
  },
  { words: /held/i, code: 'held', sentence: 'Slurm has put it back and holds it.', suggestions: [release] },
];

/** The partition and its nodes. */
const places: readonly Phrase[] = [
  {
    words: /^Resources$/,
    code: 'pending-resources',
    sentence: 'It is next in line and waits for nodes to become free.',
  },
  { words: /^Priority$/, code: 'pending-priority', sentence: 'Jobs of higher priority are before it.' },
  {
    words: /^Partition(Down|Inactive)$/,
    code: 'partition-down',
    sentence: 'The partition is closed: nothing starts in it until it is opened again.',
    suggestions: ['Another one: `--partition`; see `sinfo -s`.'],
  },
  {
    words: /^PartitionTimeLimit$/,
    code: 'too-long',
    sentence: 'It asks for more time than its partition allows, and will never start.',
    suggestions: ['Ask for less: `--time`.'],
  },
  {
    words: /^Partition(Node|Config)/,
    code: 'never-fits',
    sentence: 'Its partition cannot give what it asks for.',
    suggestions: ['Ask for less, or another `--partition`.'],
  },
  {
    words: /Reserved.for.maintenance/i,
    code: 'maintenance',
    sentence: 'It would not end before maintenance begins: it waits until that is over.',
    suggestions: ['Ask for less time, so that it ends before: `--time`.', 'See `scontrol show reservation`.'],
  },
  {
    words: /^(ReqNodeNotAvail|Nodes.required.for.job|NodeDown.*|FrontEndDown|.*UnavailableNodes)/i,
    code: 'nodes-down',
    sentence: 'Nodes that it needs are down, drained or reserved: it waits until they are back.',
    suggestions: ['See `sinfo -R` and `scontrol show reservation`.'],
  },
  {
    words: /^(BadConstraints|Constraints)$/,
    code: 'never-fits',
    sentence: 'No node has what it asks for.',
    suggestions: ['See `sinfo -o "%P %D %c %m %G %f"`.'],
  },
  {
    words: /^Reservation(Deleted|Invalid)$/,
    code: 'never-starts',
    sentence: 'The reservation that it asks for is not there any more: it will never start.',
    suggestions: ['`ipcluster stop`, and start without it; see `scontrol show reservation`.'],
  },
  {
    words: /^(Licenses|Reservation|BurstBuffer(Resources|StageIn)|Power(NotAvail|Reserved))$/,
    code: 'pending-resources',
    sentence: 'It waits for a licence, a reservation, a burst buffer or power.',
  },
];

/** Turns, and who may. */
const turns: readonly Phrase[] = [
  {
    words: /^BeginTime$/,
    code: 'pending-begin',
    sentence: 'Its time to begin has not come; a requeued job waits about two minutes.',
  },
  {
    words: /^DependencyNeverSatisfied$/,
    code: 'never-starts',
    sentence: 'It waits for a job that ended another way: it will never start.',
    suggestions: ['`ipcluster stop`, and start without that dependency.'],
  },
  { words: /^Dependency$/, code: 'pending-dependency', sentence: 'It waits for another job.' },
  {
    words: /^JobArrayTaskLimit$/,
    code: 'limit',
    sentence: 'Its array may run no more elements at once: it waits until others end.',
  },
  {
    words: /^(InvalidAccount|AccountNotAllowed)$/,
    code: 'bad-account',
    sentence: 'That account is not yours, or not for its partition: it never starts as asked.',
    suggestions: ['See `sacctmgr show associations user=$USER`.', 'Name one: `--account`.'],
  },
  {
    words: /^(InvalidQOS|QOSNotAllowed)$/,
    code: 'bad-qos',
    sentence: 'That QOS is not yours, or not for its partition: it never starts as asked.',
    suggestions: ['See `sacctmgr show qos`.', 'Name one: `--qos`.'],
  },
  {
    words: /^AccountingPolicy$/,
    code: 'limit',
    sentence: 'A limit of your account or QOS holds it back.',
    suggestions: ['See `sacctmgr show qos` and `sacctmgr show associations user=$USER`.'],
  },
  {
    words: /^(Prolog|Cleaning|SchedDefer|FedJobLock|None)$/,
    code: 'pending',
    sentence: 'Slurm gets it ready, or has not looked at it yet.',
  },
];

/** Ends that say more than that it ended. */
const ends: readonly Phrase[] = [
  {
    words: /^(JobLaunchFailure|BurstBufferOperation)$/,
    code: 'launch-failed',
    sentence:
      'The node could not start its script: its folder or output file cannot be used there, or the ' +
      'script was killed.',
    suggestions: ['Does the compute node see the work folder? `--work-dir`.'],
  },
  {
    words: /^(NODE_FAIL|BOOT_FAIL|SystemFailure)$/,
    code: 'node-failed',
    sentence: 'A node failed.',
    suggestions: ['Start again; a lost node is not your fault.'],
  },
  {
    words: /^(OUT_OF_MEMORY|OutOfMemory)$/,
    code: 'out-of-memory',
    sentence: 'It used more memory than it asked for.',
    suggestions: ['Ask for more: `--mem`.'],
  },
];

const phrases = [...holders, ...places, ...turns, ...ends];

/** What a reason of squeue means; undefined for words that say nothing beyond the state. */
export const explainReason = (reason: string): Verdict | undefined =>
  explainWords(phrases, reason) ?? explainLimit(reason);
