import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Deferred, deferred, poll } from '../src/base/wait.js';
import { decodeMessage, isMessage, Session } from '../src/protocol/message.js';
import type { MessageContents } from '../src/protocol/messages.js';
import { encodePacket, PacketReader } from '../src/protocol/packets.js';
import { decodeValue, encodeValue } from '../src/protocol/values.js';

/** How a request ended. */
export interface Reply {
  status: string;
  content: Record<string, unknown>;
  value: unknown;
}

/** A real engine without a supervisor: this side speaks for one. */
export class EngineProcess {
  /** What the engine wrote for its requests, and what its own log got. */
  output = '';
  log = '';
  readonly #folder = mkdtempSync(join(tmpdir(), 'ipcluster-engine-'));
  readonly #session = new Session('supervisor');
  readonly #sockets = new Map<string, Socket>();
  readonly #waiting = new Map<string, Deferred<Reply>>();
  readonly #up = deferred<void>();
  readonly #ended = deferred<number | string>();
  #server: Server | undefined;
  #child: ChildProcess | undefined;
  #count = 0;

  /** Settles with its exit code or signal. */
  get ended(): Promise<number | string> {
    return this.#ended.promise;
  }

  static async start(cwd?: string): Promise<EngineProcess> {
    const engine = new EngineProcess();
    await engine.#start(cwd);
    return engine;
  }

  async #start(cwd = this.#folder): Promise<void> {
    const path = join(this.#folder, 's');
    this.#server = createServer((socket) => this.#admit(socket));
    await new Promise<void>((here) => this.#server?.listen(path, here));
    const argv = [
      '--disable-warning=ExperimentalWarning',
      join(process.cwd(), 'dist/programs/engine.cjs'),
      path,
      'uuid',
    ];
    this.#child = spawn(process.execPath, argv, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (text) => (this.log += String(text)));
    this.#child.once('exit', (code, signal) => {
      this.#ended.resolve(signal ?? code ?? -1);
      for (const waiting of this.#waiting.values())
        waiting.resolve({ status: 'died', content: { end: signal ?? code }, value: undefined });
    });
    await this.#up.promise;
  }

  execute(code: string): Promise<Reply> {
    return this.#ask('execute_request', { code }, []);
  }

  apply(source: string, ...given: unknown[]): Promise<Reply> {
    return this.#ask('apply_request', { function: { source } }, encodeValue(given));
  }

  map(source: string, given: unknown[]): Promise<Reply> {
    return this.#ask('apply_request', { function: { source }, each: true }, encodeValue(given));
  }

  push(values: object): Promise<Reply> {
    return this.#ask('push_request', {}, encodeValue(values));
  }

  pull(...names: string[]): Promise<Reply> {
    return this.#ask('pull_request', { names }, []);
  }

  /** Forgets all that users have put there. */
  clear(): Promise<Reply> {
    return this.#ask('clear_request', {}, []);
  }

  command(argv: string[], more: object = {}, stream = true): Promise<Reply> {
    return this.#ask('command_request', { argv, ...more }, [], { stream });
  }

  /** Aims an interrupt at the request that was asked last. */
  interrupt(): void {
    const body = this.#session.encode({
      type: 'interrupt_aim',
      content: { sequence: this.#count, onlyWaiting: false },
    });
    const aim = (): void => {
      const watcher = this.#sockets.get('watcher');
      if (watcher) watcher.write(Buffer.concat(encodePacket({ channel: 'hub' }, body)));
      else setTimeout(aim, 20);
    };
    aim();
  }

  /** Says what no supervisor says to one of its threads, which must be there. Settles with the answer. */
  async sayUnknown(thread: 'engine' | 'watcher'): Promise<Reply> {
    // The watcher comes after the first request, at its own time.
    const socket = await poll(() => this.#sockets.get(thread), { timeout: 20_000 });
    const header = this.#session.header('teapot' as 'caught_up');
    const waiting = deferred<Reply>();
    this.#waiting.set(header.msg_id, waiting);
    const body = this.#session.encode({ type: 'caught_up', content: {} }, header);
    socket?.write(Buffer.concat(encodePacket({ channel: 'hub' }, body)));
    return waiting.promise;
  }

  /** Ends it with all that it has. */
  async close(): Promise<void> {
    try {
      if (this.#child?.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // It is gone.
    }
    await this.ended;
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#server?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #ask<T extends keyof MessageContents>(
    type: T,
    content: object,
    buffers: Buffer[],
    metadata = {},
  ): Promise<Reply> {
    this.#count += 1;
    const id = `r${this.#count}`;
    const waiting = deferred<Reply>();
    this.#waiting.set(id, waiting);
    const body = this.#session.encode({ type, content: content as MessageContents[T], buffers, metadata });
    const packet = encodePacket({ channel: 'engine', id, sequence: this.#count }, body);
    this.#sockets.get('engine')?.write(Buffer.concat(packet));
    return waiting.promise;
  }

  #admit(socket: Socket): void {
    const reader = new PacketReader();
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const { route, body } of reader.push(chunk)) {
        const message = decodeMessage(body);
        if (isMessage(message, 'engine_hello')) this.#greet(socket, message.content.role);
        else if (isMessage(message, 'stream')) this.output += message.content.text;
        else if (route.channel === 'reply') {
          const value = decodeValue(message.buffers);
          this.#waiting
            .get(route.id)
            ?.resolve({ status: route.status, content: { ...message.content }, value });
        }
      }
    });
  }

  #greet(socket: Socket, role: string): void {
    this.#sockets.set(role, socket);
    if (role !== 'engine') return;
    const content = { id: 0, pid: 0, environment: {} };
    const body = this.#session.encode({ type: 'engine_welcome', content });
    socket.write(Buffer.concat(encodePacket({ channel: 'hub' }, body)));
    this.#up.resolve();
  }
}
