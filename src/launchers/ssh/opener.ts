import { setMaxListeners } from 'node:events';
import { type Bound, sleep } from '../../base/wait.js';
import { type Configuration, configurationOf } from './configuration.js';
import { type Connection, HostError } from './connection.js';
import { asHostError, isPassing } from './failures.js';
import { type Hop, hopError, hopsOf } from './hops.js';
import type { Host } from './hosts.js';
import type { Gate, LibraryConnection } from './library.js';

/** How connections are made. */
export interface OpenOptions {
  transport: 'auto' | 'ssh2' | 'openssh';
  /** A configuration file in place of the user's and the system's (`ssh -F`). */
  config?: string | undefined;
  /** Connections that are made at once, at most. */
  fanout: number;
  /** Milliseconds for one connection to be made. */
  timeout: number;
}

/**
 * sshd may drop connections when many come at once: so often it is tried again, with pauses that grow from
 * this (milliseconds).
 */
const tries = 6;
const firstPause = 300;

/** Every host that is being opened listens to the same signal. */
function closer(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Opens one connection to each host and keeps it; whoever asks for the same host again gets the same one. */
export class Opener {
  readonly #options: OpenOptions;
  readonly #open = new Map<string, Promise<Connection>>();
  readonly #waiting: (() => void)[] = [];
  #closing = closer();
  #busy = 0;

  constructor(options: OpenOptions) {
    this.#options = options;
    // Read while ssh is asked for its configuration.
    if (options.transport !== 'openssh') void import('./library.js');
  }

  /** The connection to a host. Throws {@link HostError}. */
  open(host: Host): Promise<Connection> {
    const known = this.#open.get(host.word);
    if (known) return known;
    const bound = { timeout: this.#options.timeout, signal: this.#closing.signal };
    return this.#keep(
      host.word,
      this.#inTurn(() => this.#openAgain(host, bound)),
    );
  }

  /** Closes what is open, and gives up what is being opened. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#closing = closer();
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map(async (opening) => (await opening.catch(() => undefined))?.close()));
  }

  /** Keeps a connection under a name until it fails or closes; by then another one may have that name. */
  #keep<T extends Connection>(name: string, opening: Promise<T>): Promise<T> {
    this.#open.set(name, opening);
    const forget = (): void => {
      if (this.#open.get(name) === opening) this.#open.delete(name);
    };
    opening.then(({ closed }) => void closed.then(forget), forget);
    return opening;
  }

  /** Lets only so many be made at once. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy >= this.#options.fanout) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #openAgain(host: Host, bound: Bound): Promise<Connection> {
    const configuration = await configurationOf(host, this.#options.config);
    const hops = await hopsOf(configuration, this.#options.config);
    for (let attempt = 1, pause = firstPause; ; attempt++, pause *= 2) {
      try {
        return await this.#openOnce(host, configuration, hops, bound);
      } catch (error) {
        const known = asHostError(error);
        if (!isPassing(known) || attempt === tries || bound.signal?.aborted) throw known;
        await sleep(pause * (0.5 + Math.random()), bound.signal);
      }
    }
  }

  async #openOnce(
    host: Host,
    configuration: Configuration,
    hops: readonly Hop[],
    bound: Bound,
  ): Promise<Connection> {
    const { transport, config } = this.#options;
    const needs =
      configuration.needs ?? hops.map((hop) => hop.configuration.needs).find((word) => word !== undefined);
    const system =
      transport === 'openssh' || (transport === 'auto' && (needs ?? configuration.master) !== undefined);
    if (system)
      return (await import('./openssh.js')).openWithSystem(
        { host, configuration, hops, file: config },
        bound,
      );
    const gate = await this.#way(hops, bound);
    const opening = (await import('./library.js')).openWithLibrary(configuration, bound, gate);
    return configuration.needs === undefined ? opening : opening.catch(explainNeed(configuration.needs));
  }

  /**
   * The connection to the last of the hosts on the way, each reached through the one before it; kept for all
   * who go the same way.
   */
  async #way(hops: readonly Hop[], bound: Bound): Promise<Gate | undefined> {
    const last = hops.at(-1);
    if (!last) return undefined;
    const key = `way ${hops.map(({ host }) => host.word).join(',')}`;
    const known = this.#open.get(key) as Promise<LibraryConnection> | undefined;
    return {
      host: last.host,
      connection: await (known ?? this.#keep(key, this.#openHop(last, hops.slice(0, -1), bound))),
    };
  }

  async #openHop(
    { configuration, host }: Hop,
    before: readonly Hop[],
    bound: Bound,
  ): Promise<LibraryConnection> {
    try {
      return await (await import('./library.js')).openWithLibrary(
        configuration,
        bound,
        await this.#way(before, bound),
      );
    } catch (error) {
      const known = asHostError(error);
      throw hopError(host, configuration.needs === undefined ? known : withNeed(configuration.needs, known));
    }
  }
}

/** A way in that the library does not have is said where the others did not lead in. */
function withNeed(needs: string, { verdict }: HostError): HostError {
  if (needs === 'ProxyCommand' || !/^host-(auth|typing|key-unknown)$/.test(verdict.code))
    return new HostError(verdict);
  return new HostError({
    code: 'needs-openssh',
    sentence: `Its configuration has ${needs}, which \`-o transport=ssh2\` cannot do. (${verdict.sentence})`,
    suggestions: ['Leave `-o transport` out, or `-o transport=openssh`.'],
  });
}

const explainNeed =
  (needs: string) =>
  (error: unknown): never => {
    throw withNeed(needs, asHostError(error));
  };
