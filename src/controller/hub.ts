import { hostname } from 'node:os';
import { IpclusterError, isIpclusterError } from '../base/errors.js';
import { packageVersion } from '../base/package.js';
import { isSignal } from '../base/signals.js';
import { clientRequests, observerRequests } from '../protocol/client-requests.js';
import type { ClientToController } from '../protocol/conversations/client-controller.js';
import { type Handlers, handle } from '../protocol/conversations/handlers.js';
import { encodeFrames } from '../protocol/frames.js';
import { checked, isMessage, type Message, type Session } from '../protocol/message.js';
import {
  type EngineName,
  type InterruptOutcome,
  type MessageContents,
  protocolVersion,
  type StatusContent,
  type TaskQuery,
} from '../protocol/messages.js';
import { answer } from '../transport/answer.js';
import type { Link } from '../transport/link.js';
import type { Broker } from './broker.js';
import type { Clients } from './clients.js';
import type { Engine } from './engine.js';
import type { Receipts } from './receipts.js';
import type { Rejoining } from './rejoining.js';
import { resume } from './resume.js';
import type { Store } from './store.js';

/** What the hub speaks for. */
export interface HubParts {
  broker: Broker;
  clients: Clients;
  store: Store;
  receipts: Receipts;
  rejoining: Rejoining;
  session: Session;
  clusterId: string;
  lease: number;
  idleTimeout: number;
  addresses: () => string[];
  /** Lets the supervisors of a batch job join, by its folder. */
  join: (folder: string) => void;
  /** Ends the controller, after the answer is out. */
  shutdown: () => void;
}

/** Answers clients' questions about the cluster: one handler for each. */
export class Hub {
  readonly #parts: HubParts;
  readonly #started = new Date().toISOString();

  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  /** Answers a question; every failure is an answer too. */
  answer(asked: Message, link: Link): Promise<void> {
    return answer(link, this.#parts.session, asked.header, () =>
      handle(this.#handlers, this.#admit(asked, link), 'a client', link),
    );
  }

  /**
   * A question as its table lets it through, of somebody who may ask it. Throws VERSION, PROTOCOL or USAGE.
   */
  #admit(asked: Message, link: Link): Message {
    const { clients } = this.#parts;
    const { msg_type: type, session } = asked.header;
    if (isMessage(asked, 'connection_request')) checkVersion(asked.content);
    const message = checked(asked, clientRequests, 'a client');
    clients.seen(
      message.header,
      link,
      isMessage(message, 'connection_request') ? message.content.key : undefined,
    );
    if (!clients.isObserver(session) || observerRequests.has(type)) return message;
    throw new IpclusterError('PROTOCOL', `An observer only looks on: a ${type} is not for it.`);
  }

  /** The whole picture, from what is known here: no engine is asked. */
  status(): StatusContent {
    const { broker, clients, store, session, addresses, lease, idleTimeout, rejoining } = this.#parts;
    const counts = broker.balanced.queue.counts;
    return {
      status: 'ok',
      controller: {
        host: hostname(),
        pid: process.pid,
        session: session.id,
        version: packageVersion(),
        started: this.#started,
        addresses: addresses(),
        memory: residentBytes(),
        clients: clients.size,
        store: store.where,
        lease,
        idleTimeout,
        rejoining: !rejoining.over,
      },
      engines: broker.engines.describe(),
      givenUp: [...broker.engines.givenUp].map(([id, reason]) => ({ id, reason })),
      lost: broker.engines.past.lost,
      past: broker.engines.past.work,
      ends: broker.engines.past.ends,
      queues: { ...counts, direct: broker.direct.size, completed: broker.balanced.completed },
    };
  }

  readonly #handlers: Handlers<ClientToController, [Link]> = {
    connection_request: ({ content, header }) => {
      if (content.observer) this.#parts.clients.observe(header.session);
      const engines = this.#present();
      return {
        content: { status: 'ok', version: packageVersion(), clusterId: this.#parts.clusterId, engines },
      };
    },
    join_request: ({ content }) => {
      this.#parts.join(content.folder);
      return { content: { status: 'ok' } };
    },
    resume_request: async ({ content, header }, link) => {
      // Whoever comes back must be back before it can be said what is lost.
      await this.#parts.rejoining.settled;
      const left = await resume(this.#parts, header.session, content.pending, link);
      return { content: { status: 'ok', ...left, engines: this.#present() } };
    },
    status_request: () => ({ content: this.status() }),
    abort_request: async ({ content }) => {
      return { content: { status: 'ok', outcomes: await this.#abort(content) } };
    },
    interrupt_request: async ({ content }) => {
      const engines = this.#engines(content.targets);
      const outcomes = await Promise.all(
        engines.map(async ({ id }) => [String(id), await this.#parts.broker.interrupt(id, null)] as const),
      );
      return { content: { status: 'ok', outcomes: Object.fromEntries(outcomes) } };
    },
    restart_request: async ({ content }) => ({
      content: { status: 'ok', ids: await this.#order('restart_request', content.targets) },
    }),
    signal_request: async ({ content }) => ({ content: { status: 'ok', ids: await this.#signal(content) } }),
    queue_request: () => {
      const { broker } = this.#parts;
      const engines = broker.engines.all.map(({ id, assigned, completed }) => {
        const held = (kind: string): string[] =>
          assigned.filter((assignment) => assignment.kind === kind).map((one) => one.id);
        return { id, direct: held('direct'), balanced: held('balanced'), completed };
      });
      return { content: { status: 'ok', engines, unassigned: broker.balanced.queue.unassigned } };
    },
    purge_request: async ({ content: { ids, engines, everybody = false }, header }) => {
      const session = everybody ? undefined : header.session;
      return {
        content: { status: 'ok', ids: await this.#parts.store.ask({ kind: 'purge', ids, engines, session }) },
      };
    },
    records_request: async ({ content: { after, ids, messages } }) => {
      const where = { ...(after !== undefined && { after }), ...(ids && { ids }) };
      const { tasks, bodies, last } = await this.#parts.store.ask({ kind: 'records', ...where, messages });
      return { content: { status: 'ok', tasks, last }, buffers: bodies.map(asBuffer) };
    },
    stop_request: async ({ content }) => ({
      content: { status: 'ok', ids: await this.#order('stop_request', content.targets) },
    }),
    shutdown_request: () => {
      setImmediate(this.#parts.shutdown);
      return { content: { status: 'ok' } };
    },
    query_request: async ({ content }) => {
      checkQuery(content.query);
      return {
        content: {
          status: 'ok',
          records: await this.#parts.store.ask({ kind: 'query', query: content.query }),
        },
      };
    },
    result_request: async ({ content: { id } }) => {
      const found = await this.#parts.store.ask({ kind: 'result', id });
      if (!found) throw new IpclusterError('NOT_FOUND', `No task is known by the id ${id}.`);
      return { content: { status: 'ok', record: found.record }, buffers: found.bodies.map(asBuffer) };
    },
    resubmit_request: async ({ content, header }) => {
      const ids = await Promise.all(
        content.ids.map(async (id) => [id, await this.#resubmit(id, header.session)] as const),
      );
      return { content: { status: 'ok', ids: Object.fromEntries(ids) } };
    },
    watch_request: ({ content }, link) => {
      this.#parts.clients.watch(link, content.on);
      return { content: { status: 'ok' } };
    },
  };

  #present(): EngineName[] {
    return this.#parts.broker.engines.all.map(({ id, uuid, language }) => ({ id, uuid, language }));
  }

  #abort({
    ids,
    targets,
    waiting,
  }: MessageContents['abort_request']): Promise<Record<string, InterruptOutcome>> {
    const { broker } = this.#parts;
    return waiting ? broker.withdraw(ids, targets) : broker.cancel(ids, targets);
  }

  /**
   * An interrupt goes its own way, so that it stops what runs and nothing else; other signals are the
   * supervisors' to send.
   */
  async #signal({ targets, signal }: MessageContents['signal_request']): Promise<number[]> {
    if (!isSignal(signal)) throw new IpclusterError('USAGE', `There is no signal ${signal}.`);
    if (signal !== 'SIGINT') return this.#order('signal_request', targets, { signal });
    const engines = this.#engines(targets);
    await Promise.all(engines.map(({ id }) => this.#parts.broker.interrupt(id, null)));
    return engines.map(({ id }) => id);
  }

  #engines(targets: readonly number[]): Engine[] {
    return targets.map((id) => {
      const engine = this.#parts.broker.engines.get(id);
      if (!engine) throw new IpclusterError('NOT_FOUND', `There is no engine ${id}.`);
      return engine;
    });
  }

  /** Passes an order on to the supervisors whose engines it concerns. */
  async #order(
    type: 'restart_request' | 'stop_request' | 'signal_request',
    targets: readonly number[],
    more = { signal: '' },
  ): Promise<number[]> {
    const { engines: table } = this.#parts.broker;
    const again = targets.filter((id) => !table.get(id) && table.restarting.has(id));
    const engines = this.#engines(targets.filter((id) => !again.includes(id)));
    if (type === 'stop_request') for (const engine of engines) engine.stopping = true;
    // One that could not be started again yet is its supervisor's to start or to give up.
    const supervisors = new Set([
      ...engines.map(({ supervisor }) => supervisor),
      ...again.flatMap((id) => table.supervisorOf(id) ?? []),
    ]);
    const replies = await Promise.all(
      [...supervisors].map((supervisor) => {
        const own = targets.filter((id) => table.supervisorOf(id) === supervisor);
        const asked = supervisor.peer.request({ type, content: { targets: own, ...more } }, 60_000);
        return asked.catch((error: unknown) => {
          // A supervisor without engines ends: where all of its were to stop, its end is the answer.
          const isEnd = type === 'stop_request' && isIpclusterError(error) && error.code === 'CLOSED';
          const stays = table.all.some((engine) => engine.supervisor === supervisor && !engine.stopping);
          if (isEnd && !stays) return { content: { ids: own } };
          throw silentSupervisor(error, own);
        });
      }),
    );
    return replies.flatMap(({ content }) => content.ids);
  }

  async #resubmit(id: string, asker: string): Promise<string> {
    const { store, broker, session } = this.#parts;
    const stored = await store.ask({ kind: 'request', id });
    if (!stored) throw new IpclusterError('NOT_FOUND', `No task is known by the id ${id}.`);
    if (stored.queue === 'direct')
      throw new IpclusterError('USAGE', `${id} was for certain engines: send it again yourself.`);
    return broker.balanced.resubmit(Buffer.from(stored.body), ({ header, metadata, content, buffers }) => {
      const { msg_id, date } = session.header(header.msg_type);
      const next = { ...header, msg_id, date, session: asker };
      const frames = [next, {}, metadata, content].map((part) => Buffer.from(JSON.stringify(part)));
      return { id: next.msg_id, body: Buffer.concat(encodeFrames([...frames, ...buffers])) };
    });
  }
}

/** What a client is told when a supervisor did not answer: its own connection is well. */
function silentSupervisor(error: unknown, ids: readonly number[]): unknown {
  if (!isIpclusterError(error) || (error.code !== 'CLOSED' && error.code !== 'TIMEOUT')) return error;
  const why = error.code === 'CLOSED' ? 'was lost before it answered' : 'has not answered in time';
  return new IpclusterError('NO_ENGINES', `The supervisor of engine ${ids.join(', ')} ${why}.`, {
    transient: true,
  });
}

/** The memory of this process; 0 where it cannot be looked at, since no more files can be opened. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A query reads at most so many records. */
const mostRecords = 10_000;

/** Throws USAGE for a query that makes no sense, or that would keep the store busy for others' loss. */
function checkQuery({ status, limit, ids = [] }: TaskQuery): void {
  const states = ['pending', 'ok', 'error', 'aborted'];
  if (status !== undefined && !states.includes(status))
    throw new IpclusterError('USAGE', `A status is one of ${states.join(', ')}; "${status}" is none.`);
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0 && limit <= mostRecords))
    throw new IpclusterError('USAGE', `A query's limit is a whole number from 1 to ${mostRecords}.`);
  if (ids.length > mostRecords)
    throw new IpclusterError('USAGE', `A query names at most ${mostRecords} ids.`);
}

/** Throws VERSION when the other side speaks another protocol. */
export function checkVersion({ version, protocol }: { version: string; protocol: number }): void {
  if (protocol === protocolVersion) return;
  throw new IpclusterError(
    'VERSION',
    `This controller is ipcluster ${packageVersion()} (protocol ${protocolVersion}); you are ${version} ` +
      `(protocol ${protocol}).`,
  );
}
