// A bad network between TLS clients or supervisors and the controller: bytes are passed on, late, not at all,
// or cut in their middle.
import { connect, createServer } from 'node:net';

export class NetworkProxy {
  port = 0;
  #pairs = new Set();
  #server;
  #held = [];
  /** What happens to bytes now: `well`, `stall`, `cut` or `slow`. */
  #mode = 'well';

  /** Listens on a port of loopback for a controller whose port `target()` tells. */
  static async listen(target) {
    const proxy = new NetworkProxy();
    proxy.#server = createServer((near) => proxy.#join(near, target()));
    await new Promise((done) => proxy.#server.listen(0, '127.0.0.1', done));
    proxy.port = proxy.#server.address().port;
    return proxy;
  }

  /** Changes the network; `cut` ends what there is and takes nothing new. */
  become(mode) {
    this.#mode = mode;
    if (mode === 'cut') for (const socket of [...this.#pairs]) socket.destroy();
    if (mode === 'well') for (const send of this.#held.splice(0)) send();
  }

  #join(near, port) {
    if (this.#mode === 'cut' || !port) return near.destroy();
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      this.#pairs.add(from);
      from.on('data', (chunk) => this.#pass(from, to, chunk));
      from.on('error', () => {});
      from.on('end', () => this.#later(() => to.end()));
      from.on('close', () => {
        this.#pairs.delete(from);
        this.#later(() => to.destroy());
      });
    }
  }

  /** A chunk that is cut goes over by half, so that the other side has the beginning of a frame. */
  #pass(from, to, chunk) {
    if (this.#mode === 'cut') return to.write(chunk.subarray(0, chunk.length >> 1), () => to.destroy());
    from.pause();
    this.#later(() => {
      if (to.destroyed) return from.destroy();
      if (to.write(chunk)) from.resume();
      else to.once('drain', () => from.resume());
    });
  }

  #later(send) {
    if (this.#mode === 'stall') this.#held.push(send);
    else if (this.#mode === 'slow') setTimeout(send, 20 + Math.random() * 200);
    else send();
  }

  close() {
    this.become('cut');
    this.#server.close();
  }
}
