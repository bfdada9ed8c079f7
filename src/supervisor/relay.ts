import { encodeFrames } from '../protocol/frames.js';
import { decodeMessage, headerOf, isMessage, type Message, replyTypeOf } from '../protocol/message.js';
import type { InterruptOutcome } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import type { Peer } from '../transport/peer.js';
import type { Assigned, EngineChild } from './engine-child.js';
import type { EngineListener, EngineSet } from './engine-set.js';
import { interruptRequest } from './interrupt.js';

/** Between the controller and the engines of this node: passes requests, replies and output on, and carries out orders. */
export class Relay implements EngineListener {
  #peer: Peer | undefined;
  #engines: EngineSet | undefined;

  /** From now on packets of that controller reach those engines. */
  connect(peer: Peer, engines: EngineSet): void {
    this.#peer = peer;
    this.#engines = engines;
    peer.onPacket((packet) => this.#fromController(packet));
  }

  up({ id, uuid, pid, logFile }: EngineChild): void {
    this.#peer?.tell({ type: 'engine_up', content: { id, uuid, pid, language: 'javascript', log: logFile } });
  }

  down(child: EngineChild, reason: string, next: EngineChild | undefined): void {
    const { id, uuid, aimed } = child;
    if (next && aimed && child.handed.includes(aimed)) this.#answerAborted(child, aimed);
    this.#peer?.tell({ type: 'engine_down', content: { id, uuid, reason, restarting: next !== undefined } });
  }

  packet(child: EngineChild, { route, body }: Packet): void {
    if (route.channel === 'reply' || route.channel === 'output') this.#peer?.link.send({ ...route, from: child.id }, [body]);
  }

  #fromController({ route, body }: Packet): void {
    if (route.channel === 'direct' || route.channel === 'balanced') {
      const files = route.channel === 'direct' ? route.files : undefined;
      for (const id of route.to) this.#engines?.find(id)?.assign(route.id, body, files);
    } else if (route.channel === 'hub') {
      void this.#order(decodeMessage(body));
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

  /** The engine cannot answer any more for the request that it is restarted for. */
  #answerAborted(child: EngineChild, { id, body }: Assigned): void {
    const peer = this.#peer;
    if (!peer) return;
    child.drop(id, child.handed);
    const { bytes, header } = headerOf(body);
    const parts = [
      peer.session.header(replyTypeOf(header.msg_type)),
      { engine: child.uuid, engine_id: child.id, status: 'aborted' },
      { status: 'aborted', how: 'restarted' },
    ].map((part) => Buffer.from(JSON.stringify(part)));
    const [replyHeader, metadata, content] = parts as [Buffer, Buffer, Buffer];
    peer.link.send(
      { channel: 'reply', id, status: 'aborted', from: child.id },
      encodeFrames([replyHeader, bytes, metadata, content]),
    );
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
