import { inspect } from 'node:util';
import { type ErrorCode, IpclusterError } from '../base/errors.js';
import type { AbortedContent, ErrorContent } from '../protocol/messages.js';

/** Names that the controller gives to failures of its own. */
const ownNames: Record<string, ErrorCode> = {
  EngineError: 'ENGINE_DIED',
  TaskTimeout: 'TASK_TIMEOUT',
  ImpossibleDependency: 'DEPENDENCY',
  InvalidDependency: 'DEPENDENCY',
  WrongLanguage: 'WRONG_LANGUAGE',
  NOT_CLONEABLE: 'NOT_CLONEABLE',
  USAGE: 'USAGE',
  NOT_FOUND: 'NOT_FOUND',
  SYSTEM: 'SYSTEM',
  DISK_FULL: 'DISK_FULL',
  ResultGone: 'RESULT_GONE',
  StoreError: 'STORE',
  PROTOCOL: 'PROTOCOL',
};

/**
 * What went wrong with one request on one engine: user code threw, the engine died, the task was cancelled.
 */
export class RemoteError extends IpclusterError {
  /**
   * @internal Of a call for many items of which some have failed: the values of the others, and the errors by
   *   place.
   */
  parts?: { values: readonly unknown[]; failures: readonly (readonly [number, ErrorContent])[] };
  /** Of a map: which item failed, counted from 0. */
  index?: number;
  /** Of a map: that item, shortened for people. */
  item?: string;
  readonly ename: string;
  readonly evalue: string;
  /** The engine's stack, the part in user code. */
  readonly traceback: readonly string[];
  /** Undefined when the controller made the error. */
  readonly engineId: number | undefined;

  constructor(content: ErrorContent | AbortedContent, engineId: number | undefined) {
    const aborted = content.status === 'aborted';
    const ename = aborted ? 'TaskAborted' : content.ename;
    const evalue = aborted ? `the task was cancelled (${content.how ?? 'removed'})` : content.evalue;
    const suggestions = aborted ? undefined : content.suggestions;
    const code = aborted
      ? 'TASK_ABORTED'
      : Object.hasOwn(ownNames, content.ename)
        ? (ownNames[content.ename] ?? 'REMOTE')
        : 'REMOTE';
    super(
      code,
      `${engineId === undefined ? '' : `engine ${engineId}: `}${ename}: ${evalue}`,
      suggestions ? { suggestions } : {},
    );
    this.ename = ename;
    this.evalue = evalue;
    this.traceback = aborted ? [] : content.traceback;
    this.engineId = engineId;
    if (this.traceback.length > 0) this.stack = this.traceback.join('\n');
  }

  /** @internal Says which item of a map it is about. */
  about(index: number, item: unknown): this {
    this.index = index;
    this.item = shortened(item);
    this.message += ` (item ${index}: ${this.item})`;
    return this;
  }
}

/** The most characters of an item that an error shows. */
const mostShown = 60;

/** A value as one short line. It may have getters and proxies that throw. */
function shortened(value: unknown): string {
  try {
    const shown = {
      depth: 1,
      breakLength: Number.POSITIVE_INFINITY,
      maxArrayLength: 5,
      maxStringLength: mostShown,
    };
    const text = inspect(value, shown).replaceAll(/\s+/g, ' ');
    return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text;
  } catch {
    return 'a value that cannot be shown';
  }
}

/** Several requests failed; each error names its engine. */
export class CompositeError extends IpclusterError {
  readonly errors: readonly IpclusterError[];

  constructor(errors: readonly IpclusterError[]) {
    const shown = errors.slice(0, 4).map(({ message }) => `  ${message}`);
    const more = errors.length > 4 ? [`  and ${errors.length - 4} more`] : [];
    const suggestions = [...new Set(errors.flatMap((error) => error.suggestions))];
    super('REMOTE', [`${errors.length} failed:`, ...shown, ...more].join('\n'), { suggestions });
    this.errors = errors;
  }
}
