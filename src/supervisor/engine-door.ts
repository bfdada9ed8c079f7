import type { Socket } from 'node:net';
import { IpclusterError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { call, type Handlers, isHandled } from '../protocol/conversations/handlers.js';
import type { EngineToSupervisor } from '../protocol/conversations/supervisor-engine.js';
import { engineMessages } from '../protocol/engine-messages.js';
import {
  checked,
  decodeMessage,
  isMessage,
  type Message,
  type Session,
  unknownMessage,
} from '../protocol/message.js';
import { encodePacket, type Packet, PacketReader } from '../protocol/packets.js';
import { refusal } from '../protocol/refusal.js';
import type { EngineChild } from './engine-child.js';
import { EngineSocket } from './engine-socket.js';
import type { WatcherOutcome } from './interrupt.js';

/** Who connects to the engines' socket must say who he is within this time (milliseconds). */
const greetingTime = 10_000;
/** Until then he may send this much. */
const greetingSize = 65_536;
/** How often it is looked whether engines may send again (milliseconds). */
const drainInterval = 20;

/** Who hears of what comes through the door. */
export interface DoorListener {
  /** The engine that is expected under that name. */
  expected(uuid: string): EngineChild | undefined;
  /** An engine has introduced itself. */
  came(child: EngineChild): void;
  /** An engine can take work. */
  ready(child: EngineChild): void;
  /** A reply or output of an engine. */
  packet(child: EngineChild, packet: Packet): void;
  /** A watcher says how an interrupt ended. */
  hit(child: EngineChild, sequence: number, outcome: WatcherOutcome): void;
  /** True while what engines send should wait with them, since it does not go on from here. */
  full(): boolean;
}

/**
 * Where engines, their watchers and their gateway come in: each says who it is first. Code of users can speak
 * there as well.
 */
export class EngineDoor {
  readonly #socket: EngineSocket;
  readonly #session: Session;
  readonly #log: Log;
  readonly #listener: DoorListener;
  /** True where a gateway speaks for the engines. */
  readonly #hasGateway: boolean;

  constructor(path: string, hasGateway: boolean, session: Session, log: Log, listener: DoorListener) {
    this.#socket = new EngineSocket(path, (socket) => this.#admit(socket));
    this.#hasGateway = hasGateway;
    this.#session = session;
    this.#log = log;
    this.#listener = listener;
  }

  /** Listens, if it does not. */
  open(): Promise<void> {
    return this.#socket.open();
  }

  close(): void {
    this.#socket.close();
  }

  #admit(socket: Socket): void {
    const reader = new PacketReader({ limit: greetingSize });
    let speaker: EngineChild | 'gateway' | undefined;
    const late = setTimeout(() => socket.destroy(), greetingTime);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearTimeout(late));
    socket.on('data', (chunk) => {
      if (socket.writableEnded) return;
      try {
        for (const packet of reader.push(chunk)) {
          if (speaker === 'gateway') this.#refuse(socket, decodeMessage(packet.body), 'a gateway');
          else if (speaker) this.#hear(speaker, socket, packet);
          else speaker = this.#greet(socket, packet);
          if (!speaker) return void socket.destroySoon();
          clearTimeout(late);
          reader.limit = undefined;
        }
      } catch (error) {
        // Bytes that are no messages end their own connection, and nothing else.
        const whose = speaker && speaker !== 'gateway' ? `engine ${speaker.id}` : 'somebody';
        this.#log.warn(`a connection of ${whose} was ended: ${messageOf(error)}`);
        return void socket.destroy();
      }
      if (speaker && speaker !== 'gateway') speaker.handOver();
      if (this.#listener.full()) this.#holdBack(socket);
    });
  }

  /** What engines send waits with them until the controller has read on. */
  #holdBack(socket: Socket): void {
    socket.pause();
    const timer = setInterval(() => {
      if (this.#listener.full() && !socket.destroyed) return;
      clearInterval(timer);
      socket.resume();
    }, drainInterval);
  }

  #greet(socket: Socket, { body }: Packet): EngineChild | 'gateway' | undefined {
    const given = decodeMessage(body);
    if (!isMessage(given, 'engine_hello'))
      return this.#refuse(socket, given, 'somebody who has not said who he is');
    const message = checked(given, engineMessages, 'an engine');
    if (!isMessage(message, 'engine_hello')) return undefined;
    const { role, uuid, ready } = message.content;
    // It only wants to know when we end; its engines come by connections of their own.
    if (role === 'gateway') return this.#hasGateway ? 'gateway' : undefined;
    const child = this.#listener.expected(uuid);
    if (role === 'watcher') return child?.connectWatcher(socket) ? child : undefined;
    if (!child?.connect(socket, ready !== false)) return undefined;
    this.#listener.came(child);
    return child;
  }

  #hear(child: EngineChild, socket: Socket, packet: Packet): void {
    if (packet.route.channel !== 'hub') return this.#listener.packet(child, packet);
    const message = decodeMessage(packet.body);
    if (!isHandled<EngineToSupervisor>(message, this.#handlers))
      return this.#refuse(socket, message, 'an engine');
    const known = checked(message, engineMessages, 'an engine');
    if (isHandled<EngineToSupervisor>(known, this.#handlers)) call(this.#handlers, known, child);
  }

  readonly #handlers: Handlers<EngineToSupervisor, [EngineChild]> = {
    engine_hello: () => {
      throw new IpclusterError('PROTOCOL', 'An engine says once who it is.');
    },
    engine_ready: (_message, child) => {
      child.becomeReady();
      this.#listener.ready(child);
    },
    engine_loaded: ({ content: { files } }, child) => {
      child.load(files);
    },
    interrupt_hit: ({ content: { sequence, outcome } }, child) => {
      this.#listener.hit(child, sequence, outcome);
    },
  };

  /** Answers what nobody here knows. */
  #refuse(socket: Socket, { header }: Message, sender: string): undefined {
    const { route, body } = refusal(this.#session, header, unknownMessage(header.msg_type, sender));
    socket.write(Buffer.concat(encodePacket(route, body)));
  }
}
