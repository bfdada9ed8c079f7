import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { currentFolder } from '../base/current-folder.js';
import { IpclusterError } from '../base/errors.js';
import { controllerEnvironment, nodeFlags, programFile } from '../base/package.js';
import { within } from '../base/wait.js';
import type { Evidence, Job, JobSpec, JobStatus, Launcher } from '../launcher-kit/contract.js';
import { readExitRecord } from '../launcher-kit/exit-record.js';
import { lastSentence } from '../launcher-kit/job-files.js';
import { roundTime } from '../launcher-kit/patience.js';
import { createLauncher, openLauncher } from '../launcher-kit/registry.js';
import { describeState, isFinal } from '../launcher-kit/states.js';
import { markVariable } from '../processes/table.js';
import type { RecordedJob } from '../profile/cluster-file.js';
import { type Place, pathsOf } from '../profile/paths.js';

/** What a job of ours is to run. */
export interface JobRequest {
  place: Place;
  /** The mark of the whole start. */
  mark: string;
  name: string;
  program: 'ipcontroller' | 'ipengine';
  args: readonly string[];
  count: number;
  /** The Node to run it with; this one when absent. */
  node?: string | undefined;
  /** When the start began that it belongs to: folders of one start are known by that. */
  begun: Date;
}

/**
 * Says what to start: one of our programs, in a job folder that nobody had before, under a mark of its own.
 */
export function makeSpec({
  place,
  mark,
  name,
  program,
  args,
  count,
  begun,
  node = process.execPath,
}: JobRequest): JobSpec {
  const placeArgs = place.clusterId ? ['--cluster-id', place.clusterId] : [];
  return {
    name: `${jobNames(place)}${name.slice(0, 1)}${randomBytes(2).toString('hex').slice(0, 3)}`,
    argv: [node, ...nodeFlags, programFile(program), ...placeArgs, ...args],
    count,
    env: {
      ...(program === 'ipcontroller' && controllerEnvironment),
      [markVariable]: `${mark}/${name}`,
      IPP_PROFILE_DIR: place.profileFolder,
      IPCLUSTER_WORK_DIR: place.workFolder,
    },
    jobDir: newJobFolder(pathsOf(place).jobs, begun, name),
    templates: join(place.profileFolder, 'templates'),
    cwd: currentFolder(),
  };
}

/**
 * How the names of a cluster's jobs begin. With the rest they have fifteen characters, a letter first: what
 * the oldest scheduler takes (site-realities, "Jobs"). They are the same from every login node, so jobs are
 * found without any file.
 */
export function jobNames({ profileFolder, clusterId }: Place): string {
  return `ipc-${createHash('sha256').update(`${profileFolder}#${clusterId}`).digest('hex').slice(0, 6)}-`;
}

/** A name that sorts by time: folders of jobs are kept, and the newest is found by it. */
function newJobFolder(jobs: string, begun: Date, name: string): string {
  const stamp = begun.toISOString().replaceAll(/[-:]|\..*/g, '');
  return join(jobs, `${stamp}-${randomBytes(2).toString('hex')}-${name}`);
}

/** Observes a job that was written down. */
export async function attachJob({ launcher, ids, jobDir, name, options = [] }: RecordedJob): Promise<Job> {
  const made = await launcherOf(launcher, options);
  return made.attach({ launcher: made.name, ids, jobDir, ...(name !== undefined && { name }) });
}

/** A system may take so long to say how a job is, where that is what was asked (milliseconds). */
const patience = roundTime + 5000;

/**
 * How a recorded job is, as its system says it; unknown where that takes longer than `timeout` milliseconds.
 */
export async function lookAtJob(recorded: RecordedJob, timeout = patience): Promise<JobStatus> {
  const since = new Date().toISOString();
  const job = await attachJob(recorded);
  const seen = await within(
    job.seen.then(() => true),
    timeout,
  );
  await job[Symbol.asyncDispose]();
  if (seen || isFinal(job.status.state)) return job.status;
  const cause = `${recorded.launcher} has not said it within ${timeout / 1000} s`;
  return { ...job.status, state: { state: 'unknown', since, cause } };
}

const opened = new Map<string, Promise<Launcher>>();

/**
 * A launcher with its options; the same one each time, so that jobs of one system are asked for in one
 * question.
 */
export function launcherOf(name: string, options: readonly string[]): Promise<Launcher> {
  const key = JSON.stringify([name, options]);
  const known =
    opened.get(key) ?? openLauncher(name).then((definition) => createLauncher(definition, options));
  opened.set(key, known);
  return known;
}

/** The error for a job that ended while it was needed: what it said last, and where to look. */
export async function jobFailed(launcher: Launcher, job: Job, what: string): Promise<IpclusterError> {
  const { jobDir } = job.ref;
  const files = [join(jobDir, 'stderr')];
  const logTail = await job.logTail(5);
  const record = await readExitRecord(jobDir);
  const evidence: Evidence = { status: job.status, exitCode: record?.exitCode ?? null, logTail, files };
  const verdict = launcher.explain(evidence);
  // A program of ours that exits 2 was used wrongly, and has said how.
  const refusal = launcher.reach === 'here' && record?.exitCode === 2 ? lastSentence(logTail) : undefined;
  if (refusal) {
    const suggestions = logTail.flatMap((line) => /^\s+try: (.*)/.exec(line)?.[1] ?? []);
    return new IpclusterError('USAGE', refusal, { suggestions, files });
  }
  const sentence = verdict?.sentence ?? endOf(job.status);
  return new IpclusterError('JOB_FAILED', `${what} did not start. ${sentence}`, {
    files,
    ...(verdict && verdict.suggestions.length > 0 ? { suggestions: verdict.suggestions } : {}),
  });
}

/** How a job is that was needed and is over: an end without an error was no success either. */
const endOf = ({ state }: JobStatus): string =>
  state.state === 'succeeded'
    ? 'Its job ended before that, with exit code 0.'
    : `It is ${describeState(state)}.`;
