import type { Handlers } from '../protocol/conversations/handlers.js';
import type { ControllerToSupervisor } from '../protocol/conversations/supervisor-controller.js';
import { encodeFrames } from '../protocol/frames.js';
import { decodeMessage, headerOf, replyTypeOf, type Session } from '../protocol/message.js';
import type { EngineUp, HeldRequest, InterruptOutcome, MessageContents } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import type { Peer } from '../transport/peer.js';
import type { EngineChild } from './engine-child.js';
import type { EngineEnd, EngineListener, EngineSet } from './engine-set.js';
import type { Held } from './held-requests.js';
import { KeptReplies } from './kept-replies.js';
import { ordersFor } from './orders.js';

/** So many bytes may wait for the controller; then engines have to. */
const highWater = 64 * 1024 * 1024;

/**
 * Between the controller and the engines of this node: passes requests, replies and output on, and carries
 * out orders.
 */
export class Relay implements EngineListener {
  /** Replies that the controller may not have. */
  readonly kept = new KeptReplies();
  readonly #onFarewell: (reason: string) => void;
  /** The controller that knows us, and what is done with what it says. */
  #joined: { peer: Peer; engines: EngineSet; orders: Handlers<ControllerToSupervisor> } | undefined;
  /**
   * What a controller has sent right behind its answer to our registration, before the ids in that were given
   * to the engines.
   */
  #early: Packet[] = [];
  readonly #announced = new WeakSet<EngineChild>();
  readonly #session: Session;

  /** `onFarewell` is told when the controller says that it is about to end. */
  constructor(session: Session, onFarewell: (reason: string) => void) {
    this.#session = session;
    this.#onFarewell = onFarewell;
  }

  /** What a controller is told of an engine that is up. */
  describe(child: EngineChild): EngineUp & { held: HeldRequest[] } {
    this.#announced.add(child);
    const { id, uuid, pid, logFile, restarts, requests, placement } = child;
    const held = [...requests.inEngine, ...requests.waiting].map(({ queue, body }) => ({
      queue,
      header: headerOf(body).header,
    }));
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
    const orders = ordersFor(engines, {
      committed: ({ content }) => {
        this.kept.committed(content.count);
      },
      controller_ending: ({ content }) => {
        this.#onFarewell(content.reason);
      },
    });
    this.#joined = { peer, engines, orders };
    for (const { route, body } of this.kept.restart()) peer.link.send(route, [body]);
    for (const child of engines.all) if (child.has('up') && !this.#announced.has(child)) this.up(child);
    peer.tell({ type: 'caught_up', content: {} });
    for (const packet of this.#early.splice(0)) this.receive(packet);
  }

  /** The connection is over; replies are kept until there is another. */
  disconnect(): void {
    this.#joined = undefined;
    this.#early = [];
  }

  up(child: EngineChild): void {
    if (!this.#joined) return;
    const { held: _held, ...content } = this.describe(child);
    this.#joined.peer.tell({ type: 'engine_up', content });
  }

  down(child: EngineChild, { reason, evidence }: EngineEnd, next: EngineChild | undefined): void {
    const { id, uuid, aimed } = child;
    if (next && aimed && child.requests.inEngine.includes(aimed)) {
      this.#answerAborted(child, aimed, 'restarted');
      child.requests.drop(aimed.id);
    }
    const content = { id, uuid, reason, restarting: next !== undefined, evidence };
    this.#joined?.peer.tell({ type: 'engine_down', content });
  }

  facts(content: MessageContents['engine_facts']): void {
    this.#joined?.peer.tell({ type: 'engine_facts', content });
  }

  deadline(deadline: number): void {
    this.#joined?.peer.tell({ type: 'deadline', content: { deadline } });
  }

  renumbered(ids: ReadonlyMap<number, number>): void {
    this.kept.renumber(ids);
  }

  full(): boolean {
    return (this.#joined?.peer.link.backlog ?? 0) > highWater;
  }

  packet(child: EngineChild, { route, body }: Packet): void {
    if (route.channel === 'reply') {
      // Code that finds the socket may say what it likes: only what was asked of this very engine is an
      // answer.
      const asked = child.requests.find(route.id);
      if (asked) this.#reply(child, route, body, asked);
    } else if (route.channel === 'output') this.#joined?.peer.link.send({ ...route, from: child.id }, [body]);
  }

  stopped(child: EngineChild, request: Held): void {
    this.#answerAborted(child, request, 'removed');
  }

  #reply(
    child: EngineChild,
    given: Extract<Packet['route'], { channel: 'reply' }>,
    body: Buffer,
    { queue }: Held,
  ): void {
    const route = { ...given, from: child.id };
    this.kept.add({ engine: child.id, queue, route, body });
    this.#joined?.peer.link.send(route, [body]);
  }

  /** A packet of the controller. */
  receive(packet: Packet): void {
    const { route, body } = packet;
    if (!this.#joined) {
      this.#early.push(packet);
      return;
    }
    const { peer, engines, orders } = this.#joined;
    if (route.channel === 'direct' || route.channel === 'balanced') {
      const files = route.channel === 'direct' ? route.files : undefined;
      for (const id of route.to) engines.find(id)?.assign(route.id, route.channel, body, files);
    } else if (route.channel === 'hub') void peer.answer(decodeMessage(body), orders, 'the controller');
  }

  /** Answers in the place of an engine that will not: it is restarted for that request, or never got it. */
  #answerAborted(child: EngineChild, request: Held, how: InterruptOutcome): void {
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
