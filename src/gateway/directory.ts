import { packageVersion } from '../base/package.js';
import { decodeMessage, isMessage } from '../protocol/message.js';
import { type ClusterEvent, type EngineName, protocolVersion } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import type { Peer } from '../transport/peer.js';

/** So many engines that are gone are remembered by name: Python's clients deal with their loss themselves. */
const mostGone = 10_000;

/** Which engines there are, by id and by uuid; followed by a connection that is nobody's client. */
export class Directory {
  readonly #byId = new Map<number, EngineName>();
  readonly #byUuid = new Map<string, EngineName>();
  readonly #gone = new Map<string, EngineName>();
  readonly #onChange: (event: ClusterEvent) => void;

  /** `onChange` hears of engines that come and go, after they are in or out of the directory. */
  constructor(onChange: (event: ClusterEvent) => void) {
    this.#onChange = onChange;
  }

  /** Reads the engines that there are, and follows that connection. */
  async follow(peer: Peer): Promise<void> {
    peer.onPacket((packet) => this.#hear(packet));
    const content = { version: packageVersion(), protocol: protocolVersion, observer: true };
    const reply = await peer.request({ type: 'connection_request', content });
    for (const engine of reply.content.engines) this.#add(engine);
  }

  get all(): EngineName[] {
    return [...this.#byId.values()].sort((a, b) => a.id - b.id);
  }

  byId(id: number): EngineName | undefined {
    return this.#byId.get(id);
  }

  byUuid(uuid: string): EngineName | undefined {
    return this.#byUuid.get(uuid);
  }

  /** An engine by its id, whether it is still there or not. */
  everById(id: number): EngineName | undefined {
    return this.#byId.get(id) ?? [...this.#gone.values()].findLast((engine) => engine.id === id);
  }

  isGone(uuid: string): boolean {
    return this.#gone.has(uuid);
  }

  #add({ id, uuid, language }: EngineName): void {
    const engine = { id, uuid, language };
    this.#byId.set(id, engine);
    this.#byUuid.set(uuid, engine);
  }

  #hear({ route, body }: Packet): void {
    if (route.channel !== 'hub') return;
    const message = decodeMessage(body);
    if (!isMessage(message, 'event')) return;
    const event = message.content;
    if (event.event === 'engine_joined') this.#add(event);
    else if (event.event === 'engine_left') this.#remove(event.uuid);
    this.#onChange(event);
  }

  #remove(uuid: string): void {
    const engine = this.#byUuid.get(uuid);
    if (!engine) return;
    this.#byUuid.delete(uuid);
    if (this.#byId.get(engine.id) === engine) this.#byId.delete(engine.id);
    this.#gone.set(uuid, engine);
    if (this.#gone.size > mostGone) this.#gone.delete(this.#gone.keys().next().value as string);
  }
}
