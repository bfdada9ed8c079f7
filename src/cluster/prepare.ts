import { randomUUID } from 'node:crypto';
import { IpclusterError } from '../base/errors.js';
import type { Client } from '../client/client.js';
import type { Job, JobSpec, Launcher, LaunchPlan } from '../launcher-kit/contract.js';
import { createLauncher, openLauncher } from '../launcher-kit/registry.js';
import { isFinal } from '../launcher-kit/states.js';
import type { ClusterFile } from '../profile/cluster-file.js';
import { markOf, type Place } from '../profile/paths.js';
import { jobFailed, makeSpec } from './jobs.js';

/** What to start. */
export interface StartRequest {
  place: Place;
  /** Engines; 0 starts a controller alone. */
  count: number;
  launcher: string;
  launcherOptions: readonly string[];
  /** Flags for the controller: `--ip`, `--port`, `--lease` … */
  controllerArgs: readonly string[];
  /** Flags for the supervisors: `--restart` … */
  engineArgs: readonly string[];
  /** True to take over the engines of a controller that was killed here. */
  reuse: boolean;
  /** Milliseconds until all engines must be registered. */
  timeout: number;
  signal?: AbortSignal | undefined;
  /** Told as engines register. */
  onProgress?: ((registered: number, count: number) => void) | undefined;
  /** Told what else happened that a user should know: leftovers that were removed, limits that are near. */
  onNotice?: ((sentence: string) => void) | undefined;
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

/** What a request means, before anything is touched. */
export interface Prepared {
  launcher: Launcher;
  mark: string;
  controller: JobSpec;
  engines: JobSpec;
}

/** The jobs of a request, under a mark that is new or given. Touches nothing. Throws LAUNCHER_UNKNOWN or LAUNCHER_OPTIONS. */
export async function prepare(request: StartRequest, mark = markOf(request.place, randomUUID())): Promise<Prepared> {
  const { place, count, controllerArgs, engineArgs, timeout } = request;
  const launcher = createLauncher(await openLauncher(request.launcher), request.launcherOptions);
  const args = ['--timeout', `${timeout}ms`, ...engineArgs];
  return {
    ...{ launcher, mark },
    controller: makeSpec({ place, mark, name: 'controller', program: 'ipcontroller', args: controllerArgs, count: 1 }),
    engines: makeSpec({ place, mark, name: 'engines', program: 'ipengine', args, count }),
  };
}

/** What a start would do: every file and command. */
export async function planStart(request: StartRequest): Promise<LaunchPlan[]> {
  const { launcher, controller, engines } = await prepare(request);
  return (request.count > 0 ? [controller, engines] : [controller]).map((spec) => launcher.plan(spec));
}

/** Never resolves; rejects when the job ends, which none of them may while it is waited for. */
export async function failure(launcher: Launcher, job: Job): Promise<never> {
  const { state } = await job.ended;
  if (!isFinal(state)) throw new IpclusterError('INTERNAL', 'A job ended without a final state.');
  const what = job.ref.jobDir.endsWith('controller') ? 'The controller' : 'The engines';
  throw await jobFailed(launcher, job, what);
}
