import { hostname } from 'node:os';
import { type ErrorCode, IpclusterError, isIpclusterError } from '../base/errors.js';
import type { Job } from '../launcher-kit/contract.js';
import { readVerdicts } from '../launcher-kit/job-files.js';
import { checkLimits } from '../launcher-kit/limits.js';
import { type ClusterFile, type RecordedJob, writeClusterFile } from '../profile/cluster-file.js';
import { claimFolders } from '../profile/folders.js';
import { pathsOf } from '../profile/paths.js';
import { launchAndRecord } from './launch.js';
import { clearTheWay } from './leftovers.js';
import {
  checkEngines,
  describeStart,
  failure,
  type Prepared,
  type PreparedJob,
  prepare,
  type StartedCluster,
  type StartRequest,
  survey,
} from './prepare.js';
import { pruneJobs } from './prune.js';
import { awaitRegistration } from './registration.js';
import { canResurrect, resurrect } from './resurrect.js';
import { lockStart } from './start-lock.js';
import { endCluster } from './stop.js';
import { explainJobs, keepFindings } from './why.js';

/**
 * Starts controller and engines side by side and waits until all are registered. What is started is written
 * down first, and when it does not come to anything, all of it is ended again. Throws FOLDER,
 * CLUSTER_RUNNING, LIMITS, RESOURCES, SUBMIT_REFUSED, JOB_FAILED, QUEUE_TIMEOUT, REGISTRATION_TIMEOUT.
 */
export async function startCluster(asked: StartRequest): Promise<StartedCluster> {
  // Where nothing is left of the cluster but its store, that is taken up all the same.
  const request = asked.reuse ? { ...asked, controllerArgs: [...asked.controllerArgs, '--reuse'] } : asked;
  const { place, count, launcher, onNotice = () => {} } = request;
  await checkEngines(request);
  const prepared = await prepare(request);
  for (const job of prepared.jobs) await survey(job);
  // Whatever cannot be asked for is refused here, before anything is touched.
  for (const job of prepared.jobs) job.launcher.plan(job.spec);
  if (launcher.name === 'local') for (const sentence of checkLimits(count)) onNotice(sentence);
  claimFolders(place);
  const unlock = await lockStart(place);
  try {
    const left = request.reuse ? await canResurrect(place) : undefined;
    if (left) return await resurrect(asked, left);
    for (const sentence of await clearTheWay(place)) onNotice(sentence);
    for (const sentence of describeStart(prepared, request)) onNotice(sentence);
    await pruneJobs(pathsOf(place).jobs);
    return await startAnew(request, prepared);
  } finally {
    unlock();
  }
}

async function startAnew(request: StartRequest, { mark, jobs: prepared }: Prepared): Promise<StartedCluster> {
  const begin = performance.now();
  const { place, count, signal } = request;
  const file: ClusterFile = {
    version: 1,
    profile: place.profile,
    clusterId: place.clusterId,
    workFolder: place.workFolder,
    mark,
    launcher: request.launcherWord,
    engines: count,
    started: new Date().toISOString(),
    host: hostname(),
    jobs: [],
    limits: { time: request.batch.resources.time, cpusPerTask: request.batch.resources.cpusPerTask },
    settings: request.settings,
    extra: request.batch.extra,
  };
  writeClusterFile(place, file);
  const losers = new AbortController();
  const bound = AbortSignal.any([losers.signal, ...(signal ? [signal] : [])]);
  try {
    const jobs = await launchAll(prepared, request, file, bound);
    // Parts that did not come to be, where enough others did.
    for (const { ref } of jobs)
      for (const { sentence } of await readVerdicts(ref.jobDir)) request.onNotice?.(sentence);
    const failures = jobs.map((job, index) => failure(prepared[index] as PreparedJob, job));
    const { client, count: registered } = await Promise.race([
      awaitRegistration(request, jobs, bound),
      ...failures,
    ]);
    const [first, ...others] = jobs as [Job, ...Job[]];
    for (const job of others) await job[Symbol.asyncDispose]();
    return { place, file, client, registered, controllerEnded: first.ended, took: performance.now() - begin };
  } catch (error) {
    // Whatever goes wrong with explaining, what was started must be ended.
    const explained = await withReasons(error, file, prepared, signal).catch(() => error);
    const { unsure } = await endCluster(place, file, undefined);
    for (const sentence of unsure) request.onNotice?.(sentence);
    throw explained;
  } finally {
    losers.abort();
  }
}

/** Codes of errors that say what did not happen, not why. */
const silent = new Set(['JOB_FAILED', 'REGISTRATION_TIMEOUT', 'QUEUE_TIMEOUT', 'CONNECTION_FILE_TIMEOUT']);

/**
 * The error with the verdict of `why`, which is kept in the job's folder: what it is drawn from will be taken
 * away.
 */
async function withReasons(
  error: unknown,
  file: ClusterFile,
  prepared: readonly PreparedJob[],
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (isIpclusterError(error) && error.code === 'SUBMIT_REFUSED') {
    const { jobDir } = (prepared.at(-1) as PreparedJob).spec;
    keepFindings(jobDir, [
      {
        code: error.verdict ?? 'refused',
        about: 'engines',
        sentence: error.message,
        suggestions: [...error.suggestions],
      },
    ]);
  }
  if (signal?.aborted || !isIpclusterError(error) || !silent.has(error.code) || file.jobs.length === 0)
    return error;
  const findings = await explainJobs(
    file,
    file.jobs.map(({ jobDir }) => jobDir),
    undefined,
  );
  const [verdict] = findings;
  // That nothing is known explains nothing.
  if (!verdict || verdict.code === 'unknown-state') return error;
  keepFindings(file.jobs.at(-1)?.jobDir ?? '', findings);
  const { sentence, suggestions, lines = [] } = verdict;
  const known = error.message.includes(sentence);
  return new IpclusterError(error.code as ErrorCode, known ? error.message : `${error.message} ${sentence}`, {
    suggestions: suggestions && suggestions.length > 0 ? suggestions : error.suggestions,
    files: [...new Set([...error.files, ...lines.flatMap((line) => /^\((.*)\)$/.exec(line)?.[1] ?? [])])],
    verdict: verdict.code,
  });
}

/**
 * Launches all, each written down as soon as it is accepted; when one cannot be, those that were are ended by
 * the caller.
 */
async function launchAll(
  prepared: readonly PreparedJob[],
  request: StartRequest,
  file: ClusterFile,
  signal: AbortSignal,
): Promise<Job[]> {
  const record = (recorded: RecordedJob): void => {
    file.jobs = recorded.role === 'controller' ? [recorded, ...file.jobs] : [...file.jobs, recorded];
    writeClusterFile(request.place, file);
  };
  const launched = await Promise.allSettled(
    prepared.map((job) => launchAndRecord(job, request, record, signal)),
  );
  const failed = launched.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  return launched.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
