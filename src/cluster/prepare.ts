import { randomUUID } from 'node:crypto';
import { IpclusterError } from '../base/errors.js';
import { formatDuration } from '../base/quantities.js';
import type { Client } from '../client/client.js';
import type { BatchRequest, Job, JobSpec, Launcher, LaunchPlan } from '../launcher-kit/contract.js';
import { describeState, isFinal } from '../launcher-kit/states.js';
import { checkProgram, type EngineProgram } from '../processes/engine-program.js';
import type { ClusterFile } from '../profile/cluster-file.js';
import { joinFile, markOf, type Place } from '../profile/paths.js';
import { lastMinute } from '../protocol/messages.js';
import { controllerRequest } from './batch-request.js';
import { jobFailed, launcherOf, makeSpec } from './jobs.js';

/** What settings say about jobs that are to be started. */
export interface JobSettings {
  launcher: Launcher;
  /** What opens the launcher again from another process: its name, a package, or the whole path of a file. */
  launcherWord: string;
  /** What flags and variables said of settings. */
  settings: Record<string, string>;
  /** The launcher's options, each `key=value`. */
  launcherOptions: readonly string[];
  /** Where the controller lives. */
  home: 'here' | 'job' | 'in-job';
  /** The host that the controller's job is meant for, where the launcher lets its user name one. */
  controllerHost: string | undefined;
  batch: BatchRequest;
  /** The Node that jobs run with; this one when absent. */
  node: string | undefined;
  /** Flags for the controller: `--ip`, `--port`, `--lease` … */
  controllerArgs: readonly string[];
  /** Flags for the supervisors: `--restart` … */
  engineArgs: readonly string[];
  /** What engines are, where they are not our own. */
  program: EngineProgram | undefined;
  /** Milliseconds until all engines must be registered, counting only while their jobs run. */
  timeout: number;
  lease: number;
  /** Milliseconds that a job may wait in the queue; for ever when absent. */
  queueTimeout: number | undefined;
  /** How many engines are enough; all when absent. */
  minEngines: number | undefined;
}

/** What to start. */
export interface StartRequest extends JobSettings {
  place: Place;
  /** Engines; 0 starts a controller alone. */
  count: number;
  /** True to take over the engines of a controller that was killed here. */
  reuse: boolean;
  signal?: AbortSignal | undefined;
  /** Told as engines register and jobs move. */
  onProgress?: ((registered: number, count: number, jobs: string) => void) | undefined;
  /** Told what else happened that a user should know: leftovers that were removed, limits that are near. */
  onNotice?: ((sentence: string) => void) | undefined;
}

/** A cluster that was started. */
export interface StartedCluster {
  place: Place;
  file: ClusterFile;
  /** Undefined where the controller cannot be reached from here. */
  client: Client | undefined;
  /** How many engines are registered, whoever says so. */
  registered: number;
  /** Settles when the controller's job has ended. */
  controllerEnded: Promise<unknown>;
  /** Milliseconds from the request to the last registration. */
  took: number;
}

/** One job that is to be launched, and with what. */
export interface PreparedJob {
  role: 'controller' | 'engines';
  launcher: Launcher;
  spec: JobSpec;
}

/** What a request means, before anything is touched. */
export interface Prepared {
  mark: string;
  jobs: PreparedJob[];
}

/**
 * The jobs of a request, under a mark that is new or given. Touches nothing. Throws LAUNCHER_UNKNOWN,
 * LAUNCHER_OPTIONS or RESOURCES.
 */
export async function prepare(
  request: StartRequest,
  mark = markOf(request.place, randomUUID()),
): Promise<Prepared> {
  const { count, home } = request;
  const begun = new Date();
  const engines = count > 0 ? prepareEngines(request, mark, 'engines', begun) : undefined;
  if (engines && home === 'in-job') {
    const { spec, launcher } = engines;
    const placeWords = request.place.clusterId ? ['--cluster-id', request.place.clusterId] : [];
    const controllerWords = [...placeWords, ...request.controllerArgs, '--join', spec.jobDir];
    return {
      mark,
      jobs: [
        {
          role: 'engines',
          launcher,
          spec: { ...spec, argv: [...spec.argv, '--controller', '--', ...controllerWords] },
        },
      ],
    };
  }
  const joins = engines && request.launcher.reach === 'elsewhere' ? ['--join', engines.spec.jobDir] : [];
  return {
    mark,
    jobs: [await prepareController(request, mark, joins, begun), ...(engines ? [engines] : [])],
  };
}

async function prepareController(
  request: StartRequest,
  mark: string,
  joins: readonly string[],
  begun: Date,
): Promise<PreparedJob> {
  const { place, home, launcher, controllerArgs, batch, node, controllerHost: host } = request;
  const own =
    home === 'job' ? launcher : launcher.reach === 'here' ? launcher : await launcherOf('local', []);
  const args = [...controllerArgs, ...joins];
  const spec = makeSpec({
    place,
    mark,
    name: 'controller',
    program: 'ipcontroller',
    args,
    count: 1,
    begun,
    node: own === launcher ? node : undefined,
  });
  const where = host === undefined || own !== launcher ? {} : { host };
  return { role: 'controller', launcher: own, spec: { ...spec, ...where, batch: controllerRequest(batch) } };
}

/** The job of a set of engines. */
export function prepareEngines(
  request: Omit<StartRequest, 'reuse'>,
  mark: string,
  name: string,
  begun = new Date(),
): PreparedJob {
  const { place, count, launcher, engineArgs, timeout, lease, batch, node, home } = request;
  const elsewhere = launcher.reach === 'elsewhere';
  // A controller that has to queue as well may come long after its engines.
  const patience = elsewhere && home !== 'here' ? Math.max(timeout, lease) : timeout;
  const args = ['--timeout', `${patience}ms`, ...engineArgs];
  const spec = makeSpec({ place, mark, name, program: 'ipengine', args, count, node, begun });
  if (!elsewhere) return { role: 'engines', launcher, spec: { ...spec, batch } };
  const needs = joinFile(spec.jobDir);
  const enough = request.minEngines === undefined ? {} : { enough: request.minEngines };
  const argv: JobSpec['argv'] = [...spec.argv, '--file', needs];
  return { role: 'engines', launcher, spec: { ...spec, argv, batch, needs, ...enough } };
}

/**
 * Looks for what engines need, where they run on this machine; elsewhere only their own supervisor can know.
 * Throws PYTHON.
 */
export async function checkEngines({
  place,
  launcher,
  program,
  batch,
}: Pick<JobSettings, 'launcher' | 'program' | 'batch'> & { place: Place }): Promise<void> {
  // IPython expands variables in the name of the profile's folder (traitlets, expand_path).
  if (program && /\$(\w|\{)/.test(place.profileFolder))
    throw new IpclusterError(
      'PYTHON',
      `IPython takes the $ in the profile's folder for a variable: ${place.profileFolder}`,
      {
        suggestions: ['Name a folder without one for profiles: `export IPYTHONDIR=FOLDER`.'],
      },
    );
  const { modules, conda, venv, prologue } = batch.surroundings;
  // What is set up first may bring the interpreter, and is not there yet.
  const isPrepared = modules.length > 0 || prologue.length > 0 || Boolean(conda ?? venv);
  if (program && launcher.reach === 'here' && !isPrepared) await checkProgram(program);
}

/** Asks the job's system for what its plan depends on. */
export async function survey(job: PreparedJob): Promise<void> {
  job.spec = (await job.launcher.survey?.(job.spec)) ?? job.spec;
}

/** What a start would do: every file and command. */
export async function planStart(request: StartRequest): Promise<LaunchPlan[]> {
  const { jobs } = await prepare(request);
  for (const job of jobs) await survey(job);
  return jobs.map(({ launcher, spec }) => launcher.plan(spec));
}

const tooShort =
  'No task from the queue (map, balanced views) can run in that time: none is given to engines whose ' +
  'job ends within a minute. Ask for more: `--time`.';

/** What a batch system will be asked for, and when it all ends, for people. */
export function describeStart({ jobs }: Prepared, { controllerArgs }: StartRequest): string[] {
  const lines = jobs.flatMap(({ launcher, spec, role }) => {
    const asked = launcher.describe?.(spec);
    return asked === undefined
      ? []
      : [role === 'controller' ? `controller: ${asked.replace(/^\d+ engines: /, '')}` : asked];
  });
  if (lines.length === 0) return [];
  const engines = jobs.find(({ role }) => role === 'engines');
  const batch = engines?.spec.batch;
  // A scheduler's own words go before the setting.
  const word = batch && engines.launcher.saysOtherwise?.('time', batch);
  const time = word === undefined ? batch?.resources.time : undefined;
  const idle = controllerArgs[controllerArgs.indexOf('--idle-timeout') + 1];
  const ends = [
    time && `after ${formatDuration(time)} (--time)`,
    word && `as \`${word}\` says`,
    controllerArgs.includes('--idle-timeout') &&
      idle !== '0' &&
      `${idle} without client and work (--idle-timeout)`,
  ];
  const short = time !== undefined && time <= lastMinute;
  return [
    ...(short ? [tooShort] : []),
    ...lines,
    `It ends ${ends.filter(Boolean).join(', or after ') || 'when it is stopped'}.`,
  ];
}

/** Never resolves; rejects when the job ends, which none of them may while it is waited for. */
export async function failure({ launcher, role }: PreparedJob, job: Job): Promise<never> {
  const { state } = await job.ended;
  if (!isFinal(state))
    throw new IpclusterError('INTERNAL', `A job ended without a final state: ${describeState(state)}.`);
  throw await jobFailed(launcher, job, role === 'controller' ? 'The controller' : 'The engines');
}
