import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { IpclusterError } from '../../base/errors.js';
import { writeWhole } from '../../base/files.js';
import { describeCode } from '../../base/signal-names.js';
import { deferred } from '../../base/wait.js';
import type { Job, JobRef } from '../../launcher-kit/contract.js';
import { type ExitRecord, readExitRecords } from '../../launcher-kit/exit-record.js';
import { noteCancel, tailOfJob, wasCancelled } from '../../launcher-kit/job-files.js';
import { observeJob } from '../../launcher-kit/observed-job.js';
import { aggregate, type Report } from '../../launcher-kit/reports.js';
import type { JobStatus, State } from '../../launcher-kit/states.js';
import { asHostError } from './failures.js';
import { ask } from './look.js';
import type { Opener } from './opener.js';
import { endScript, signalScript, stateScript } from './scripts.js';
import { readSeating, type Seat, type Seating } from './seats.js';

/**
 * Exit records on a shared disk are looked for so often, and hosts are asked first after this and ever less
 * often (milliseconds).
 */
const interval = 500;
const firstPause = 2000;
const longestPause = 60_000;
/** Ending everything on a host may take so long (milliseconds). */
const endTime = 40_000;

/** What is known of a job's part on one host. */
interface Part {
  seat: Seat;
  /** As the host said last. */
  said?: ReadonlyMap<string, string> | undefined;
  /** Since when, and why, it says nothing. */
  silence?: { since: string; cause: string } | undefined;
}

/** Follows a job on its hosts. `early` asks them at once; who has just started it need not. */
export function observeHosts(ref: JobRef, seating: Seating, opener: Opener, early: boolean): Job {
  const parts = seating.seats.map((seat): Part => ({ seat }));
  const heard = deferred<void>();
  let ending: Promise<void> = Promise.resolve();
  let [pause, due] = [firstPause, early ? 0 : performance.now() + firstPause];
  let asking: Promise<void> | undefined;
  const askAll = async (): Promise<void> => {
    await Promise.all(parts.filter((part) => !isOver(part)).map((part) => askPart(part, opener, ref.jobDir)));
    // A host that does not answer has taken long enough already.
    due = performance.now() + pause;
    pause = Math.min(longestPause, pause * 2);
    asking = undefined;
    heard.resolve();
  };
  return observeJob({
    ref,
    initial: { incarnation: 0, state: { state: 'running' } },
    probe: async () => {
      const before = await statusOf(ref, parts);
      if (performance.now() < due) return before;
      asking ??= askAll();
      await asking;
      return statusOf(ref, parts);
    },
    interval,
    heard: early ? heard.promise : Promise.resolve(),
    cancel: async () => {
      ending = endAll(ref, seating, parts, opener);
      await ending;
    },
    signal: async (name) => {
      await Promise.all(
        parts.map(async ({ seat }) => ask(await opener.open(seat.host), signalScript(seat, name))),
      );
    },
    logTail: (lines) => tailOfJob(ref.jobDir, lines),
    // Its exit records may tell of the end before all has been cleared away there.
    stop: () => ending.catch(() => {}).then(() => opener.close()),
  });
}

const isOver = ({ said }: Part): boolean => said?.get('alive') === 'no' || said?.get('done') === 'yes';

/** Asks one host; what it answers is kept here too, where it has a disk of its own. */
async function askPart(part: Part, opener: Opener, jobDir: string): Promise<void> {
  try {
    hear(part, await ask(await opener.open(part.seat.host), stateScript(part.seat)), jobDir);
  } catch (error) {
    const { message } = asHostError(error);
    part.silence ??= { since: new Date().toISOString(), cause: `${part.seat.host.name}: ${message}` };
  }
}

function hear(part: Part, answers: ReadonlyMap<string, string>, jobDir: string): void {
  const { seat } = part;
  part.said = answers;
  part.silence = undefined;
  if (seat.shared) return;
  const [log, record] = [answers.get('log'), answers.get('record')];
  if (log) writeWhole(join(jobDir, `node-${seat.index}.log`), Buffer.from(log, 'base64').toString());
  if (record) writeWhole(join(jobDir, `exit-${seat.index}.json`), record);
}

/** The status of the whole: what the parts' own scripts wrote, then what their hosts say (decision 7). */
async function statusOf(ref: JobRef, parts: readonly Part[]): Promise<JobStatus | undefined> {
  const records = await readExitRecords(ref.jobDir);
  const reports = parts.map((part): Report => {
    const element = String(part.seat.index);
    const record = records.find((candidate) => candidate.element === element);
    return {
      id: part.seat.host.word,
      element: part.seat.host.word,
      incarnation: 0,
      state: stateOf(part, record, ref.jobDir),
    };
  });
  return aggregate(reports);
}

function stateOf({ said, silence }: Part, record: ExitRecord | undefined, jobDir: string): State {
  const cancelled = wasCancelled(jobDir);
  if (record && cancelled) return { state: 'cancelled', by: 'ipcluster' };
  if (record?.exitCode === 0) return { state: 'succeeded' };
  if (record) return { state: 'failed', exitCode: record.exitCode, reason: describeCode(record.exitCode) };
  if (silence) return { state: 'unknown', ...silence };
  if (said === undefined || said.get('alive') === 'yes') return { state: 'running' };
  if (cancelled) return { state: 'cancelled', by: 'ipcluster' };
  if (said.get('booted') === 'yes') return { state: 'lost', reason: 'its host was started again' };
  return { state: 'lost', reason: 'its process is gone and left no exit record: killed from outside' };
}

/** Ends all parts side by side. Throws STOP_FAILED with a line for each host of which it cannot be known. */
async function endAll(
  { jobDir }: JobRef,
  { mark }: Seating,
  parts: readonly Part[],
  opener: Opener,
): Promise<void> {
  noteCancel(jobDir);
  const lines = await Promise.all(
    parts.map(async (part) => {
      const { host } = part.seat;
      try {
        const connection = await opener.open(host);
        hear(part, await ask(connection, endScript(part.seat, mark), endTime), jobDir);
        return part.said?.get('alive') === 'yes' ? [`${host.word}: it is still there after SIGKILL.`] : [];
      } catch (error) {
        return [`${host.word}: ${error instanceof Error ? error.message : String(error)}`];
      }
    }),
  );
  const left = lines.flat();
  if (left.length === 0) return noteEnded(jobDir);
  throw new IpclusterError(
    'STOP_FAILED',
    `What is left there is not known; it ends by itself within two leases:\n${left.join('\n')}`,
    {
      suggestions: [
        'When they can be reached again: `ipcluster kill`.',
        'When they are off for good: `ipcluster stop --force`.',
      ],
    },
  );
}

/** Writes down that nothing of a job is to be looked for any more. */
export const noteEnded = (jobDir: string): void => writeWhole(endedFile(jobDir), '{}\n');

const endedFile = (jobDir: string): string => join(jobDir, 'ended.json');

/** True where something of a job may still be on its hosts: nobody has seen to its end there. */
export async function mayLive(jobDir: string): Promise<boolean> {
  const seating = readSeating(jobDir);
  if (!seating || existsSync(endedFile(jobDir))) return false;
  const records = await readExitRecords(jobDir);
  return !seating.seats.every(
    ({ index, shared }) => shared && records.some(({ element }) => element === String(index)),
  );
}
