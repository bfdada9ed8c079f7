import type { JobStatus } from './states.js';

/** What is known when something did not work, or does not begin. */
export interface Evidence {
  status: JobStatus;
  exitCode: number | null;
  logTail: string[];
  files: string[];
}

/** Why, in one sentence, and what to do. */
export interface Verdict {
  /** A word that stays the same when the sentence changes: see `docs/why.md`. */
  code: string;
  sentence: string;
  suggestions: string[];
  /** The nodes that it is about, where it is about single ones. */
  nodes?: readonly string[];
}
