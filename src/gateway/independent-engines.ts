import { hostname } from 'node:os';
import { IpclusterError } from '../base/errors.js';
import { newSession } from '../base/identifiers.js';
import type { Log } from '../base/log.js';
import { packageVersion } from '../base/package.js';
import { signalOf } from '../base/signals.js';
import { poll } from '../base/wait.js';
import type { Handlers } from '../protocol/conversations/handlers.js';
import type { ControllerToSupervisor } from '../protocol/conversations/supervisor-controller.js';
import { encodeFrames } from '../protocol/frames.js';
import { decodeMessage, Session } from '../protocol/message.js';
import { type InterruptOutcome, protocolVersion } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import type { ReplyStatus } from '../protocol/routes.js';
import { gatewayName } from '../transport/gateway-door.js';
import type { Link } from '../transport/link.js';
import { Peer } from '../transport/peer.js';
import type { EngineHost, EngineSide } from './engine-side.js';
import type { PythonEngine } from './python-engine.js';

/** Code that was interrupted must end within this time (milliseconds). */
const interruptTime = 5000;
/**
 * Engines that are asked to end must have done so within this time (milliseconds): IPython's nannies try as
 * long.
 */
const farewellTime = 3000;
/** Engines of the gateway before are waited for so long (milliseconds). */
const adoptionTime = 3000;

/**
 * Engines of Python that somebody started by himself and that have no supervisor of ours: the gateway speaks
 * for them to the controller. It can ask them to stop, but not start them again.
 */
export class IndependentEngines implements EngineHost {
  readonly #peer: Peer;
  readonly #log: Log;
  #side: EngineSide | undefined;
  /** Told when an engine is ready, until all engines of the gateway before are, or are given up. */
  #whenReady: () => void = () => {};
  /** Engines that were asked to end and whose nanny has not said goodbye. */
  readonly #leaving = new Set<unknown>();

  private constructor(peer: Peer, log: Log) {
    this.#peer = peer;
    this.#log = log;
  }

  /** Registers with the controller, and asks for the ids that engines of the gateway before had. */
  static async join(
    link: Link,
    lease: number,
    known: readonly { id: number }[],
    log: Log,
  ): Promise<IndependentEngines> {
    link.keepLease(lease);
    const host = new IndependentEngines(new Peer(link, new Session(newSession())), log);
    host.#peer.onPacket((packet) => host.#receive(packet));
    const who = {
      version: packageVersion(),
      protocol: protocolVersion,
      host: hostname(),
      pid: process.pid,
      run: gatewayName,
    };
    const content = {
      ...who,
      count: known.length,
      ids: known.map(({ id }) => id),
      rank: null,
      allocation: null,
      engines: [],
    };
    await host.#peer.request({ type: 'registration_request', content });
    return host;
  }

  /** From now on requests go to the engines there. */
  serve(side: EngineSide, known: readonly { id: number; uuid: string }[]): void {
    this.#side = side;
    for (const { id, uuid } of known) side.adopt(uuid, id);
    const silent = (): string[] =>
      known.flatMap(({ uuid }) => (side.engines.get(uuid)?.ready === false ? uuid : []));
    const late = setTimeout(() => {
      for (const uuid of silent()) side.forget(uuid);
      this.#whenReady();
    }, adoptionTime).unref();
    this.#whenReady = (): void => {
      if (silent().length > 0) return;
      clearTimeout(late);
      this.#whenReady = () => {};
      this.#peer.tell({ type: 'caught_up', content: {} });
    };
    this.#whenReady();
  }

  async admit(_uuid: string, wanted: number | undefined): Promise<number> {
    const reply = await this.#peer.request(
      { type: 'places_request', content: { ids: [wanted ?? -1] } },
      4000,
    );
    return reply.content.ids[0] ?? -1;
  }

  ready({ id, uuid }: PythonEngine): void {
    const content = { id, uuid, pid: 0, language: 'python', log: null, restarts: 0, cpus: null, gpus: null };
    this.#peer.tell({ type: 'engine_up', content });
    this.#whenReady();
  }

  reply(engine: PythonEngine, id: string, status: ReplyStatus, frames: Buffer[]): void {
    this.#peer.link.send({ channel: 'reply', id, status, from: engine.id }, encodeFrames(frames));
  }

  output(engine: PythonEngine, id: string, session: string, frames: Buffer[]): void {
    this.#peer.link.send({ channel: 'output', id, session, from: engine.id }, encodeFrames(frames));
  }

  gone({ id, uuid, held }: PythonEngine, reason: string, orderly: boolean): void {
    const started = [...held.values()].map((request) => request.id);
    const evidence = {
      exit: reason,
      lastLines: [],
      memory: null,
      crash: !orderly && started.length > 0,
      started,
    };
    this.#log.info(`engine ${id} of Python is over: ${reason}`);
    this.#peer.tell({ type: 'engine_down', content: { id, uuid, reason, restarting: false, evidence } });
  }

  /**
   * Asks all engines to end, and waits for the farewell of each nanny, for three seconds at most: one that
   * finds nobody to pass its engine's last answer to waits for ever.
   */
  async endAll(): Promise<void> {
    const ids = [...(this.#side?.engines.values() ?? [])].map(({ id }) => id);
    for (const id of ids) this.#leaving.add(id);
    this.#tell(ids, 'shutdown_request', { restart: false });
    await poll(() => (this.#leaving.size === 0 ? true : undefined), { timeout: farewellTime }, 10);
  }

  departed(id: unknown): void {
    this.#leaving.delete(id);
  }

  close(): void {
    this.#peer.link.close();
  }

  #engine(id: number): PythonEngine | undefined {
    return this.#side?.byId(id);
  }

  #receive({ route, body }: Packet): void {
    if (route.channel === 'direct' || route.channel === 'balanced') {
      for (const id of route.to) {
        const engine = this.#engine(id);
        if (engine) this.#side?.run(engine.uuid, route.id, body);
      }
    } else if (route.channel === 'hub')
      void this.#peer.answer(decodeMessage(body), this.#orders, 'the controller');
  }

  readonly #orders: Handlers<ControllerToSupervisor> = {
    cancel_request: async ({ content: { engine, id } }) => ({
      content: { status: 'ok', outcome: await this.#cancel(engine, id) },
    }),
    reclaim_request: ({ content: { engine, ids } }) => {
      const held = this.#engine(engine);
      return { content: { status: 'ok', ids: ids.filter((id) => held?.takeBack(id)) } };
    },
    stop_request: ({ content: { targets } }) => ({
      content: { status: 'ok', ids: this.#tell(targets, 'shutdown_request', { restart: false }) },
    }),
    signal_request: ({ content: { targets, signal } }) => ({
      content: { status: 'ok', ids: this.#tell(targets, 'signal_request', { sig: signalOf(signal) }) },
    }),
    restart_request: ({ content: { targets } }) => {
      throw new IpclusterError(
        'USAGE',
        `Nobody here knows how engine ${targets.join(', ')} was started: start it again where you did.`,
      );
    },
    // Their answers are not kept: a gateway and its controller end together, by what closes both.
    committed: () => {},
    controller_ending: () => {},
  };

  #tell(targets: readonly number[], type: string, content: object): number[] {
    const engines = targets.flatMap((id) => this.#engine(id) ?? []);
    for (const engine of engines) this.#side?.tell(engine, type, content);
    return engines.map(({ id }) => id);
  }

  /** Takes a request out of the queue, or interrupts the code that runs, as its nanny does it. */
  async #cancel(id: number, request: string | null): Promise<InterruptOutcome> {
    const engine = this.#engine(id);
    if (!engine) return 'unknown';
    if (request !== null && engine.takeBack(request)) return 'removed';
    const aimed = [...engine.held.values()].find((held) => request === null || held.id === request);
    if (!aimed) return 'finished';
    this.#side?.tell(engine, 'signal_request', { sig: 'SIGINT' });
    const over = await poll(
      () => ([...engine.held.values()].includes(aimed) ? undefined : true),
      { timeout: interruptTime },
      20,
    );
    return over ? 'interrupted' : 'unknown';
  }
}
