import { IpclusterError } from '../base/errors.js';
import { Lease } from '../base/lease.js';
import { deferred } from '../base/wait.js';
import type { Packet } from '../protocol/packets.js';
import type { Route } from '../protocol/routes.js';

/** How packets leave and enter. */
export interface Carrier {
  /** True when the other side is on this host for sure. */
  local: boolean;
  /** Bytes that were sent and that the system, or the other side, has not taken yet. */
  backlog(): number;
  send(route: Route, body: readonly Buffer[]): void;
  /** Hands over what waits. */
  flush(): void;
  /** Stops and goes on reading: the other side feels it as a full pipe. */
  pause(): void;
  resume(): void;
  close(): void;
  /** Ends it without waiting for anything. */
  destroy(): void;
}

/** What a carrier tells its link: that something has come, and how to read packets from it; and its end. */
export type MakeCarrier = (
  receive: (read: () => Packet[]) => void,
  onClose: (error?: Error) => void,
) => Carrier;

/** A sign of life goes out at least so often (milliseconds). */
const signInterval = 5000;

/** A connection between two peers that exchanges packets. */
export class Link {
  /** Settles when the connection is over, with what ended it if that was a failure. */
  readonly closed: Promise<Error | undefined>;
  readonly #carrier: Carrier;
  readonly #close = deferred<Error | undefined>();
  #open = true;
  readonly #pauses = new Set<string>();
  #lapsed = false;
  /** True when something was sent since the last sign of life was due. */
  #spoke = false;
  #lease: Lease | undefined;
  #signs: NodeJS.Timeout | undefined;
  #handle: (packet: Packet) => void = () => {};

  constructor(makeCarrier: MakeCarrier) {
    this.closed = this.#close.promise;
    this.#carrier = makeCarrier(
      (read) => this.#receive(read),
      (error) => this.#end(error),
    );
  }

  get open(): boolean {
    return this.#open;
  }

  /** True when the other side is on this host for sure. */
  get local(): boolean {
    return this.#carrier.local;
  }

  /** Bytes that were sent and that the system has not taken yet. */
  get backlog(): number {
    return this.#carrier.backlog();
  }

  /** True when it ended because nothing was heard for a whole lease. */
  get lapsed(): boolean {
    return this.#lapsed;
  }

  /** Milliseconds awake since anything was heard of the other side; 0 where no lease is kept. */
  get silence(): number {
    return this.#lease?.silent ?? 0;
  }

  /**
   * Stops reading until {@link resume} for the same reason, and every other one; silence that we made
   * ourselves does not count against the lease.
   */
  pause(reason: string): void {
    if (!this.#open) return;
    this.#pauses.add(reason);
    if (this.#pauses.size > 1) return;
    this.#lease?.hold(true);
    this.#carrier.pause();
  }

  resume(reason: string): void {
    if (!this.#pauses.delete(reason) || this.#pauses.size > 0) return;
    this.#lease?.hold(false);
    this.#carrier.resume();
  }

  /**
   * From now on a silence of `duration` ms ends the link; a sign of life goes out whenever nothing was sent
   * for a quarter of it, or for {@link signInterval}: a lease may be long, and who is silent is to be told of
   * sooner.
   */
  keepLease(duration: number): void {
    if (!this.#open || this.#lease) return;
    this.#lease = new Lease(duration, () => {
      this.#lapsed = true;
      this.#carrier.destroy();
      this.#end(
        new IpclusterError('CLOSED', `Nothing was heard for ${duration / 1000} s.`, { transient: true }),
      );
    });
    this.#signs = setInterval(
      () => {
        if (!this.#spoke) this.send({ channel: 'alive' }, []);
        this.#spoke = false;
      },
      Math.min(duration / 4, signInterval),
    );
  }

  /** Every packet from now on goes there. Set it in the turn in which the link is handed out. */
  onPacket(handle: (packet: Packet) => void): void {
    this.#handle = handle;
  }

  /** Sends a packet; nothing is sent once the link is closed. */
  send(route: Route, body: readonly Buffer[]): void {
    if (!this.#open) return;
    this.#spoke = true;
    this.#carrier.send(route, body);
  }

  /** Hands everything to the system now. */
  flush(): void {
    if (this.#open) this.#carrier.flush();
  }

  /** Sends what waits and closes. */
  close(): void {
    this.flush();
    this.#carrier.close();
    this.#end();
  }

  /** Ends it at once: the other side is not worth a farewell. */
  destroy(error?: Error): void {
    this.#carrier.destroy();
    this.#end(error);
  }

  #receive(read: () => Packet[]): void {
    this.#lease?.renew();
    try {
      for (const packet of read()) if (packet.route.channel !== 'alive') this.#handle(packet);
    } catch (error) {
      // Whatever a peer sends ends its own link at most, never the program.
      this.#carrier.close();
      this.#end(error instanceof Error ? error : new IpclusterError('PROTOCOL', String(error)));
    }
  }

  #end(error?: Error): void {
    if (!this.#open) return;
    this.#open = false;
    this.#lease?.end();
    clearInterval(this.#signs);
    this.#close.resolve(error);
  }
}
