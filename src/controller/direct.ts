import { basename, join } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { isMemoryFile, type MemoryFile, readMemoryFile, removeMemoryFile } from '../base/memory-files.js';
import { decodeFrames, encodeFrames, messageFrames } from '../protocol/frames.js';
import type { Header } from '../protocol/header.js';
import { type Head, headerOf } from '../protocol/message.js';
import type { Evidence, InterruptOutcome } from '../protocol/messages.js';
import type { DirectRoute, ReplyStatus } from '../protocol/routes.js';
import { assign, type Engine } from './engine.js';
import type { EngineTable } from './engine-table.js';
import type { Asked, Failure, Replies } from './replies.js';
import type { Store } from './store.js';
import type { Supervisor } from './supervisor.js';
import { languageOf, readLabel, wrongLanguage } from './tasks.js';

interface Pending extends Asked {
  left: Set<number>;
  files: MemoryFile[];
  /** Bytes of the request, which wait with the engines until all have answered. */
  bytes: number;
}

/** Direct requests up to this size are kept whole (bytes). */
const smallRequest = 4096;

/** A request as it goes to a node. */
interface Outbound {
  id: string;
  body: Buffer;
  files: MemoryFile[];
}

/** Direct requests: each goes to the engines named, once, and every engine answers for itself. */
export class DirectRequests {
  readonly #engines: EngineTable;
  readonly #replies: Replies;
  readonly #store: Store;
  /** Where clients of this host leave large frames; nothing else is read or removed. */
  readonly #memory: string;
  readonly #pending = new Map<string, Pending>();
  /** Requests for engines that are being restarted. */
  readonly #parked = new Map<number, Outbound[]>();
  #expecting: boolean;
  #bytes = 0;

  /** `expecting` says that engines of an earlier controller may still come back, until {@link settle}. */
  constructor(engines: EngineTable, replies: Replies, store: Store, memory: string, expecting: boolean) {
    this.#expecting = expecting;
    this.#memory = memory;
    this.#engines = engines;
    this.#replies = replies;
    this.#store = store;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** True while engines of an earlier controller may still come back. */
  get expecting(): boolean {
    return this.#expecting;
  }

  /** Bytes of requests that are not answered yet. */
  get bytes(): number {
    return this.#bytes;
  }

  has(id: string): boolean {
    return this.#pending.has(id);
  }

  /**
   * Sends a request on: once to each node, whatever the number of its engines. Who asked is looked up when it
   * is on its way.
   */
  submit(
    { id, to, files: given = [] }: DirectRoute,
    body: Buffer,
    { header, bytes, metadata }: Head = headerOf(body),
  ): void {
    const facts = metadata();
    const language = languageOf(header.msg_type, facts);
    const label = readLabel(facts);
    const files = given.map((file) => this.#find(file));
    const outbound: Outbound = { id, body, files };
    const supervisors = new Map<Supervisor, number[]>();
    const missing: number[] = [];
    const foreign: Engine[] = [];
    for (const target of new Set(to)) {
      const engine = this.#engines.get(target);
      if (engine && language !== undefined && engine.language !== language) foreign.push(engine);
      else if (engine && !engine.supervisor.away) {
        assign(engine, id, 'direct');
        supervisors.set(engine.supervisor, [...(supervisors.get(engine.supervisor) ?? []), target]);
      } else if (engine || this.#expecting || this.#engines.restarting.has(target)) {
        this.#parked.set(target, [...(this.#parked.get(target) ?? []), outbound]);
      } else {
        missing.push(target);
      }
    }
    for (const [supervisor, targets] of supervisors) send(supervisor, targets, outbound);
    const pending = this.#note(outbound, to, header, bytes, label);
    for (const target of missing)
      this.#fail(pending, target, { ename: 'EngineError', evalue: `Engine ${target} is not there.` });
    for (const engine of foreign) {
      const evalue = wrongLanguage(language ?? '', `engine ${engine.id} runs ${engine.language}`);
      this.#fail(pending, engine.id, { ename: 'WrongLanguage', evalue });
    }
  }

  #note(
    { id, body, files }: Outbound,
    to: readonly number[],
    header: Header,
    bytes: Buffer,
    label: string | null,
  ): Pending {
    const size = body.length + files.reduce((sum, file) => sum + file.size, 0);
    const asked: Asked = { id, session: header.session, type: header.msg_type, header: bytes };
    // Other engines may have it already, from a controller before this one: each of them answers for itself.
    const known = this.#pending.get(id);
    const pending: Pending = {
      ...asked,
      left: new Set([...(known?.left ?? []), ...to]),
      files,
      bytes: size + (known?.bytes ?? 0),
    };
    this.#pending.set(id, pending);
    this.#bytes += size;
    const row = { id, session: header.session, queue: 'direct' as const, type: header.msg_type };
    this.#store.submitted(
      { ...row, submitted: new Date().toISOString(), label, targets: pending.left.size },
      outline(body),
    );
    return pending;
  }

  /** Who asked for a request that is not answered. */
  sessionOf(id: string): string | undefined {
    return this.#pending.get(id)?.session;
  }

  /**
   * A frame that a client says it has left in memory of this host. Throws NOT_FOUND where there is none of
   * that size: somebody has removed it.
   */
  #find({ index, path, size }: MemoryFile): MemoryFile {
    const file = { index, path: join(this.#memory, basename(path)), size };
    if (this.#memory !== '' && isMemoryFile(file)) return file;
    throw new IpclusterError(
      'NOT_FOUND',
      `A large array of this request, left in memory of this host, is not there: ${basename(path)}`,
    );
  }

  /** An engine that came back holds this request; who asked stands in its header. */
  claim(header: Header, engine: Engine): void {
    const { msg_id: id, session, msg_type: type } = header;
    const known = this.#pending.get(id);
    const bytes = Buffer.from(JSON.stringify(header));
    const pending = known ?? {
      id,
      session,
      type,
      header: bytes,
      left: new Set<number>(),
      files: [],
      bytes: 0,
    };
    pending.left.add(engine.id);
    this.#pending.set(id, pending);
    assign(engine, id, 'direct');
  }

  /** Nobody comes back any more: what was sent to engines that are not there fails. */
  settle(): void {
    this.#expecting = false;
    for (const engine of this.#parked.keys())
      if (!this.#engines.get(engine) && !this.#engines.restarting.has(engine))
        this.abandon(engine, 'it did not come back');
  }

  /** An engine is there again: what was sent to it meanwhile goes on. */
  unpark(engine: Engine): void {
    for (const outbound of this.#parked.get(engine.id) ?? []) {
      assign(engine, outbound.id, 'direct');
      send(engine.supervisor, [engine.id], outbound);
    }
    this.#parked.delete(engine.id);
  }

  /** An engine will not be there again. */
  abandon(engine: number, reason: string): void {
    const parked = this.#parked.get(engine) ?? [];
    this.#parked.delete(engine);
    for (const { id } of parked) this.lost(id, engine, reason);
  }

  /** An engine has answered; false when the request is none of ours. */
  reply(id: string, engine: number, status: ReplyStatus, body: Buffer): boolean {
    const pending = this.#pending.get(id);
    if (!pending) return false;
    if (!pending.left.delete(engine)) {
      this.#store.mark();
      return true;
    }
    this.#replies.pass(pending, status === 'unmet' || status === 'short' ? 'error' : status, engine, body);
    this.#forgetIfOver(pending);
    return true;
  }

  /** An engine that had this request is over. Direct requests are never run again elsewhere. */
  lost(id: string, engine: number, reason: string, evidence?: Evidence): void {
    const pending = this.#pending.get(id);
    const evalue = `Engine ${engine} ended (${reason}) before it answered.`;
    if (pending?.left.has(engine))
      this.#fail(pending, engine, { ename: 'EngineError', evalue, lastLines: evidence?.lastLines });
  }

  /** The request was taken out of an engine's queue, so that engine will not answer. */
  removed(id: string, engine: number, how: InterruptOutcome): void {
    const pending = this.#pending.get(id);
    if (!pending?.left.delete(engine)) return;
    this.#replies.aborted(pending, how, engine);
    this.#forgetIfOver(pending);
  }

  /** The engines that have not answered a request yet. */
  enginesOf(id: string): number[] {
    return [...(this.#pending.get(id)?.left ?? [])];
  }

  #fail(pending: Pending, engine: number, failure: Failure): void {
    pending.left.delete(engine);
    this.#replies.fail(pending, { ...failure, engine });
    this.#forgetIfOver(pending);
  }

  #forgetIfOver({ id, left, files, bytes }: Pending): void {
    if (left.size > 0) return;
    this.#pending.delete(id);
    this.#bytes -= bytes;
    for (const { path } of files) removeMemoryFile(path);
  }
}

/** What the store keeps of a direct request: all of a small one, else what it was without its buffers. */
function outline(body: Buffer): Buffer {
  if (body.length <= smallRequest) return body;
  return Buffer.concat(encodeFrames(decodeFrames(body).slice(0, messageFrames)));
}

/** Sends a request to the engines of one node; to a node elsewhere with everything in it. */
function send({ peer: { link } }: Supervisor, to: number[], { id, body, files }: Outbound): void {
  if (files.length === 0) return link.send({ channel: 'direct', id, to }, [body]);
  if (link.local) return link.send({ channel: 'direct', id, to, files }, [body]);
  const frames = decodeFrames(body);
  for (const file of files) frames[file.index + messageFrames] = readMemoryFile(file);
  link.send({ channel: 'direct', id, to }, encodeFrames(frames));
}
