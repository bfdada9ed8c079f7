import { IpclusterError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Message } from '../protocol/message.js';
import { gatewayName } from '../transport/gateway-door.js';
import type { Peer } from '../transport/peer.js';
import type { Broker } from './broker.js';
import { Incarnations, isSameRun } from './incarnations.js';
import type { Supervisor } from './supervisor.js';

/**
 * A supervisor whose connection broke is waited for so long before its work is given to others
 * (milliseconds), or a whole lease.
 */
const longestAbsence = 3000;

/** The supervisors, across their connections. */
export class Supervisors {
  readonly #broker: Broker;
  readonly #log: Log;
  readonly #lease: number;
  readonly #supervisors = new Map<string, Supervisor>();
  readonly #incarnations = new Incarnations();
  readonly #onChange: () => void;

  /** `onChange` is told whenever somebody comes, goes, or comes back. */
  constructor(broker: Broker, log: Log, lease: number, onChange: () => void) {
    this.#onChange = onChange;
    this.#broker = broker;
    this.#log = log;
    this.#lease = lease;
  }

  get all(): Supervisor[] {
    return [...this.#supervisors.values()];
  }

  /**
   * A supervisor introduces itself, or comes back on a new connection; it gets ids for its engines. Throws
   * SUPERSEDED, and PROTOCOL for who speaks for others.
   */
  register(
    { content }: Message<'registration_request'>,
    peer: Peer,
    holder: string,
  ): { supervisor: Supervisor; ids: number[] } {
    const { run, host, pid, rank, allocation, count, ids: wanted, engines } = content;
    const known = this.#supervisors.get(run);
    if ((known && known.holder !== holder) || (run === gatewayName) !== (holder === gatewayName))
      throw new IpclusterError('PROTOCOL', 'This supervisor came by another token before.');
    this.#incarnations.admit(allocation, holder, this.#lease);
    this.#dismiss(content, holder);
    const supervisor: Supervisor = known ?? {
      name: run === gatewayName ? run : `${host}/${pid}`,
      run,
      holder,
      host,
      rank,
      allocation,
      peer,
      away: undefined,
    };
    if (known) {
      clearTimeout(known.away);
      known.away = undefined;
      const before = known.peer.link;
      known.peer = peer;
      before.destroy();
      this.#log.info(`a supervisor is back: ${supervisor.name}`);
    }
    this.#supervisors.set(run, supervisor);
    this.#broker.engines.past.back(supervisor);
    const ids = this.#broker.engines.reserve(
      supervisor,
      count,
      wanted,
      engines.length > 0 || known !== undefined,
    );
    for (const { held, ...up } of engines) {
      const place = wanted.indexOf(up.id);
      const id = ids[place];
      if (id !== undefined) this.#broker.engineBack(supervisor, { ...up, id }, held);
    }
    this.#dropMissing(supervisor, new Set(engines.map(({ uuid }) => uuid)), new Set(ids));
    this.#broker.balanced.queue.schedule();
    this.#onChange();
    return { supervisor, ids };
  }

  /** The scheduler has started the job again: whoever is left of the run before is gone. */
  #dismiss(content: { allocation: Supervisor['allocation'] }, holder: string): void {
    for (const supervisor of this.all) {
      if (supervisor.holder !== holder || !this.#incarnations.isOutdated(supervisor, content)) continue;
      clearTimeout(supervisor.away);
      this.#gone(supervisor);
      supervisor.peer.link.destroy();
    }
  }

  /**
   * Engines that ended while their supervisor could not tell us, and those that it has given up starting: it
   * has no `places` for them.
   */
  #dropMissing(supervisor: Supervisor, present: ReadonlySet<string>, places: ReadonlySet<number>): void {
    const { engines } = this.#broker;
    const ended = engines.all
      .filter((engine) => engine.supervisor === supervisor && !present.has(engine.uuid))
      .map(({ id }) => id);
    const givenUp = engines.restartingOn(supervisor).filter((id) => !places.has(id));
    const reason = 'it ended while its supervisor was cut off';
    for (const id of [...ended, ...givenUp])
      this.#broker.engineDown({ id, reason, restarting: false, evidence: undefined });
  }

  /**
   * The scheduler ends a job at another time than was said (milliseconds since the epoch): that holds for all
   * of its nodes.
   */
  setDeadline(teller: Supervisor, deadline: number): void {
    const { allocation: told } = teller;
    if (!told) return;
    for (const { allocation, holder } of this.all) {
      if (allocation && holder === teller.holder && isSameRun(allocation, told))
        allocation.deadline = deadline;
    }
    this.#log.info(`${told.job} ends at ${new Date(deadline).toISOString()} now`);
    this.#broker.balanced.queue.schedule();
    this.#onChange();
  }

  /** A connection is over. Its supervisor may come back on another one. */
  closed(supervisor: Supervisor, peer: Peer, error: Error | undefined): void {
    if (supervisor.peer !== peer || !this.#supervisors.has(supervisor.run)) return;
    this.#log.info(
      `the connection to a supervisor ended: ${supervisor.name}`,
      ...(error ? [error.message] : []),
    );
    supervisor.away = setTimeout(() => this.#gone(supervisor), Math.min(this.#lease, longestAbsence));
    this.#onChange();
  }

  #gone(supervisor: Supervisor): void {
    this.#log.warn(`a supervisor left: ${supervisor.name}`);
    this.#supervisors.delete(supervisor.run);
    this.#broker.supervisorLeft(supervisor);
    this.#onChange();
  }

  /** Tells all of them that this is the end, and waits for none. */
  farewell(reason: string): void {
    for (const { peer } of this.#supervisors.values())
      peer.tell({ type: 'controller_ending', content: { reason } });
  }

  /** Lets go of all of them. */
  close(): void {
    for (const { peer, away } of this.#supervisors.values()) {
      clearTimeout(away);
      peer.link.close();
    }
  }
}
