import { IpclusterError, isIpclusterError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { checked, decodeMessage, isMessage, type Message, type Session } from '../protocol/message.js';
import { supervisorAnswers, supervisorMessages } from '../protocol/supervisor-messages.js';
import { gatewayName } from '../transport/gateway-door.js';
import type { Link } from '../transport/link.js';
import { Peer } from '../transport/peer.js';
import type { Broker } from './broker.js';
import type { Node } from './engine-table.js';
import { checkVersion } from './hub.js';
import type { Nodes } from './nodes.js';
import type { Receipts } from './receipts.js';
import type { Registrar } from './registrar.js';
import type { Rejoining } from './rejoining.js';

/** Whoever comes is not heard further until the list of engines is written, unless that takes so long (milliseconds). */
const listTime = 1000;

interface SupervisorDoorParts {
  broker: Broker;
  nodes: Nodes;
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
    const { broker, nodes, receipts, session, log, onActivity } = this.#parts;
    const peer = new Peer(link, session, supervisorAnswers);
    let node: Node | undefined;
    link.keepLease(lease);
    peer.onPacket((packet) => {
      if (packet.route.channel !== 'hub') {
        onActivity();
        if (packet.route.channel === 'reply') receipts.count(link);
        if (node) broker.fromEngine(node, packet);
        return;
      }
      const message = decodeMessage(packet.body);
      if (node) this.#hear(node, peer, checked(message, supervisorMessages, 'a supervisor'));
      else if (isMessage(message, 'registration_request')) node = this.#register(message, peer, comer.holder);
    });
    void link.closed.then((error) => {
      if (node) nodes.closed(node, peer, error);
      else log.info(`somebody with the engines' token left: ${comer.address}`, ...(error ? [error.message] : []));
    });
  }

  #hear(node: Node, peer: Peer, message: Message): void {
    const { broker, nodes, registrar, rejoining } = this.#parts;
    if (isMessage(message, 'registration_request'))
      return refuse(peer, message, new IpclusterError('PROTOCOL', 'A supervisor registers once on a connection.'));
    if (isMessage(message, 'places_request')) {
      const { ids: wanted } = message.content;
      const ids = broker.engines.reserve(node, wanted.length, wanted);
      peer.tell({ type: 'places_reply', content: { status: 'ok', ids } }, message.header);
    } else if (isMessage(message, 'engine_up')) broker.engineUp(node, message.content);
    else if (isMessage(message, 'engine_down') && broker.engines.nodeOf(message.content.id) === node)
      broker.engineDown(message.content);
    else if (isMessage(message, 'engine_facts')) broker.engines.note(node, message.content);
    else if (isMessage(message, 'deadline')) nodes.setDeadline(node, message.content.deadline);
    else if (isMessage(message, 'caught_up')) rejoining.joined(node.name);
    // An engine that came by itself can be found again only by that list.
    if (node.name === gatewayName && isMessage(message, 'engine_up')) void registrar.write();
    else registrar.changed();
  }

  /** A controller that comes after this one waits for nobody who is not on the list: until he is, nothing more of him is heard. */
  #noteDown(link: Link): void {
    link.pause('list');
    const late = setTimeout(() => link.resume('list'), listTime);
    void this.#parts.registrar.write().then(() => {
      clearTimeout(late);
      link.resume('list');
    });
  }

  /** A supervisor introduces itself: it gets ids for its engines, or a sentence why not. */
  #register(message: Message<'registration_request'>, peer: Peer, holder: string): Node | undefined {
    const { nodes, log } = this.#parts;
    let registered: ReturnType<Nodes['register']>;
    try {
      checkVersion(message.content);
      registered = nodes.register(checked(message, supervisorMessages, 'a supervisor') as typeof message, peer, holder);
    } catch (error) {
      log.warn(`a supervisor was refused: ${String(message.content.host).slice(0, 100)}`, messageOf(error));
      refuse(peer, message, error);
      return undefined;
    }
    const { node, ids } = registered;
    peer.tell({ type: 'registration_reply', content: { status: 'ok', ids, supervisor: node.name } }, message.header);
    this.#noteDown(peer.link);
    return node;
  }
}

function refuse(peer: Peer, { header }: Message, error: unknown): void {
  const ename = isIpclusterError(error) ? error.code : 'INTERNAL';
  const content = { status: 'error' as const, ename, evalue: messageOf(error), traceback: [] };
  peer.tell({ type: 'error_reply', content }, header);
}
