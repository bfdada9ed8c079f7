import { formatDuration } from '../base/quantities.js';

/** More unasked ends than this within the time are a loop, which no further start mends. */
const limit = 5;
const within = 60_000;

/** Whether engines that end unasked are started again. */
export type RestartPolicy = 'on-crash' | 'never';

/** Counts how often the engine of each place ended unasked, and says when it is enough. */
export class CrashLoop {
  readonly #policy: RestartPolicy;
  readonly #ends = new Map<number, number[]>();

  constructor(policy: RestartPolicy) {
    this.#policy = policy;
  }

  /** An engine ended unasked. Answers why it is not started again, or undefined when it is. */
  judge(
    id: number,
    reason: string,
    lastLine: string | undefined,
    now = performance.now(),
  ): string | undefined {
    if (this.#policy === 'never') return reason;
    const ends = [...(this.#ends.get(id) ?? []).filter((at) => now - at < within), now];
    this.#ends.set(id, ends);
    if (ends.length <= limit) return undefined;
    const said = lastLine === undefined ? '' : `; its last words: ${lastLine}`;
    return (
      `it ended ${ends.length} times within ${formatDuration(within)} and is not started again (the last: ` +
      `${reason}${said})`
    );
  }
}
