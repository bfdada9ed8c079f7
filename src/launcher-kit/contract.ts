import type { SettingKey } from '../config/settings.js';
import type { Evidence, Verdict } from './evidence.js';
import type { z } from './options.js';
import type { LaunchPlan } from './plan.js';
import type { BatchRequest } from './resources.js';
import type { JobStatus, State } from './states.js';

export { defineBatchLauncher } from './batch.js';
export type { Argv, BatchDialect, BatchView, Directive, Question, ToolOutcome, Waiting } from './dialect.js';
export type { Evidence, Verdict } from './evidence.js';
export type { Holds } from './holds.js';
export { z } from './options.js';
export type { LaunchPlan, PlannedCommand, PlannedFile } from './plan.js';
export type { Report } from './reports.js';
export type { BatchRequest, Layout, Resources, SetupOrder, Shape, Surroundings } from './resources.js';
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
  /** What a batch system is asked for; launchers on this machine have no use for it. */
  batch?: BatchRequest;
  /** A folder of templates that go before ours: the profile's. */
  templates?: string;
  /** Where it runs, as far as that folder is there. */
  cwd?: string;
  /** The connection file that its program reads; it is taken to where this folder is not seen. */
  needs?: string;
  /** So many of its engines are enough to go on with; all when absent. */
  enough?: number;
  /** The host that it is meant for, where the launcher lets its user name one. */
  host?: string;
}

/** Enough to find a job again from another process; plain JSON. */
export interface JobRef {
  launcher: string;
  ids: string[];
  jobDir: string;
  /** Its name in the scheduler, by which it is found where no id is known. */
  name?: string;
}

/** A job that was accepted. */
export interface Job {
  ref: JobRef;
  /** As far as it is known now. */
  readonly status: JobStatus;
  /** Settles when the status is no longer a guess: its system has been asked once. */
  seen: Promise<void>;
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

/** Who waits for a launch. */
export interface LaunchOptions {
  signal?: AbortSignal | undefined;
  onNotice?: ((sentence: string) => void) | undefined;
}

/** One way to start jobs. */
export interface Launcher {
  name: string;
  /** Where its jobs run: on this machine, or wherever a scheduler or the user puts them. */
  reach: 'here' | 'elsewhere';
  /** True where its system may make a job stand still and go on later: live engines do not show that. */
  suspends?: true;
  /** Settings that are usual for its jobs, by their keys, where nobody says otherwise. */
  usual?: Readonly<Record<string, string>>;
  /** How many engines its options speak of; undefined where they do not say. */
  slots?: number | undefined;
  /** Words for `--controller` that name a place of its own. */
  hosts?: readonly string[];
  /** Asks the system for what a plan depends on, such as the size of its nodes; answers the spec with it. */
  survey?(spec: JobSpec): Promise<JobSpec>;
  /**
   * What will be asked for, in one line; undefined where it costs nobody anything. Throws RESOURCES for what
   * it cannot ask for.
   */
  describe?(spec: JobSpec): string;
  /**
   * The word of a request's own for the scheduler that says what this setting says, and would go before it.
   */
  saysOtherwise?(key: SettingKey, request: BatchRequest): string | undefined;
  /** What would be done: files and commands. Pure: it touches nothing. */
  plan(spec: JobSpec): LaunchPlan;
  /**
   * Resolves when the system has accepted the job and its id is on disk. The signal stops waiting, and takes
   * back what it can; `onNotice` hears what the system said although it took the job.
   */
  launch(spec: JobSpec, options?: LaunchOptions): Promise<Job>;
  /** Observes a job that somebody started. */
  attach(ref: JobRef): Promise<Job>;
  /** Jobs of a cluster that still live, by what is in its folder of jobs and by how their names begin. */
  find(jobsFolder: string, names: string): Promise<JobRef[]>;
  /**
   * Takes a job as ended of which nobody can be asked any more, such as on a host that is off for good:
   * `find` has it no longer.
   */
  forget?(ref: JobRef): void;
  /**
   * Asks the system for more about a job than its state says, such as why it was ended by nobody of us;
   * undefined for no answer.
   */
  inquire?(ref: JobRef, state: State): Promise<Verdict | undefined>;
  /** Which of those hosts its system calls down, with its words for it; none where it does not answer. */
  downHosts?(hosts: readonly string[], ref?: JobRef): Promise<Map<string, string>>;
  /** Words for it, after `--`, that keep a job off those nodes; none where it has no such words. */
  without?(nodes: readonly string[]): string[];
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
