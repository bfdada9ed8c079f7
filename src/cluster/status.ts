import { IpclusterError } from '../base/errors.js';
import { describeNodeEnd, nodeEndsOf } from '../launcher-kit/node-ends.js';
import { describeStatus, isFinal } from '../launcher-kit/states.js';
import { isOfJob, listClusterFiles, type RecordedJob } from '../profile/cluster-file.js';
import { type Place, pathsOf } from '../profile/paths.js';
import { readRegisteredFile } from '../profile/registered-file.js';
import type { EngineRecord, StatusContent } from '../protocol/messages.js';
import { findCluster, notFound } from './find.js';
import { launcherOf, lookAtJob } from './jobs.js';

/** A job and its state, in words. */
interface JobView extends RecordedJob {
  state: string;
}

/** Everything that can be said of a cluster. */
export interface ClusterStatus {
  profile: string;
  clusterId: string;
  running: boolean;
  /** Why the controller does not answer. */
  problem: string | null;
  controller: StatusContent['controller'] | null;
  engines: EngineRecord[];
  queues: StatusContent['queues'] | null;
  /** Engines that are not started again, with the reason. */
  givenUp: StatusContent['givenUp'];
  /** Supervisors that are gone without a word. */
  lost: StatusContent['lost'];
  jobs: JobView[];
  /** What the controller's file said last, where it cannot be asked itself. */
  registered: { engines: number; updated: string } | null;
}

/** Asks the controller, and the systems where its jobs are. Throws CLUSTER_NOT_FOUND. */
export async function clusterStatus(place: Place): Promise<ClusterStatus> {
  const { file, client, silence } = await findCluster(place);
  if (!file && !client) throw silence ?? notFound(place);
  const present = await client?.status();
  const jobs = await Promise.all((file?.jobs ?? []).map((recorded) => viewJob(recorded, present)));
  const base = { profile: place.profile, clusterId: place.clusterId, jobs };
  if (!client) {
    const problem = silence?.message ?? 'the controller has written no connection file, or has ended';
    return {
      ...base,
      registered: await lastRegistered(file ? { ...place, workFolder: file.workFolder } : place),
      running: false,
      problem,
      controller: null,
      engines: [],
      givenUp: [],
      lost: [],
      queues: null,
    };
  }
  try {
    const { controller, engines, givenUp, lost, queues } = present ?? (await client.status());
    return {
      ...base,
      registered: null,
      running: true,
      problem: null,
      controller,
      engines,
      givenUp,
      lost,
      queues,
    };
  } finally {
    await client.close();
  }
}

/** Who was registered when the controller wrote it down last. */
async function lastRegistered(place: Place): Promise<ClusterStatus['registered']> {
  const file = await readRegisteredFile(pathsOf(place).registeredFile);
  return file
    ? {
        engines: file.supervisors.reduce((sum, { engines }) => sum + engines.length, 0),
        updated: file.updated,
      }
    : null;
}

/**
 * Where the controller has answered, nobody waits longer than this for a job's system (milliseconds); else as
 * long as it may take.
 */
const systemTime = 3000;

/**
 * A job's state: by its live engines where all of them are there, and only otherwise by the word of its
 * system.
 */
async function viewJob(recorded: RecordedJob, present: StatusContent | undefined): Promise<JobView> {
  const { count } = recorded;
  const live = present?.engines.filter(({ job }) => isOfJob(job, recorded)) ?? [];
  if (live.length >= count) return { ...recorded, state: (await suspensionOf(recorded)) ?? 'running' };
  const status = await lookAtJob(recorded, present && systemTime);
  const { state } = status;
  // Its engines are witnesses, too.
  if (state.state === 'unknown' && live.length > 0)
    return { ...recorded, state: `running (${live.length} of ${count} engines; ${state.cause})` };
  const ends = isFinal(state) ? [] : await nodeEndsOf(recorded.jobDir, status.incarnation);
  return { ...recorded, state: [describeStatus(status), ...new Set(ends.map(describeNodeEnd))].join(', ') };
}

/**
 * What its system says of a job, all or part of which it has suspended: engines that stand still do not say
 * so themselves.
 */
async function suspensionOf(recorded: RecordedJob): Promise<string | undefined> {
  const { suspends } = await launcherOf(recorded.launcher, recorded.options ?? []);
  if (!suspends) return undefined;
  const status = await lookAtJob(recorded, systemTime);
  const states = [status.state, ...Object.values(status.members ?? {})];
  return states.some(({ state }) => state === 'suspended') ? describeStatus(status) : undefined;
}

/** One line of `list`. */
export interface ClusterLine {
  profile: string;
  clusterId: string;
  running: boolean;
  engines: number;
  launcher: string;
  started: string;
}

/** All clusters of all profiles that have been started and not stopped. */
export async function listClusters(): Promise<ClusterLine[]> {
  const found = await listClusterFiles();
  return Promise.all(
    found.map(async ({ place, file }): Promise<ClusterLine> => {
      const status = await clusterStatus(place as Place).catch((error: unknown) => {
        if (error instanceof IpclusterError) return undefined;
        throw error;
      });
      const { profile, clusterId, launcher, started } = file;
      return {
        profile,
        clusterId,
        running: status?.running ?? false,
        engines: status?.engines.length ?? 0,
        launcher,
        started,
      };
    }),
  );
}
