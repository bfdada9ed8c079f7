import { IpclusterError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { decodeMessage, headerOf, type Message, type Session } from '../protocol/message.js';
import type { Packet } from '../protocol/packets.js';
import { refuse } from '../transport/answer.js';
import type { Link } from '../transport/link.js';
import type { Broker } from './broker.js';
import type { Clients } from './clients.js';
import type { Hub } from './hub.js';
import type { Intake } from './intake.js';
import type { Receipts } from './receipts.js';
import type { Store } from './store.js';

/** A client may have so many questions open; then nothing is read from it until half of them are answered. */
const mostQuestions = 32;

interface ClientDoorParts {
  broker: Broker;
  clients: Clients;
  hub: Hub;
  intake: Intake;
  receipts: Receipts;
  store: Store;
  session: Session;
  log: Log;
  /** To be told that something happens here. */
  onActivity: () => void;
}

/**
 * Where clients come in: what one sends that cannot be read is answered where that is possible, and harms no
 * other.
 */
export class ClientDoor {
  readonly #parts: ClientDoorParts;

  constructor(parts: ClientDoorParts) {
    this.#parts = parts;
  }

  admit(link: Link, lease: number): void {
    const { clients, log, onActivity } = this.#parts;
    const asked = { count: 0 };
    link.keepLease(lease);
    link.onPacket((packet) => {
      onActivity();
      const { channel } = packet.route;
      if (channel === 'direct' || channel === 'balanced') this.#submit(packet, link);
      else if (channel === 'hub') this.#ask(packet.body, link, asked);
    });
    void link.closed.then((error) => {
      if (error) log.warn('a client was cut off', error.message);
      clients.left(link);
    });
  }

  #submit({ route, body }: Packet, link: Link): void {
    const { broker, clients, intake, receipts, session, store } = this.#parts;
    if (route.channel === 'balanced') receipts.count(link);
    else if (route.channel !== 'direct') return;
    try {
      const head = headerOf(body);
      if (head.header.msg_id !== route.id) throw new IpclusterError('PROTOCOL', 'A request has two ids.');
      clients.mayAsk(head.header, link);
      broker.submit(route, body, head);
    } catch (error) {
      refuse(link, session, { msg_id: route.id }, error);
      // It counts among those that are acknowledged.
      store.mark();
    }
    intake.submitted(link, body.length);
  }

  #ask(body: Buffer, link: Link, asked: { count: number }): void {
    const { hub } = this.#parts;
    const message = this.#open(body, link);
    if (!message) return;
    asked.count += 1;
    if (asked.count > mostQuestions) link.pause('questions');
    void hub.answer(message, link).finally(() => {
      asked.count -= 1;
      if (asked.count <= mostQuestions / 2) link.resume('questions');
    });
  }

  /**
   * A question whose header can be read is answered whatever else is in it. Throws for one that says not even
   * who asks what.
   */
  #open(body: Buffer, link: Link): Message | undefined {
    try {
      return decodeMessage(body);
    } catch (error) {
      refuse(link, this.#parts.session, headerOf(body).header, error);
      return undefined;
    }
  }
}
