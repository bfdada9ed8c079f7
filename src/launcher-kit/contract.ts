import type { z } from './options.js';
import type { LaunchPlan } from './plan.js';
import type { JobStatus } from './states.js';

export { z } from './options.js';
export type { LaunchPlan, PlannedCommand, PlannedFile } from './plan.js';
export type { JobStatus, State } from './states.js';

/** What is to be started. A launcher never knows whether this is a controller or engines. */
export interface JobSpec {
  /** A letter, then at most 14 of letters, digits and dashes: what the oldest scheduler takes. */
  name: string;
  argv: readonly [program: string, ...args: string[]];
  /** Engines wanted in all; the launcher tells each node its share in IPCLUSTER_COUNT. */
  count: number;
  env: Record<string, string>;
  /** Everything about the job lies there: script, ids, output, exit record. */
  jobDir: string;
}

/** Enough to find a job again from another process; plain JSON. */
export interface JobRef {
  launcher: string;
  ids: string[];
  jobDir: string;
}

/** A job that was accepted. */
export interface Job {
  ref: JobRef;
  /** As far as it is known now. */
  readonly status: JobStatus;
  /** Settles with the final status. */
  ended: Promise<JobStatus>;
  /** Each change from now on; leaving the loop stops observing, not the job. */
  watch(signal?: AbortSignal): AsyncIterableIterator<JobStatus>;
  /** Ends the job, with everything in it. */
  cancel(): Promise<void>;
  signal(name: NodeJS.Signals): Promise<void>;
  /** The last lines of its output. */
  logTail(lines: number): Promise<string[]>;
  /** Stops observing. The job goes on. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What is known when something did not work. */
export interface Evidence {
  status: JobStatus;
  exitCode: number | null;
  logTail: string[];
  files: string[];
}

/** Why, in one sentence, and what to do. */
export interface Verdict {
  sentence: string;
  suggestions: string[];
}

/** One way to start jobs. */
export interface Launcher {
  name: string;
  /** What would be done: files and commands. Pure: it touches nothing. */
  plan(spec: JobSpec): LaunchPlan;
  /** Resolves when the system has accepted the job and its id is on disk. The signal stops waiting, and takes back what it can. */
  launch(spec: JobSpec, options?: { signal?: AbortSignal }): Promise<Job>;
  /** Observes a job that somebody started. */
  attach(ref: JobRef): Promise<Job>;
  /** Jobs of a cluster that still live, by what is in its folder of jobs. */
  find(jobsFolder: string): Promise<JobRef[]>;
  /** Says why a job is as it is, where this launcher knows more than the states do. */
  explain(evidence: Evidence): Verdict | undefined;
}

/** A launcher as its file exports it (`export default`): the name, its options, and how to make one. */
export interface LauncherDefinition<Options extends z.ZodObject = z.ZodObject> {
  name: string;
  summary: string;
  /** Default, validation and help of every option; `-o key=value` fills it. */
  options: Options;
  create(options: z.output<Options>): Launcher;
}

/** Declares a launcher; gives the options their types. */
export function defineLauncher<Options extends z.ZodObject>(
  definition: LauncherDefinition<Options>,
): LauncherDefinition<Options> {
  return definition;
}
