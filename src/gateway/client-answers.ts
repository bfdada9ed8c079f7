import { decodeFrames } from '../protocol/frames.js';
import type { EngineName } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import { Broadcast } from './broadcast.js';
import type { Directory } from './directory.js';
import type { Endpoint } from './endpoint.js';
import type { Asked, PythonClient } from './python-client.js';
import { pythonReply } from './python-reply.js';
import type { ShownOutput } from './shown-output.js';
import type { Speaker } from './speaker.js';
import { readHeader, toFrame } from './wire.js';

/** What goes to Python's clients because of their requests: answers, and output. */
export class ClientAnswers {
  /** Where output is published. */
  published: Endpoint | undefined;
  readonly #speaker: Speaker;
  readonly #directory: Directory;
  readonly #output: ShownOutput;

  constructor(speaker: Speaker, directory: Directory, output: ShownOutput) {
    this.#speaker = speaker;
    this.#directory = directory;
    this.#output = output;
  }

  /** What the controller sends to a client. */
  hear(client: PythonClient, { route, body }: Packet): void {
    if (route.channel === 'output') {
      const frames = decodeFrames(body);
      this.#output.add(route.id, frames);
      this.#publish(`engine.${route.from}`, frames);
    } else if (route.channel === 'reply') {
      const asked = client.asked.get(route.id);
      if (asked) this.#reply(client, asked, decodeFrames(body), this.#directory.everById(route.from ?? -1));
    }
  }

  #reply(client: PythonClient, asked: Asked, given: Buffer[], engine: EngineName | undefined): void {
    const { header, broadcast, socket, to } = asked;
    const own = readHeader(given[0])?.session === engine?.uuid;
    const { frames, shown } = pythonReply(asked, given, engine, own);
    for (const { type, content } of shown) this.#show(asked, engine, type, content);
    const isLast = broadcast?.add(engine?.id ?? -1, frames) ?? true;
    if (isLast) client.settle(header.msg_id);
    if (broadcast?.coalescing) return isLast ? this.#merged(asked, broadcast, engine) : undefined;
    // Of an engine that has died Python's clients know by themselves, except where any engine could have had
    // the task.
    const isKnown = !own && engine !== undefined && this.#directory.isGone(engine.uuid) && !asked.balanced;
    if (!isKnown) this.#speaker.send(socket, [to], frames);
  }

  /** The one answer to a broadcast, and the sign that no more output comes, which upstream never gives. */
  #merged(asked: Asked, broadcast: Broadcast, engine: EngineName | undefined): void {
    this.#speaker.send(asked.socket, [asked.to], broadcast.merge(asked.header.msg_id));
    this.#show({ ...asked, broadcast: undefined }, engine, 'status', { execution_state: 'idle' });
  }

  #show(
    { header, headerFrame, broadcast }: Asked,
    engine: EngineName | undefined,
    type: string,
    content: object,
  ): void {
    const parent = broadcast && engine ? toFrame(Broadcast.headerFor(header, engine.uuid)) : headerFrame;
    const frames = this.#speaker.message(type, content, parent, { engine: engine?.uuid });
    this.#output.add(header.msg_id, frames);
    this.#publish(`engine.${engine?.id}.${type}`, frames);
  }

  #publish(topic: string, frames: readonly Buffer[]): void {
    if (this.published) this.#speaker.send(this.published, [Buffer.from(topic)], frames);
  }
}
