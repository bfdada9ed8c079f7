import { hostname } from 'node:os';
import { join as joinPath } from 'node:path';
import { IpclusterError, isIpclusterError, messageOf } from '../base/errors.js';
import { removeFile } from '../base/files.js';
import { newSession } from '../base/identifiers.js';
import { Lease } from '../base/lease.js';
import type { Log } from '../base/log.js';
import { packageVersion } from '../base/package.js';
import type { Deferred } from '../base/wait.js';
import { checkProgram, type EngineProgram } from '../processes/engine-program.js';
import { leaveSocketFolders, removeDeadSockets } from '../profile/sockets.js';
import { Session } from '../protocol/message.js';
import { type AllocationContent, protocolVersion } from '../protocol/messages.js';
import type { Link } from '../transport/link.js';
import { Peer } from '../transport/peer.js';
import type { RestartPolicy } from './crash-loop.js';
import { type DeadlineQuestion, DeadlineWatch } from './deadline.js';
import { EngineSet } from './engine-set.js';
import type { EngineSettings } from './engine-settings.js';
import { GatewayProcess } from './gateway-process.js';
import { type JoinOptions, joinController, rejoinController } from './join.js';
import { Relay } from './relay.js';

/** A socket on which nobody has listened for so long is nobody's (milliseconds). */
const longDead = 60_000;

export interface SuperviseOptions {
  settings: EngineSettings;
  /** What engines are, where they are not our own. */
  program: EngineProgram | undefined;
  /** True when they are connected without encryption on this machine. */
  plain: boolean;
  profileFolder: string;
  /** Names this supervisor across its connections. */
  run: string;
  count: number;
  restart: RestartPolicy;
  /** Ids to ask for; none means whatever comes next. */
  ids: readonly number[];
  /** The batch job that this is part of. */
  allocation: AllocationContent | undefined;
  /** How the scheduler is asked for the end of that job. */
  question: DeadlineQuestion | undefined;
  /** Which rank of an MPI job this is. */
  rank: number | undefined;
  join: Omit<JoinOptions, 'jobFolder' | 'log' | 'signal'>;
  log: Log;
  /** Settles when it is time to end, with the reason. */
  end: Deferred<string>;
}

/**
 * A supervisor's life: engines start and the controller is looked for side by side; then both are joined,
 * until somebody wants the end, the controller is gone for too long, or no engine is left. Nothing of it
 * stays behind.
 */
export async function supervise(options: SuperviseOptions): Promise<void> {
  const { count, restart, log, end, program } = options;
  const gateway = program && (await openGateway(options, program));
  const settings = { ...options.settings, foreign: gateway?.foreign };
  const stop = new AbortController();
  const session = new Session(newSession());
  const relay = new Relay(session, (reason) => end.resolve(`the controller ends: ${reason}`));
  const engines = new EngineSet(settings, restart, log, relay);
  const watch = watchDeadline(options, relay);
  try {
    // What a scheduler's KILL has left on this node goes when the next one comes, which does not wait for it.
    removeDeadSockets(longDead).catch((error: unknown) =>
      log.warn('dead sockets were left', messageOf(error)),
    );
    gateway?.onLost((again) =>
      again ? engines.restartAll() : end.resolve('the gateway of its engines ended again and again'),
    );
    await engines.start(count);
    await gateway?.process.start();
    void engines.empty.then(end.resolve);
    new Membership(options, session, relay, engines, stop.signal).run().catch(end.reject);
    const reason = await end.promise;
    if (engines.failed && engines.all.length === 0)
      throw new IpclusterError('JOB_FAILED', `ending: ${reason}`, { suggestions: [] });
    log.info(`ending: ${reason}`);
  } finally {
    stop.abort();
    watch?.end();
    await engines.close();
    await gateway?.process.close();
    await removeFile(settings.socketPath);
    await leaveSocketFolders();
  }
}

/** A new end of the job is told, and noted for a controller that comes later. */
function watchDeadline(
  { allocation, question, log }: SuperviseOptions,
  relay: Relay,
): DeadlineWatch | undefined {
  if (!question || !allocation) return undefined;
  return new DeadlineWatch(question, allocation.deadline, log, (deadline) => {
    allocation.deadline = deadline;
    relay.deadline(deadline);
  });
}

/** What engines of another program need: that it is there, and a gateway. Throws PYTHON. */
async function openGateway(
  { settings, plain, profileFolder, join, log }: SuperviseOptions,
  program: EngineProgram,
) {
  await checkProgram(program);
  let onLost = (_again: boolean): void => {};
  const process = new GatewayProcess({
    socketPath: settings.socketPath,
    mark: settings.mark,
    plain,
    log,
    onLost: (again) => onLost(again),
    logFile: joinPath(settings.logFolder, `gateway-${hostname()}-${globalThis.process.pid}.log`),
  });
  const foreign = { program, file: process.file, profileFolder, timeout: join.timeout };
  return {
    process,
    foreign,
    onLost: (handle: typeof onLost) => {
      onLost = handle;
    },
  };
}

/** The connection to the controller: found, lost, and found again for as long as the lease lasts. */
class Membership {
  readonly #options: SuperviseOptions;
  readonly #session: Session;
  readonly #relay: Relay;
  readonly #engines: EngineSet;
  readonly #join: JoinOptions;

  constructor(
    options: SuperviseOptions,
    session: Session,
    relay: Relay,
    engines: EngineSet,
    signal: AbortSignal,
  ) {
    const { join, log } = options;
    this.#options = options;
    this.#session = session;
    this.#relay = relay;
    this.#engines = engines;
    this.#join = { ...join, jobFolder: process.env['IPCLUSTER_JOB_DIR'], log, signal };
  }

  /** Rejects when the controller cannot be joined at first, or refuses us. */
  async run(): Promise<void> {
    const { log } = this.#options;
    let { link, file } = await joinController(this.#join);
    for (;;) {
      link.keepLease(file.lease);
      let silent = false;
      try {
        await this.#register(link);
        const error = await link.closed;
        silent = link.lapsed;
        log.warn('the connection to the controller ended', ...(error ? [error.message] : []));
      } catch (error) {
        if (!isIpclusterError(error) || !error.transient) throw error;
        log.warn('not registered', messageOf(error));
      }
      this.#relay.disconnect();
      ({ link, file } = await this.#rejoin(file.cluster, file.lease, silent));
    }
  }

  /**
   * Looks for the controller again. A lease without it ends what has not begun, a second one everything; the
   * first is over already where the link ended by silence.
   */
  async #rejoin(
    cluster: string,
    duration: number,
    silent: boolean,
  ): Promise<{ link: Link; file: Awaited<ReturnType<typeof joinController>>['file'] }> {
    const { log, end } = this.#options;
    const over = (): void => end.resolve(`no controller for ${(2 * duration) / 1000} s`);
    const lastLease = (): Lease => {
      log.warn(`no controller for ${duration / 1000} s: what runs may finish, for as long again`);
      this.#engines.finishRunning();
      return new Lease(duration, over);
    };
    let lease = silent
      ? lastLease()
      : new Lease(duration, () => {
          lease = lastLease();
        });
    try {
      return await rejoinController(this.#join, cluster);
    } finally {
      lease.end();
    }
  }

  async #register(link: Link): Promise<void> {
    const { run, ids, count, log, allocation, rank } = this.#options;
    const peer = new Peer(link, this.#session);
    peer.onPacket((packet) => this.#relay.receive(packet));
    const children = this.#engines.all;
    const known = children.filter((child) => child.has('up'));
    const content = {
      version: packageVersion(),
      protocol: protocolVersion,
      host: hostname(),
      pid: process.pid,
      run,
      rank: rank ?? null,
      allocation: allocation ?? null,
      count: children.length || count,
      ids: children.every(({ id }) => id < 0) ? [...ids] : children.map(({ id }) => id),
      engines: known.map((child) => this.#relay.describe(child)),
    };
    const reply = await peer.request({ type: 'registration_request', content });
    this.#engines.name(children, reply.content.ids);
    this.#relay.connect(peer, this.#engines);
    log.info(`joined as ${reply.content.supervisor} with engines ${reply.content.ids.join(' ')}`);
  }
}
