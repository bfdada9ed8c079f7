import { IpclusterError, isIpclusterError, messageOf } from '../base/errors.js';
import { newToken } from '../base/identifiers.js';
import { Lease } from '../base/lease.js';
import { packageVersion } from '../base/package.js';
import { type Deferred, deferred, sleep } from '../base/wait.js';
import { type ConnectionFile, readConnectionFile } from '../profile/connection-file.js';
import { decodeMessage, isMessage, type Message, type Outgoing, type Session } from '../protocol/message.js';
import { type GoodReply, protocolVersion, type ReplyTo, type RequestType } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import type { Route } from '../protocol/routes.js';
import { dial } from '../transport/dial.js';
import { Peer } from '../transport/peer.js';

/**
 * Questions that may be asked twice without harm: they are, when the connection broke before the answer came.
 */
const repeatable = new Set<RequestType>([
  'status_request',
  'query_request',
  'result_request',
  'watch_request',
]);

/** Who hears of what comes, and of the connection's changes. */
export interface ConnectionListener {
  packet(packet: Packet): void;
  /** The controller is reached again: see to what was on its way. Nothing else is sent until this is done. */
  resume(peer: Peer): Promise<void>;
  /** It is over for good. */
  ended(error: IpclusterError): void;
}

/**
 * A client's connection, which outlives its links: when one breaks, the controller is looked for again for as
 * long as `patience` lasts, counting only time awake. Until then requests wait.
 */
export class Connection {
  readonly session: Session;
  readonly #path: string;
  readonly #patience: number;
  readonly #listener: ConnectionListener;
  readonly #stop = new AbortController();
  #file: ConnectionFile;
  #peer: Peer;
  /** Settles when requests may go out again; undefined while they may. */
  #mending: Deferred<void> | undefined;
  #waiting: { route: Route; body: readonly Buffer[] }[] = [];
  #over: IpclusterError | undefined;
  #farewell: string | undefined;

  constructor(
    peer: Peer,
    file: ConnectionFile,
    path: string,
    patience: number,
    listener: ConnectionListener,
  ) {
    this.#peer = peer;
    this.session = peer.session;
    this.#file = file;
    this.#path = path;
    this.#patience = patience;
    this.#listener = listener;
    this.#use(peer);
  }

  get file(): ConnectionFile {
    return this.#file;
  }

  /** True until it is over for good. */
  get open(): boolean {
    return this.#over === undefined;
  }

  /** True while the controller is on this host for sure. */
  get local(): boolean {
    return this.#peer.link.local;
  }

  /**
   * Sends a packet now, or when the controller is there again; answers whether that was now. Throws CLOSED
   * when it is over.
   */
  send(route: Route, body: readonly Buffer[]): boolean {
    if (this.#over) throw this.#over;
    if (this.#mending) this.#waiting.push({ route, body });
    else this.#peer.link.send(route, body);
    return !this.#mending;
  }

  /**
   * Asks the controller; see {@link Peer.request}. A question that may be asked twice survives a broken
   * connection.
   */
  async request<T extends RequestType>(
    outgoing: Outgoing<T>,
    timeout = 30_000,
  ): Promise<Message<ReplyTo<T>> & { content: GoodReply<T> }> {
    for (;;) {
      if (this.#over) throw this.#over;
      await this.#mending?.promise;
      const peer = this.#peer;
      try {
        return await peer.request(outgoing, timeout);
      } catch (error) {
        const again = isIpclusterError(error) && error.code === 'CLOSED' && repeatable.has(outgoing.type);
        if (!again || peer.link.open) throw error;
        // The link's end is dealt with in a later turn; then there is something to wait for, or it is over.
        await sleep(0);
      }
    }
  }

  /** Closes it; nobody looks for the controller any more. */
  async close(): Promise<void> {
    this.#end(undefined);
    this.#peer.link.close();
    await this.#peer.link.closed;
  }

  /** Settles when the link that is there now has ended. */
  get linkClosed(): Promise<Error | undefined> {
    return this.#peer.link.closed;
  }

  #use(peer: Peer): void {
    this.#peer = peer;
    peer.link.keepLease(this.#file.lease);
    peer.onPacket((packet) => {
      if (packet.route.channel === 'hub') {
        const message = decodeMessage(packet.body);
        if (isMessage(message, 'controller_ending')) this.#farewell = message.content.reason;
      }
      this.#listener.packet(packet);
    });
    void peer.link.closed.then((error) => this.#broken(error));
  }

  #broken(error: Error | undefined): void {
    if (this.#over || this.#mending) return;
    const why = this.#farewell ?? (error ? messageOf(error) : undefined);
    if (this.#farewell !== undefined || this.#patience === 0) return this.#end(closed(why));
    this.#mending = deferred();
    this.#mending.promise.catch(() => {});
    void this.#mend(why);
  }

  /** Looks for the controller until it is there, another has taken its place, or patience ends. */
  async #mend(why: string | undefined): Promise<void> {
    const lease = new Lease(this.#patience, () => this.#end(closed(why, this.#patience)));
    for (let pause = 20; this.#over === undefined; pause = Math.min(pause * 2, 1000)) {
      try {
        await sleep(pause * (0.5 + Math.random()), this.#stop.signal);
        await this.#reconnect();
        for (const { route, body } of this.#waiting) this.#peer.link.send(route, body);
        this.#waiting = [];
        this.#mending?.resolve();
        this.#mending = undefined;
        break;
      } catch (error) {
        const final =
          isIpclusterError(error) && ['CLUSTER_NOT_FOUND', 'UNAUTHORIZED', 'VERSION'].includes(error.code);
        if (final) this.#end(error);
      }
    }
    lease.end();
  }

  async #reconnect(): Promise<void> {
    const file = readConnectionFile(this.#path);
    if (file.cluster !== this.#file.cluster) {
      throw new IpclusterError('CLUSTER_NOT_FOUND', 'The cluster is gone; another has taken its place.', {
        files: [this.#path],
      });
    }
    const link = await dial(file, 5000, this.#stop.signal);
    const peer = new Peer(link, this.session);
    const stop = (): void => link.destroy();
    this.#stop.signal.addEventListener('abort', stop);
    try {
      this.#file = file;
      await greet(peer, 10_000);
      this.#use(peer);
      await this.#listener.resume(peer);
      if (!link.open || this.#over) throw closed(undefined);
    } catch (error) {
      link.destroy();
      throw error;
    } finally {
      this.#stop.signal.removeEventListener('abort', stop);
    }
  }

  #end(error: IpclusterError | undefined): void {
    if (this.#over) return;
    this.#over = error ?? new IpclusterError('CLOSED', 'This client is closed.');
    this.#stop.abort();
    this.#mending?.reject(this.#over);
    this.#mending = undefined;
    this.#listener.ended(this.#over);
  }
}

/** Shows the controller that a session which comes back is one of this program. */
const key = newToken();

/** Introduces this client; answers which engines there are. Throws VERSION. */
export async function greet(peer: Peer, timeout: number): Promise<{ id: number; uuid: string }[]> {
  const content = { version: packageVersion(), protocol: protocolVersion, key };
  return (await peer.request({ type: 'connection_request', content }, timeout)).content.engines;
}

function closed(why: string | undefined, patience?: number): IpclusterError {
  const detail = why ? ` (${why})` : '';
  const sought =
    patience === undefined ? '' : `, and the controller was not there again within ${patience / 1000} s`;
  return new IpclusterError('CLOSED', `The connection to the controller was closed${detail}${sought}.`);
}
