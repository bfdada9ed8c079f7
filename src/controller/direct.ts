import { basename, join } from 'node:path';
import { type MemoryFile, readMemoryFile, removeMemoryFile } from '../base/memory-files.js';
import { decodeFrames, encodeFrames, messageFrames } from '../protocol/frames.js';
import { headerOf } from '../protocol/message.js';
import type { InterruptOutcome } from '../protocol/messages.js';
import type { DirectRoute, ReplyStatus } from '../protocol/routes.js';
import { assign, type Engine, type EngineTable, type Node } from './engine-table.js';
import type { Asked, Replies } from './replies.js';
import type { Store } from './store.js';

interface Pending extends Asked {
  left: Set<number>;
  files: MemoryFile[];
}

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

  constructor(engines: EngineTable, replies: Replies, store: Store, memory: string) {
    this.#memory = memory;
    this.#engines = engines;
    this.#replies = replies;
    this.#store = store;
  }

  get size(): number {
    return this.#pending.size;
  }

  has(id: string): boolean {
    return this.#pending.has(id);
  }

  /** Sends a request on: once to each node, whatever the number of its engines. Who asked is looked up when it is on its way. */
  submit({ id, to, files: given = [] }: DirectRoute, body: Buffer): void {
    const files = given.map((file) => ({ ...file, path: join(this.#memory, basename(file.path)) }));
    const outbound: Outbound = { id, body, files };
    const nodes = new Map<Node, number[]>();
    const missing: number[] = [];
    for (const target of new Set(to)) {
      const engine = this.#engines.get(target);
      if (engine) {
        assign(engine, id, 'direct');
        nodes.set(engine.node, [...(nodes.get(engine.node) ?? []), target]);
      } else if (this.#engines.restarting.has(target)) {
        this.#parked.set(target, [...(this.#parked.get(target) ?? []), outbound]);
      } else {
        missing.push(target);
      }
    }
    for (const [node, targets] of nodes) send(node, targets, outbound);
    this.#note(outbound, to, missing);
  }

  #note({ id, body, files }: Outbound, to: readonly number[], missing: readonly number[]): void {
    const { header, bytes, metadata } = headerOf(body);
    const pending: Pending = { id, session: header.session, type: header.msg_type, header: bytes, left: new Set(to), files };
    this.#pending.set(id, pending);
    const row = { id, session: header.session, queue: 'direct' as const, type: header.msg_type, submitted: header.date };
    const label = metadata()['label'];
    this.#store.submitted({ ...row, label: typeof label === 'string' ? label : null, targets: pending.left.size }, undefined);
    for (const target of missing) this.#fail(pending, target, `Engine ${target} is not there.`);
  }

  /** An engine is there again: what was sent to it meanwhile goes on. */
  unpark(engine: Engine): void {
    for (const outbound of this.#parked.get(engine.id) ?? []) {
      assign(engine, outbound.id, 'direct');
      send(engine.node, [engine.id], outbound);
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
    if (!pending?.left.delete(engine)) return pending !== undefined;
    this.#replies.pass(pending, status, engine, body);
    this.#forgetIfOver(pending);
    return true;
  }

  /** An engine that had this request is over. Direct requests are never run again elsewhere. */
  lost(id: string, engine: number, reason: string): void {
    const pending = this.#pending.get(id);
    if (pending?.left.has(engine)) this.#fail(pending, engine, `Engine ${engine} ended (${reason}) before it answered.`);
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

  #fail(pending: Pending, engine: number, evalue: string): void {
    pending.left.delete(engine);
    this.#replies.fail(pending, 'EngineError', evalue, engine);
    this.#forgetIfOver(pending);
  }

  #forgetIfOver({ id, left, files }: Pending): void {
    if (left.size > 0) return;
    this.#pending.delete(id);
    for (const { path } of files) removeMemoryFile(path);
  }
}

/** Sends a request to the engines of one node; to a node elsewhere with everything in it. */
function send({ peer: { link } }: Node, to: number[], { id, body, files }: Outbound): void {
  if (files.length === 0) return link.send({ channel: 'direct', id, to }, [body]);
  if (link.local) return link.send({ channel: 'direct', id, to, files }, [body]);
  const frames = decodeFrames(body);
  for (const file of files) frames[file.index + messageFrames] = readMemoryFile(file);
  link.send({ channel: 'direct', id, to }, encodeFrames(frames));
}
