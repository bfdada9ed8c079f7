// Supervisors without engines: they register one each over TLS and keep their lease, so that thousands fit
// one process.
import { newSession } from '../dist/base/identifiers.js';
import { packageVersion } from '../dist/base/package.js';
import { readConnectionFile } from '../dist/profile/connection-file.js';
import { Session } from '../dist/protocol/message.js';
import { protocolVersion } from '../dist/protocol/messages.js';
import { dial } from '../dist/transport/dial.js';
import { Peer } from '../dist/transport/peer.js';

/** So many dial at a time. */
const atOnce = 64;

export class FakeSupervisors {
  #links = [];

  /** Registers so many with the controller of that file. */
  static async join(path, count) {
    const fakes = new FakeSupervisors();
    const file = { ...readConnectionFile(path), socket: '' };
    let next = 0;
    const worker = async () => {
      while (next < count) await fakes.#register(file, next++);
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return fakes;
  }

  async #register(file, number) {
    const link = await dial(file, 30_000);
    link.keepLease(file.lease);
    const peer = new Peer(link, new Session(newSession()));
    const content = {
      version: packageVersion(),
      protocol: protocolVersion,
      host: `node${number}`,
      pid: number,
      run: `fake-${number}`,
      count: 1,
      ids: [],
      rank: null,
      allocation: null,
      engines: [],
    };
    const reply = await peer.request({ type: 'registration_request', content }, 60_000);
    const [id] = reply.content.ids;
    peer.tell({
      type: 'engine_up',
      content: {
        id,
        uuid: `fake-${number}`,
        pid: number,
        language: 'none',
        log: null,
        restarts: 0,
        cpus: null,
        gpus: null,
      },
    });
    this.#links.push(link);
  }

  close() {
    for (const link of this.#links) link.close();
  }
}
