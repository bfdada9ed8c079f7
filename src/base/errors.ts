import { type ErrorCode, errorCatalogue } from './error-catalogue.js';

export type { ErrorCode } from './error-catalogue.js';

/** What a caller may add to an error beyond its sentence. */
export interface ErrorDetails {
  /** What to try, one sentence each; the catalogue's own advice is used when this is absent. */
  suggestions?: readonly string[];
  /** Files worth looking at. */
  files?: readonly string[];
  /** True when the same call may succeed later without any change. */
  transient?: boolean;
  /** Why, by a word of `docs/why.md`. */
  verdict?: string;
  cause?: unknown;
}

/**
 * The one error class of this project: an operation that could not be done. A job or task that failed is a
 * value, never one of these. `code` and `suggestions` are plain fields, so any front end can print them.
 */
export class IpclusterError extends Error {
  readonly code: ErrorCode;
  readonly suggestions: readonly string[];
  readonly files: readonly string[];
  readonly transient: boolean;
  readonly verdict: string | undefined;
  /** What the command line exits with: see `docs/errors.md`. */
  readonly exitCode: number;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const entry = errorCatalogue[code];
    this.name = 'IpclusterError';
    this.code = code;
    this.suggestions = details.suggestions ?? entry.suggestions;
    this.files = details.files ?? [];
    this.transient = details.transient ?? false;
    this.verdict = details.verdict;
    this.exitCode = entry.exitCode;
  }
}

/**
 * True for our own error, also when it was made by another copy of this module (the bundled CLI has its own).
 */
export function isIpclusterError(error: unknown): error is IpclusterError {
  return (
    error instanceof Error && error.name === 'IpclusterError' && 'code' in error && 'suggestions' in error
  );
}

/** What was thrown, as an error of ours where the system says that a disk is full. */
export function explained(error: unknown): unknown {
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new IpclusterError('DISK_FULL', messageOf(error), { cause: error });
  return isShortage(error) ? systemFault(messageOf(error), error) : error;
}

/** What the system can be short of, by its codes, and where the limit is looked up. */
const shortages: Record<string, string> = {
  EAGAIN: 'no more processes may be started (`ulimit -u`)',
  EMFILE: 'this program may open no more files (`ulimit -n`)',
  ENFILE: 'the machine has no more open files',
  ENOMEM: 'no memory is left',
};

/** True for an error that says that the system is short of something: the same call may succeed later. */
export function isShortage(error: unknown): boolean {
  const code = systemCode(error);
  return (code !== undefined && code in shortages) || (isIpclusterError(error) && error.code === 'SYSTEM');
}

/** A call that the system refused, as an error for people: `what` could not be done, and why. */
export function systemFault(what: string, error: unknown): IpclusterError {
  if (isIpclusterError(error)) return error;
  const code = (error as { code?: string } | undefined)?.code ?? '';
  const why = shortages[code] ?? messageOf(error);
  const kind = code === 'ENOSPC' || code === 'EDQUOT' ? 'DISK_FULL' : 'SYSTEM';
  return new IpclusterError(kind, `${what}: ${why}.`, { transient: true, cause: error });
}

/** The sentence of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The system's code (`ENOENT`, `EADDRINUSE` …) of an error from Node, or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
