import { existsSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { listenOnSocket } from '../base/listen.js';

/** The Unix socket by which engines reach their supervisor. */
export class EngineSocket {
  readonly #path: string;
  readonly #admit: (socket: Socket) => void;
  #server: Server | undefined;
  #opening: Promise<void> | undefined;

  constructor(path: string, admit: (socket: Socket) => void) {
    this.#path = path;
    this.#admit = admit;
  }

  /**
   * Listens, and listens anew where a cleaner of temporary files has taken the socket away: connections that
   * there are stay. Rejects with what the system says.
   */
  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  close(): void {
    this.#server?.close();
  }

  async #open(): Promise<void> {
    // On Windows it is a pipe, which lies in no folder.
    const isFile = process.platform !== 'win32';
    if (this.#server?.listening && (!isFile || existsSync(this.#path))) return;
    // The old one removes its path when it closes: it goes first.
    this.#server?.close();
    const server = createServer(this.#admit);
    this.#server = server;
    await listenOnSocket(server, this.#path);
  }
}
