import { newSession } from '../base/identifiers.js';
import type { Endpoint } from './endpoint.js';
import type { Signer } from './signer.js';
import { emptyFrame, joinWire, toFrame } from './wire.js';

/** Signs and sends; and the identity under which the gateway itself speaks to Python's programs. */
export class Speaker {
  readonly #id = newSession();
  readonly #signer: Signer;
  #count = 0;

  constructor(signer: Signer) {
    this.#signer = signer;
  }

  /** Sends frames to whom the route names. */
  send(socket: Endpoint | undefined, route: readonly Buffer[], frames: readonly Buffer[]): void {
    socket?.send(joinWire(route, this.#signer.sign(frames), frames));
  }

  /**
   * The frames of a message of that type; content is an object, or a frame already; `parent` are the bytes of
   * the header that it answers.
   */
  message(type: string, content: object, parent?: Buffer, metadata: object = {}): Buffer[] {
    const frame = Buffer.isBuffer(content) ? content : toFrame(content);
    return [this.#header(type), parent ?? emptyFrame, toFrame(metadata), frame];
  }

  #header(type: string): Buffer {
    this.#count += 1;
    const msg_id = `${this.#id}_${process.pid}_${this.#count}`;
    // Python writes microseconds, and compares what it reads.
    const date = new Date().toISOString().replace('Z', '000Z');
    return toFrame({
      msg_id,
      msg_type: type,
      username: 'ipcluster',
      session: this.#id,
      date,
      version: '5.3',
    });
  }
}
