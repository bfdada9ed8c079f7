import { hostname } from 'node:os';
import { ensureFolder } from '../base/files.js';
import { Client } from '../client/client.js';
import type { Job } from '../launcher-kit/contract.js';
import { type ClusterFile, type RecordedJob, writeClusterFile } from '../profile/cluster-file.js';
import { pathsOf } from '../profile/paths.js';
import { launchJob } from './jobs.js';
import { clearTheWay } from './leftovers.js';
import { checkLimits } from './limits.js';
import { failure, type Prepared, prepare, type StartedCluster, type StartRequest } from './prepare.js';
import { pruneJobs } from './prune.js';
import { canResurrect, resurrect } from './resurrect.js';
import { lockStart } from './start-lock.js';
import { endCluster } from './stop.js';

/**
 * Starts controller and engines side by side and waits until all are registered. What is started is written down first, and
 * when it does not come to anything, all of it is ended again. Throws CLUSTER_RUNNING, LIMITS, JOB_FAILED, REGISTRATION_TIMEOUT.
 */
export async function startCluster(request: StartRequest): Promise<StartedCluster> {
  const { place, count, launcher, onNotice = () => {} } = request;
  const prepared = await prepare(request);
  if (launcher === 'local') for (const sentence of checkLimits(count)) onNotice(sentence);
  const unlock = await lockStart(place);
  try {
    const left = request.reuse ? await canResurrect(place) : undefined;
    if (left) return await resurrect(request, left);
    for (const sentence of await clearTheWay(place)) onNotice(sentence);
    await pruneJobs(pathsOf(place).jobs);
    return await startAnew(request, prepared);
  } finally {
    unlock();
  }
}

async function startAnew(request: StartRequest, { launcher, mark, controller, engines }: Prepared): Promise<StartedCluster> {
  const begin = performance.now();
  const { place, count, signal } = request;
  const file: ClusterFile = {
    ...{ version: 1, profile: place.profile, clusterId: place.clusterId, workFolder: place.workFolder, mark },
    ...{ launcher: request.launcher, engines: count, started: new Date().toISOString(), host: hostname(), jobs: [] },
  };
  ensureFolder(pathsOf(place).security);
  writeClusterFile(place, file);
  const losers = new AbortController();
  const bound = AbortSignal.any([losers.signal, ...(signal ? [signal] : [])]);
  try {
    const specs = count > 0 ? [controller, engines] : [controller];
    const jobs = await Promise.all(specs.map((spec) => launchJob(launcher, spec, bound)));
    file.jobs = jobs.map(({ ref }, index): RecordedJob => {
      const role = index === 0 ? 'controller' : 'engines';
      return { ...ref, role, count: index === 0 ? 1 : count };
    });
    writeClusterFile(place, file);
    const client = await Promise.race([registered(request, bound), ...jobs.map((job) => failure(launcher, job))]);
    for (const job of jobs.slice(1)) await job[Symbol.asyncDispose]();
    return { place, file, client, controllerEnded: (jobs[0] as Job).ended, took: performance.now() - begin };
  } catch (error) {
    await endCluster(place, file, undefined);
    throw error;
  } finally {
    losers.abort();
  }
}

async function registered({ place, count, timeout, onProgress }: StartRequest, signal: AbortSignal): Promise<Client> {
  const begin = performance.now();
  const client = await Client.connect({ file: pathsOf(place).clientFile, wait: true, timeout, signal });
  try {
    for (let have = 0; have < count; ) {
      onProgress?.(client.ids.length, count);
      const left = Math.max(1, timeout - (performance.now() - begin));
      have = (await client.waitForEngines(Math.min(count, client.ids.length + 1), { timeout: left, signal })).length;
    }
    onProgress?.(client.ids.length, count);
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}
