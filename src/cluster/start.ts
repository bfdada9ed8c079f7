import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { IpclusterError } from '../base/errors.js';
import { ensureFolder, removeFile } from '../base/files.js';
import { Client } from '../client/client.js';
import type { Job, Launcher, LaunchPlan } from '../launcher-kit/contract.js';
import { createLauncher, openLauncher } from '../launcher-kit/registry.js';
import { isFinal } from '../launcher-kit/states.js';
import { type ClusterFile, type RecordedJob, writeClusterFile } from '../profile/cluster-file.js';
import { markOf, type Place, pathsOf } from '../profile/paths.js';
import { findCluster } from './find.js';
import { jobFailed, launchJob, makeSpec } from './jobs.js';
import { endCluster } from './stop.js';

/** What to start. */
export interface StartRequest {
  place: Place;
  /** Engines; 0 starts a controller alone. */
  count: number;
  launcher: string;
  launcherOptions: readonly string[];
  /** Flags for the controller: `--ip`, `--port`, `--location`, `--log-level`. */
  controllerArgs: readonly string[];
  /** Milliseconds until all engines must be registered. */
  timeout: number;
  signal?: AbortSignal | undefined;
  /** Told as engines register. */
  onProgress?: ((registered: number, count: number) => void) | undefined;
}

/** A cluster that was started. */
export interface StartedCluster {
  place: Place;
  file: ClusterFile;
  client: Client;
  /** Settles when the controller's job has ended. */
  controllerEnded: Promise<unknown>;
  /** Milliseconds from the request to the last registration. */
  took: number;
}

/** The jobs that a request means; nothing is touched. Throws LAUNCHER_UNKNOWN or LAUNCHER_OPTIONS. */
async function prepare(
  request: StartRequest,
): Promise<{ launcher: Launcher; mark: string; specs: ReturnType<typeof makeSpec>[] }> {
  const { place, count, controllerArgs } = request;
  const launcher = createLauncher(await openLauncher(request.launcher), request.launcherOptions);
  const mark = markOf(place, randomUUID());
  const controller = makeSpec(place, mark, 'controller', 'ipcontroller', controllerArgs, 1);
  const engines = makeSpec(place, mark, 'engines', 'ipengine', ['--timeout', `${request.timeout}ms`], count);
  return { launcher, mark, specs: count > 0 ? [controller, engines] : [controller] };
}

/** What a start would do: every file and command. */
export async function planStart(request: StartRequest): Promise<LaunchPlan[]> {
  const { launcher, specs } = await prepare(request);
  return specs.map((spec) => launcher.plan(spec));
}

/**
 * Starts controller and engines side by side and waits until all are registered. What is started is written down first, and
 * when it does not come to anything, all of it is ended again. Throws CLUSTER_RUNNING, JOB_FAILED, REGISTRATION_TIMEOUT.
 */
export async function startCluster(request: StartRequest): Promise<StartedCluster> {
  const begin = performance.now();
  const { place, count, signal } = request;
  const { launcher, mark, specs } = await prepare(request);
  await clearTheWay(place);
  const file: ClusterFile = {
    ...{ version: 1, profile: place.profile, clusterId: place.clusterId, workFolder: place.workFolder, mark },
    ...{ launcher: request.launcher, engines: count, started: new Date().toISOString(), host: hostname(), jobs: [] },
  };
  ensureFolder(pathsOf(place).security);
  writeClusterFile(place, file);
  const losers = new AbortController();
  const bound = AbortSignal.any([losers.signal, ...(signal ? [signal] : [])]);
  try {
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

/** A cluster that lives is left alone; what a dead one left is taken away. */
async function clearTheWay(place: Place): Promise<void> {
  const { file, client, silence } = await findCluster(place);
  const { clientFile, engineFile, jobs } = pathsOf(place);
  if (client) {
    await client.close();
    const { pid, host } = client.connection;
    throw new IpclusterError('CLUSTER_RUNNING', `A cluster runs there already (controller pid ${pid} on ${host}).`, {
      files: [clientFile],
    });
  }
  if (silence?.message.includes("Python's"))
    throw new IpclusterError('CLUSTER_RUNNING', silence.message, { files: [clientFile] });
  if (file) await endCluster(place, file, undefined);
  await Promise.all([removeFile(clientFile), removeFile(engineFile)]);
  await Promise.all(['controller', 'engines'].map((name) => rm(`${jobs}/${name}`, { recursive: true, force: true })));
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

/** Never resolves; rejects when the job ends, which none of them may while it is waited for. */
async function failure(launcher: Launcher, job: Job): Promise<never> {
  const { state } = await job.ended;
  if (!isFinal(state)) throw new IpclusterError('INTERNAL', 'A job ended without a final state.');
  const what = job.ref.jobDir.endsWith('controller') ? 'The controller' : 'The engines';
  throw await jobFailed(launcher, job, what);
}
