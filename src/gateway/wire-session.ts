import { newSession } from '../base/identifiers.js';
import { emptyFrame, toFrame } from './wire.js';

/** The identity under which the gateway itself speaks to Python's programs. */
export class WireSession {
  readonly id = newSession();
  #count = 0;

  /** The frames of a message of that type; `parent` are the bytes of the header that it answers. */
  message(type: string, content: object, parent?: Buffer, metadata: object = {}): Buffer[] {
    return [this.header(type), parent ?? emptyFrame, toFrame(metadata), toFrame(content)];
  }

  header(type: string): Buffer {
    this.#count += 1;
    const msg_id = `${this.id}_${process.pid}_${this.#count}`;
    // Python writes microseconds, and compares what it reads.
    const date = new Date().toISOString().replace('Z', '000Z');
    return toFrame({ msg_id, msg_type: type, username: 'ipcluster', session: this.id, date, version: '5.3' });
  }
}
