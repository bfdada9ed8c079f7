import { ChosenKeys } from './agent.js';
import type { Configuration } from './configuration.js';
import { openKeys } from './keys.js';

/** What our library asks a host for, one after the other. */
type Attempt = Readonly<Record<string, unknown>>;

/** How we ask a host to let us in. */
export interface Attempts {
  /**
   * Called by the library after each attempt, with what the host still takes; answers the next one, or false.
   */
  next(
    left: readonly string[] | null,
    partly: boolean | null,
    done: (attempt: Attempt | false) => void,
  ): void;
  /** What the host took last, by its own words: `publickey`, `keyboard-interactive`. */
  readonly left: readonly string[];
  /** Words for each key that cannot be used. */
  said: readonly string[];
}

/**
 * The user's keys as they are offered: those of the agent first, as ssh does it; none to a host that takes no
 * keys.
 */
export async function offerOf(configuration: Configuration): Promise<Attempts> {
  const { user: username, agent } = configuration;
  const { keys, fromAgent, said } = await openKeys(configuration);
  const type = 'publickey' as const;
  const own = keys.map(({ text: key, passphrase }) => ({
    type,
    username,
    key,
    ...(passphrase !== undefined && { passphrase }),
  }));
  const held =
    agent !== undefined && fromAgent.length > 0
      ? [{ type: 'agent' as const, username, agent: new ChosenKeys(agent, fromAgent) }]
      : [];
  // ssh asks so first too: a refusal says what is taken, and counts nothing.
  const queue: Attempt[] = [{ type: 'none', username }, ...held, ...own];
  let last: readonly string[] = [];
  return {
    said,
    get left() {
      return last;
    },
    next(left, _partly, done) {
      last = left ?? last;
      const takesKeys = left === null || left.includes('publickey');
      done((takesKeys ? queue.shift() : undefined) ?? false);
    },
  };
}
