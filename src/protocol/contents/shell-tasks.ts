/** A shell task: runs in its own process group on the engine's machine. */
export interface CommandContent {
  argv: string[];
  cwd?: string;
  /** Added to the engine's environment. */
  env?: Record<string, string>;
  input?: string;
  /** Milliseconds after which the whole group is killed. */
  timeLimit?: number;
  /** Files that get the output instead of the client. */
  stdoutFile?: string;
  stderrFile?: string;
}

/**
 * How a shell task ended, as it travels; `stdout` and `stderr` are empty where they went to a file, or go
 * along as bytes.
 */
export interface CommandReport {
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  stdout: string;
  stderr: string;
  /**
   * True when there was more output than is kept (16 MiB of each, 1 GiB as bytes); name files, or stream it,
   * to get all of it.
   */
  truncated: boolean;
  /** Bytes of each that are not kept. */
  dropped: { stdout: number; stderr: number };
  /** Milliseconds from start to end. */
  runTime: number;
  /** Where it ran, and when it began (milliseconds since the epoch, by the clock there). */
  host: string;
  started: number;
}

/**
 * How a shell task ended, with the bytes that it wrote: its texts are these as UTF-8, and empty where they
 * are no text of at most 16 MiB.
 */
export interface CommandResult extends CommandReport {
  /** Not among the fields that are listed or printed as JSON. */
  readonly stdoutBytes: Buffer;
  readonly stderrBytes: Buffer;
}
