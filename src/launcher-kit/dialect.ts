import type { ToolOutcome } from '../processes/tool.js';
import type { Verdict } from './evidence.js';
import type { Holds } from './holds.js';
import type { Report } from './reports.js';
import type { BatchRequest, Layout, Resources, Shape } from './resources.js';
import type { Sayings } from './sayings.js';
import type { State } from './states.js';

export type { ToolOutcome } from '../processes/tool.js';
export type { Report } from './reports.js';

export type Argv = readonly [program: string, ...args: string[]];

/**
 * A command, and what its outcome means; undefined is "no answer", which never means that anything has ended.
 */
export interface Question<Answer> {
  argv: Argv;
  parse(outcome: ToolOutcome): Answer | undefined;
}

/**
 * A job that waits, and the word for its state; `became` is why, where the system says it when it is asked
 * for that job.
 */
export interface Waiting {
  id: string;
  reason: string;
  became?: string;
}

/** A job that is to be written down as directives. */
export interface BatchView {
  /** A letter first, at most 15 of a-z, 0-9 and dashes; unique. */
  name: string;
  /** The full identity, for systems that keep a comment. */
  comment: string;
  count: number;
  request: BatchRequest;
  layout: Layout;
  /** First and last index, for an array. */
  range: { first: number; last: number } | undefined;
  /** Files that get what the script says. */
  stdout: string;
  stderr: string;
}

/** One line of directives: an option and its value, empty for none. */
export type Directive = readonly [option: string, value: string];

/**
 * A batch system, as pure questions and answers. The kit does everything else: scripts, ids, polling, exit
 * records, ends.
 */
export interface BatchDialect {
  /** What directives begin with, such as `#SBATCH`. */
  prefix: string;
  /** The shape when nobody says. */
  shape: Shape;
  /** Index of an array's first element. */
  firstIndex: 0 | 1;
  /** Most elements of one array, where the system is not asked. */
  largestArray: number;
  /** Most elements of one array, where the system tells. */
  askLargestArray?: Question<number>;
  /** Words of resources that this system has nothing like, with a sentence for each. */
  refuses: Partial<Record<keyof Resources, string>>;
  /** Is it there? Its parse answers a sentence where it is not, and empty text where it is. */
  detect: Question<string>;
  /** How many CPUs a usual node has, of those that the request may get; where the system tells. */
  nodeSize?(request: BatchRequest): Question<number>;
  /**
   * What the user has said to the system itself, in variables, as settings by their keys: it holds where
   * nobody says otherwise.
   */
  userDefaults?(env: NodeJS.ProcessEnv): Readonly<Record<string, string>>;
  /** Options of the submit command that say what settings of ours say, and would go before them. */
  sayings?: Sayings;
  /** Throws RESOURCES where it cannot be said. */
  directives(view: BatchView): Directive[];
  /** The line of one directive after the prefix; undefined for one that only the command line can say. */
  formatDirective(directive: Directive): string | undefined;
  /**
   * The command that submits, with words of the user's, and the directives once more where variables would go
   * before lines of the script; `onInput` means that it reads the script from its input, `waits` that it
   * would wait for the end of the job.
   */
  submit(
    script: string,
    extra: readonly string[],
    directives: readonly Directive[],
  ): { argv: Argv; onInput?: boolean; waits?: boolean };
  /** The whole id in what the submit command said; undefined when there is none. */
  parseJobId(stdout: string): string | undefined;
  /** The id of a job that was taken although the submit ended with an error; undefined for none. */
  takenAllTheSame?(stderr: string): string | undefined;
  /** Why a submit was refused, in our words. */
  refusal(said: string): Verdict | undefined;
  /** True when the words mean that nobody answered, so that the job may exist all the same. */
  isSilence(outcome: ToolOutcome): boolean;
  /** What a job that was taken really has: a site's filter may have changed what was asked for. */
  holds?(id: string): Question<Holds>;
  /** Live jobs whose names begin so. */
  find(names: string): Question<{ id: string; name: string }[]>;
  /** Asked one after another; a later one only for ids that no earlier one knows. */
  status(ids: readonly string[]): Question<Report[]>[];
  /** Why jobs wait, where `status` does not say it: asked after it, for a few jobs. */
  askReasons?(jobs: readonly Waiting[]): Question<Waiting[]>;
  /** How a job that stands still goes on: what to do, with ID for its id. */
  resume?: readonly string[];
  /**
   * More about a state than it says: why the system has cancelled a job itself, whether a limit is beyond
   * reach.
   */
  askCause?(ids: readonly string[], state: State): Question<Verdict> | undefined;
  /** Which of those hosts are down, and the system's words for it; `ids` of the job that they are of. */
  downHosts?(hosts: readonly string[], ids: readonly string[]): Question<Map<string, string>>;
  /** Options of the submit command that keep a job off those nodes. */
  without?(nodes: readonly string[]): string[];
  cancel(ids: readonly string[]): Argv;
  signal(ids: readonly string[], name: NodeJS.Signals): Argv;
  /** The system's word for why a job waits or has ended, in ours. */
  explainReason(reason: string): Verdict | undefined;
}
