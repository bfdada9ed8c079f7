import { IpclusterError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type Handlers, handle, isHandled } from '../protocol/conversations/handlers.js';
import type { SupervisorToController } from '../protocol/conversations/supervisor-controller.js';
import {
  checked,
  decodeMessage,
  isMessage,
  type Message,
  type Session,
  unknownMessage,
} from '../protocol/message.js';
import { supervisorAnswers, supervisorMessages } from '../protocol/supervisor-messages.js';
import { answer } from '../transport/answer.js';
import { gatewayName } from '../transport/gateway-door.js';
import type { Link } from '../transport/link.js';
import { Peer } from '../transport/peer.js';
import type { Broker } from './broker.js';
import { checkVersion } from './hub.js';
import type { Receipts } from './receipts.js';
import type { Registrar } from './registrar.js';
import type { Rejoining } from './rejoining.js';
import type { Supervisor } from './supervisor.js';
import type { Supervisors } from './supervisors.js';

/**
 * Whoever comes is not heard further until the list of engines is written, unless that takes so long
 * (milliseconds).
 */
const listTime = 1000;

interface SupervisorDoorParts {
  broker: Broker;
  supervisors: Supervisors;
  registrar: Registrar;
  rejoining: Rejoining;
  receipts: Receipts;
  session: Session;
  log: Log;
  /** To be told that an engine has said something. */
  onActivity: () => void;
}

/** Who a supervisor is to us: whose token he showed, and where from. */
export interface Comer {
  holder: string;
  address: string;
}

/** Where supervisors come in: each speaks for its own engines, and says only what supervisors may say. */
export class SupervisorDoor {
  readonly #parts: SupervisorDoorParts;

  constructor(parts: SupervisorDoorParts) {
    this.#parts = parts;
  }

  admit(link: Link, comer: Comer, lease: number): void {
    const { broker, supervisors, receipts, session, log, onActivity } = this.#parts;
    const peer = new Peer(link, session, supervisorAnswers);
    let supervisor: Supervisor | undefined;
    link.keepLease(lease);
    peer.onPacket((packet) => {
      if (packet.route.channel !== 'hub') {
        onActivity();
        // Of an engine's alone: an answer that comes too late for its question is nobody's reply.
        if (packet.route.channel === 'reply' && packet.route.from !== undefined) receipts.count(link);
        if (supervisor) broker.fromEngine(supervisor, packet);
        return;
      }
      const message = decodeMessage(packet.body);
      if (supervisor) this.#hear(supervisor, peer, message);
      else if (isMessage(message, 'registration_request'))
        supervisor = this.#register(message, peer, comer.holder);
      else peer.refuse(message, unknownMessage(message.header.msg_type, 'whoever has not registered'));
    });
    void link.closed.then((error) => {
      if (supervisor) supervisors.closed(supervisor, peer, error);
      else
        log.info(
          `somebody with the engines' token left: ${comer.address}`,
          ...(error ? [error.message] : []),
        );
    });
  }

  /**
   * What supervisors do not say is answered, and ends the connection, as does a field that is wrong: what
   * follows may build on it.
   */
  #hear(supervisor: Supervisor, peer: Peer, message: Message): void {
    const { registrar } = this.#parts;
    if (!isHandled<SupervisorToController>(message, this.#handlers)) {
      const error = unknownMessage(message.header.msg_type, 'a supervisor');
      this.#parts.log.warn(`the connection of ${supervisor.name} is ended`, error.message);
      peer.refuse(message, error);
      return peer.link.close();
    }
    const known = checked(message, supervisorMessages, 'a supervisor');
    const work = () => handle(this.#handlers, known, 'a supervisor', supervisor);
    // News that cannot be dealt with end the connection, too: whoever comes back on another says everything
    // anew.
    if (isQuestion(known)) void answer(peer.link, peer.session, message.header, work);
    else void work();
    // An engine that came by itself can be found again only by that list.
    if (supervisor.name === gatewayName && isMessage(message, 'engine_up')) void registrar.write();
    else registrar.changed();
  }

  readonly #handlers: Handlers<SupervisorToController, [Supervisor]> = {
    registration_request: () => {
      throw new IpclusterError('PROTOCOL', 'A supervisor registers once on a connection.');
    },
    places_request: ({ content: { ids: wanted } }, supervisor) => ({
      content: { status: 'ok', ids: this.#parts.broker.engines.reserve(supervisor, wanted.length, wanted) },
    }),
    engine_up: ({ content }, supervisor) => {
      this.#parts.broker.engineUp(supervisor, content);
    },
    engine_down: ({ content }, supervisor) => {
      const { broker } = this.#parts;
      if (broker.engines.supervisorOf(content.id) === supervisor) broker.engineDown(content);
    },
    engine_facts: ({ content }, supervisor) => {
      this.#parts.broker.engines.note(supervisor, content);
    },
    deadline: ({ content }, supervisor) => {
      this.#parts.supervisors.setDeadline(supervisor, content.deadline);
    },
    caught_up: (_message, supervisor) => {
      this.#parts.rejoining.joined(supervisor.name);
    },
  };

  /**
   * A controller that comes after this one waits for nobody who is not on the list: until he is, nothing more
   * of him is heard.
   */
  #noteDown(link: Link): void {
    link.pause('list');
    const late = setTimeout(() => link.resume('list'), listTime);
    void this.#parts.registrar.write().then(() => {
      clearTimeout(late);
      link.resume('list');
    });
  }

  /** A supervisor introduces itself: it gets ids for its engines, or a sentence why not. */
  #register(message: Message<'registration_request'>, peer: Peer, holder: string): Supervisor | undefined {
    const { supervisors, log } = this.#parts;
    let registered: ReturnType<Supervisors['register']>;
    try {
      checkVersion(message.content);
      registered = supervisors.register(
        checked(message, supervisorMessages, 'a supervisor') as typeof message,
        peer,
        holder,
      );
    } catch (error) {
      log.warn(`a supervisor was refused: ${String(message.content.host).slice(0, 100)}`, messageOf(error));
      peer.refuse(message, error);
      return undefined;
    }
    const { supervisor, ids } = registered;
    peer.tell(
      { type: 'registration_reply', content: { status: 'ok', ids, supervisor: supervisor.name } },
      message.header,
    );
    this.#noteDown(peer.link);
    return supervisor;
  }
}

const isQuestion = ({ header }: Message): boolean => header.msg_type.endsWith('_request');
