import { existsSync } from 'node:fs';
import { IpclusterError, messageOf } from '../base/errors.js';
import { removeEmptyFolder, removeFile } from '../base/files.js';
import { removeMemoryFolders } from '../base/memory-files.js';
import { poll, within } from '../base/wait.js';
import type { Client } from '../client/client.js';
import { sweepMarked } from '../processes/end.js';
import { findMarked } from '../processes/table.js';
import { type ClusterFile, isOfJob, type RecordedJob, writeClusterFile } from '../profile/cluster-file.js';
import { ownFiles } from '../profile/own-files.js';
import { markOf, type Place, pathsOf } from '../profile/paths.js';
import { clearSockets } from '../profile/sockets.js';
import type { StatusContent } from '../protocol/messages.js';
import { findCluster, notFound } from './find.js';
import { attachJob, launcherOf } from './jobs.js';
import { cancelAll, strayJobs } from './strays.js';

/** How long everything may take to end by itself after the controller was asked (milliseconds). */
const patience = 8000;

/** What stop did. */
export interface Stopped {
  /** True when the controller was asked and did as it was told. */
  orderly: boolean;
  /** Processes that had to be killed. */
  killed: number;
  /** Sentences about what could not be seen to: a scheduler or a host that does not answer. */
  unsure: string[];
  /** True where that was forgotten, as its user wished: it is on no list any more. */
  forgotten: boolean;
  /**
   * Core-hours of a batch system: asked for, held by engines, and spent on work; undefined where nothing was
   * asked for.
   */
  hours?: { asked: number; used: number; busy: number } | undefined;
}

/**
 * Ends the cluster of that place and proves that nothing is left: ask the controller, wait, end the jobs,
 * sweep what carries the mark. With `force` what cannot be reached is forgotten. Throws CLUSTER_NOT_FOUND or
 * STOP_FAILED.
 */
export async function stopCluster(place: Place, force = false): Promise<Stopped> {
  const { file, client, silence } = await findCluster(place);
  if (!file && !client) throw silence ?? notFound(place);
  return endCluster(file ? { ...place, workFolder: file.workFolder } : place, file, client, force);
}

/** Ends what the cluster file names, through the controller where there is one. */
export async function endCluster(
  place: Place,
  file: ClusterFile | undefined,
  client: Client | undefined,
  force = false,
): Promise<Stopped> {
  const hours = client && file?.limits?.time ? await countHours(client, file) : undefined;
  const orderly = client ? await askController(client) : false;
  let killed = 0;
  let kept: RecordedJob[] = [];
  const unsure: string[] = [];
  if (file) {
    const isOurs = (mark: string): boolean => mark === file.mark || mark.startsWith(`${file.mark}/`);
    if (orderly)
      await poll(() => (findMarked(isOurs).length === 0 ? true : undefined), { timeout: patience }, 50);
    kept = await endJobs(file.jobs, orderly, unsure);
    // A system that has just been silent is not asked for others.
    if (kept.length === 0) unsure.push(...(await endStrays(place, file)));
    killed = await sweepMarked(isOurs);
    const left = findMarked(isOurs);
    if (left.length > 0) {
      throw new IpclusterError(
        'STOP_FAILED',
        `Still there after SIGKILL: ${left.map(({ pid }) => pid).join(', ')}.`,
      );
    }
  }
  const forgotten = force && unsure.length > 0;
  if (forgotten) await forgetJobs(kept);
  // What could not be made sure of stays on the list, for the next stop.
  if (file && unsure.length > 0 && !forgotten) {
    await removeConnectionFiles(place);
    writeClusterFile(place, { ...file, jobs: kept });
  } else await removeTraces(place);
  return { orderly, killed, unsure: [...new Set(unsure)], forgotten, ...(hours && { hours }) };
}

async function forgetJobs(jobs: readonly RecordedJob[]): Promise<void> {
  for (const { launcher, options = [], ids, jobDir } of jobs)
    (await launcherOf(launcher, options)).forget?.({ launcher, ids, jobDir });
}

/** Ends those jobs side by side; answers those of which it is not sure, with sentences in `unsure`. */
async function endJobs(
  jobs: readonly RecordedJob[],
  orderly: boolean,
  unsure: string[],
): Promise<RecordedJob[]> {
  const ends = jobs.map(async (recorded): Promise<RecordedJob[]> => {
    const job = await attachJob(recorded);
    try {
      // What was told to end writes its own last word; a job that is cancelled meanwhile would not.
      if (orderly) await within(job.ended, patience);
      await job.cancel();
      return [];
    } catch (error) {
      unsure.push(messageOf(error));
      return [recorded];
    } finally {
      await job[Symbol.asyncDispose]();
    }
  });
  return (await Promise.all(ends)).flat();
}

async function endStrays(place: Place, file: ClusterFile): Promise<string[]> {
  const { found, silent } = await strayJobs(place, file);
  const strays = found.filter((ref) => !file.jobs.some(({ jobDir }) => jobDir === ref.jobDir));
  return [...silent, ...(await cancelAll(strays))];
}

/** What was asked for, how long engines were there, and how long they worked, in core-hours. */
async function countHours(client: Client, file: ClusterFile): Promise<Stopped['hours']> {
  const status = await client.status().catch(() => undefined);
  return status && { asked: askedHours(file), ...heldHours(file, status) };
}

/**
 * Core-hours that engines were there and worked, those that are over included, each with the processors of
 * its own set.
 */
export function heldHours(
  { jobs, limits }: Pick<ClusterFile, 'jobs' | 'limits'>,
  { engines, past }: Pick<StatusContent, 'engines' | 'past'>,
  now = Date.now(),
): { used: number; busy: number } {
  const coresOf = (name: string | null): number => {
    const set = jobs.find((job) => isOfJob(name, job));
    return (set?.limits ?? limits)?.cpusPerTask ?? 1;
  };
  const live = engines.map(({ job, joined, busy }) => ({ job, held: now - Date.parse(joined), busy }));
  const all = [...live, ...past].map(({ job, held, busy }) => ({ cores: coresOf(job), held, busy }));
  const hours = (milliseconds: number): number => Math.round((milliseconds / 3_600_000) * 100) / 100;
  return {
    used: hours(all.reduce((sum, { cores, held }) => sum + cores * held, 0)),
    busy: hours(all.reduce((sum, { cores, busy }) => sum + cores * busy, 0)),
  };
}

/** Core-hours that were asked for, each set of engines with its own time and processors. */
export function askedHours({
  jobs,
  limits,
  engines,
}: Pick<ClusterFile, 'jobs' | 'limits' | 'engines'>): number {
  const sets = jobs.filter(({ role }) => role === 'engines');
  const known = sets.length > 0 ? sets : [{ count: engines, limits }];
  const own = known.map(
    ({ count, limits: { time = 0, cpusPerTask = 1 } = limits ?? {} }) => count * time * cpusPerTask,
  );
  return Math.round((own.reduce((sum, value) => sum + value, 0) / 3_600_000) * 100) / 100;
}

async function askController(client: Client): Promise<boolean> {
  try {
    await client.shutdown();
    return true;
  } catch {
    // It did not answer: the jobs are ended without it.
    return false;
  } finally {
    await client.close();
  }
}

/**
 * Removes what a controller of ours writes for its peers, with its folder in memory; answers the files that
 * were there.
 */
export async function removeConnectionFiles(place: Place): Promise<string[]> {
  const { keyFile, listedFile, registeredFile } = pathsOf(place);
  removeMemoryFolders(markOf(place, ''));
  const own = [...ownFiles(place), keyFile];
  const present = own.filter((path) => path !== listedFile && existsSync(path));
  await Promise.all([...own, registeredFile].map(removeFile));
  return present;
}

/** Files of a killed controller stay behind; folders go when they are empty, job folders and logs stay. */
async function removeTraces(place: Place): Promise<void> {
  const { clusterFile, clusters } = pathsOf(place);
  await removeConnectionFiles(place);
  await removeFile(clusterFile);
  await removeEmptyFolder(clusters);
  await clearSockets();
}
