import { encodeFrames } from '../protocol/frames.js';
import { decodeMessage, headerOf, isMessage, type Message, replyTypeOf, type Session } from '../protocol/message.js';
import type { EngineUp, HeldRequest, InterruptOutcome, MessageContents } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import type { Peer } from '../transport/peer.js';
import type { Assigned, EngineChild } from './engine-child.js';
import type { EngineEnd, EngineListener, EngineSet } from './engine-set.js';
import { interruptRequest } from './interrupt.js';
import { KeptReplies } from './kept-replies.js';

/** So many bytes may wait for the controller; then engines have to. */
const highWater = 64 * 1024 * 1024;

/** Between the controller and the engines of this node: passes requests, replies and output on, and carries out orders. */
export class Relay implements EngineListener {
  /** Replies that the controller may not have. */
  readonly kept = new KeptReplies();
  /** Told when the controller says that it is about to end. */
  onFarewell: (reason: string) => void = () => {};
  #peer: Peer | undefined;
  #engines: EngineSet | undefined;
  /** What a controller has sent right behind its answer to our registration, before the ids in that were given to the engines. */
  #early: Packet[] = [];
  readonly #announced = new WeakSet<EngineChild>();
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** What a controller is told of an engine that is up. */
  describe(child: EngineChild): EngineUp & { held: HeldRequest[] } {
    this.#announced.add(child);
    const { id, uuid, pid, logFile, restarts, handed, waiting, placement } = child;
    const held = [...handed, ...waiting].map(({ queue, body }) => ({ queue, header: headerOf(body).header }));
    const up = {
      id,
      uuid,
      pid,
      language: child.language,
      log: logFile,
      restarts,
      cpus: placement?.cpus ?? null,
      gpus: placement?.gpus ?? null,
    };
    return { ...up, held: [...this.kept.heldBy(id), ...held] };
  }

  /** That controller knows us now: it gets what was kept, and from now on its packets reach those engines. */
  connect(peer: Peer, engines: EngineSet): void {
    this.#peer = peer;
    this.#engines = engines;
    for (const { route, body } of this.kept.restart()) peer.link.send(route, [body]);
    for (const child of engines.all) if (child.isUp && !this.#announced.has(child)) this.up(child);
    peer.tell({ type: 'caught_up', content: {} });
    for (const packet of this.#early.splice(0)) this.receive(packet);
  }

  /** The connection is over; replies are kept until there is another. */
  disconnect(): void {
    this.#peer = undefined;
    this.#early = [];
  }

  up(child: EngineChild): void {
    if (!this.#peer) return;
    const { held: _held, ...content } = this.describe(child);
    this.#peer.tell({ type: 'engine_up', content });
  }

  down(child: EngineChild, { reason, evidence }: EngineEnd, next: EngineChild | undefined): void {
    const { id, uuid, aimed } = child;
    if (next && aimed && child.handed.includes(aimed)) {
      this.#answerAborted(child, aimed, 'restarted');
      child.drop(aimed.id, child.handed);
    }
    const content = { id, uuid, reason, restarting: next !== undefined, evidence };
    this.#peer?.tell({ type: 'engine_down', content });
  }

  facts(content: MessageContents['engine_facts']): void {
    this.#peer?.tell({ type: 'engine_facts', content });
  }

  deadline(deadline: number): void {
    this.#peer?.tell({ type: 'deadline', content: { deadline } });
  }

  renumbered(ids: ReadonlyMap<number, number>): void {
    this.kept.renumber(ids);
  }

  full(): boolean {
    return (this.#peer?.link.backlog ?? 0) > highWater;
  }

  packet(child: EngineChild, { route, body }: Packet): void {
    if (route.channel === 'reply') {
      // Code that finds the socket may say what it likes: only what was asked of this very engine is an answer.
      const asked = child.handed.find(({ id }) => id === route.id);
      if (asked) this.#reply(child, route, body, asked);
    } else if (route.channel === 'output') this.#peer?.link.send({ ...route, from: child.id }, [body]);
  }

  stopped(child: EngineChild, request: Assigned): void {
    this.#answerAborted(child, request, 'removed');
  }

  #reply(child: EngineChild, given: Extract<Packet['route'], { channel: 'reply' }>, body: Buffer, { queue }: Assigned): void {
    const route = { ...given, from: child.id };
    this.kept.add({ engine: child.id, queue, route, body });
    this.#peer?.link.send(route, [body]);
  }

  /** A packet of the controller. */
  receive(packet: Packet): void {
    const { route, body } = packet;
    if (!this.#peer) this.#early.push(packet);
    else if (route.channel === 'direct' || route.channel === 'balanced') {
      const files = route.channel === 'direct' ? route.files : undefined;
      for (const id of route.to) this.#engines?.find(id)?.assign(route.id, route.channel, body, files);
    } else if (route.channel === 'hub') {
      const message = decodeMessage(body);
      if (isMessage(message, 'committed')) this.kept.committed(message.content.count);
      else if (isMessage(message, 'controller_ending')) this.onFarewell(message.content.reason);
      else void this.#order(message);
    }
  }

  async #order(message: Message): Promise<void> {
    const [peer, engines] = [this.#peer, this.#engines];
    if (!peer || !engines) return;
    const { header } = message;
    if (isMessage(message, 'cancel_request')) {
      const { engine, id } = message.content;
      peer.tell({ type: 'cancel_reply', content: { status: 'ok', outcome: await this.#cancel(engines, engine, id) } }, header);
    } else if (isMessage(message, 'reclaim_request')) {
      const child = engines.find(message.content.engine);
      const ids = child ? await takeBack(engines, child, message.content.ids) : [];
      peer.tell({ type: 'reclaim_reply', content: { status: 'ok', ids } }, header);
    } else if (isMessage(message, 'signal_request')) {
      const ids = engines.signal(message.content.targets, message.content.signal);
      peer.tell({ type: 'signal_reply', content: { status: 'ok', ids } }, header);
    } else if (isMessage(message, 'restart_request')) {
      const ids = await endAll(engines, message.content.targets, 'restart');
      peer.tell({ type: 'restart_reply', content: { status: 'ok', ids } }, header);
    } else if (isMessage(message, 'stop_request')) {
      const ids = await endAll(engines, message.content.targets, 'stop');
      peer.tell({ type: 'stop_reply', content: { status: 'ok', ids } }, header);
    }
  }

  async #cancel(engines: EngineSet, engine: number, id: string | null): Promise<InterruptOutcome> {
    const child = engines.find(engine);
    if (!child) return 'unknown';
    return interruptRequest(
      {
        aim: (aimed, sequence) => engines.aim(aimed, sequence),
        restart: (aimed) => engines.end(aimed, 'restart'),
      },
      child,
      id,
    );
  }

  /** Answers in the place of an engine that will not: it is restarted for that request, or never got it. */
  #answerAborted(child: EngineChild, request: Assigned, how: InterruptOutcome): void {
    const { bytes, header } = headerOf(request.body);
    const parts = [
      this.#session.header(replyTypeOf(header.msg_type)),
      { engine: child.uuid, engine_id: child.id, status: 'aborted' },
      { status: 'aborted', how },
    ].map((part) => Buffer.from(JSON.stringify(part)));
    const [replyHeader, metadata, content] = parts as [Buffer, Buffer, Buffer];
    const reply = Buffer.concat(encodeFrames([replyHeader, bytes, metadata, content]));
    this.#reply(child, { channel: 'reply', id: request.id, status: 'aborted' }, reply, request);
  }
}

/** Takes requests back that have not begun: here, or in the engine, whose main thread is busy with another. */
async function takeBack(engines: EngineSet, child: EngineChild, ids: readonly string[]): Promise<string[]> {
  const taken = ids.filter((id) => child.drop(id));
  const inside = child.handed.filter(({ id }) => ids.includes(id));
  await Promise.all(
    inside.map(async ({ id, sequence }) => {
      if ((await engines.aim(child, sequence, true)) === 'removed' && child.drop(id, child.handed)) taken.push(id);
    }),
  );
  return ids.filter((id) => taken.includes(id));
}

async function endAll(engines: EngineSet, targets: readonly number[], how: 'restart' | 'stop'): Promise<number[]> {
  const children = targets.flatMap((id) => engines.find(id) ?? []);
  await Promise.all(children.map((child) => engines.end(child, how)));
  return children.map(({ id }) => id);
}
