import { existsSync } from 'node:fs';
import ssh2 from 'ssh2';
import { Timer } from '../../base/timer.js';

/*
 * The user's agent, and which of its keys are offered: sshd closes the connection after a few (MaxAuthTries,
 * six).
 */

/** An agent may take so long to say what it holds (milliseconds); one that hangs is as good as none. */
const patience = 5000;

/** A key that an agent holds: its public half as it is sent. */
export interface AgentKey {
  blob: Buffer;
  parsed: ssh2.ParsedKey;
}

const agents = new Map<string, Promise<AgentKey[]>>();

/** What an agent holds; nothing where there is none. Each is asked once. */
export function keysOfAgent(socket: string | undefined): Promise<AgentKey[]> {
  if (socket === undefined || socket === '' || !existsSync(socket)) return Promise.resolve([]);
  const asked = agents.get(socket) ?? ask(socket);
  agents.set(socket, asked);
  return asked;
}

function ask(socket: string): Promise<AgentKey[]> {
  return new Promise((resolve) => {
    const limit = new Timer(patience, () => resolve([]));
    ssh2.createAgent(socket).getIdentities((_error, keys) => {
      limit.end();
      const parsed = (keys ?? []).map((key) => (isParsed(key) ? key : ssh2.utils.parseKey(key as Buffer)));
      resolve(parsed.filter(isParsed).map((key) => ({ blob: key.getPublicSSH(), parsed: key })));
    });
  });
}

const isParsed = (key: unknown): key is ssh2.ParsedKey =>
  typeof key === 'object' && key !== null && !(key instanceof Error) && 'getPublicSSH' in key;

/**
 * The keys of an agent that are offered, in that order: first those that the configuration names, as ssh has
 * it; no others with IdentitiesOnly.
 */
export function offeredKeys(held: readonly AgentKey[], named: readonly Buffer[], only: boolean): AgentKey[] {
  const rank = ({ blob }: AgentKey): number => named.findIndex((key) => key.equals(blob));
  const first = held.filter((key) => rank(key) >= 0).sort((a, b) => rank(a) - rank(b));
  return only ? first : [...first, ...held.filter((key) => rank(key) < 0)];
}

/** An agent that has no other keys than those. */
export class ChosenKeys extends ssh2.BaseAgent<ssh2.ParsedKey> {
  readonly #agent: ssh2.BaseAgent;
  readonly #keys: readonly AgentKey[];

  constructor(socket: string, keys: readonly AgentKey[]) {
    super();
    this.#agent = ssh2.createAgent(socket);
    this.#keys = keys;
  }

  getIdentities(done: ssh2.IdentityCallback<ssh2.ParsedKey>): void {
    done(
      undefined,
      this.#keys.map(({ parsed }) => parsed),
    );
  }

  sign(
    key: ssh2.ParsedKey,
    data: Buffer,
    options: ssh2.SigningRequestOptions,
    done?: ssh2.SignCallback,
  ): void;
  sign(key: ssh2.ParsedKey, data: Buffer, done: ssh2.SignCallback): void;
  sign(
    key: ssh2.ParsedKey,
    data: Buffer,
    options: ssh2.SigningRequestOptions | ssh2.SignCallback,
    done?: ssh2.SignCallback,
  ): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}
