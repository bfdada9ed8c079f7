import { mkdirSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Log } from '../base/log.js';
import { type Deferred, deferred, sleep } from '../base/wait.js';
import { endGroups, sweepMarked } from '../processes/end.js';
import { describeExit, type Exit } from '../processes/start.js';
import { identify } from '../processes/table.js';
import { decodeMessage, isMessage, Session } from '../protocol/message.js';
import { encodePacket, type Packet, PacketReader } from '../protocol/packets.js';
import { EngineChild, type EngineSettings } from './engine-child.js';
import type { WatcherOutcome } from './interrupt.js';

/** Who hears of the engines. */
export interface EngineListener {
  /** An engine is up and has an id. */
  up(child: EngineChild): void;
  /** An engine is over; its requests are still in it. `next` is its successor when it restarts. */
  down(child: EngineChild, reason: string, next: EngineChild | undefined): void;
  packet(child: EngineChild, packet: Packet): void;
}

/** The engines of one node: processes, connections, restarts, ends. Knows no controller. */
export class EngineSet {
  /** Settles with a reason when no engine is left. */
  readonly empty: Promise<string>;
  readonly #settings: EngineSettings;
  readonly #log: Log;
  readonly #listener: EngineListener;
  readonly #session = new Session('supervisor');
  readonly #server: Server;
  readonly #empty = deferred<string>();
  readonly #aims = new Map<string, Deferred<WatcherOutcome>>();
  #children: EngineChild[] = [];

  constructor(settings: EngineSettings, log: Log, listener: EngineListener) {
    this.#settings = settings;
    this.#log = log;
    this.#listener = listener;
    this.empty = this.#empty.promise;
    this.#server = createServer((socket) => this.#admit(socket));
  }

  /** Opens the socket of the engines and starts so many; they need no controller yet. */
  async start(count: number): Promise<void> {
    mkdirSync(this.#settings.logFolder, { recursive: true, mode: 0o700 });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#settings.socketPath, resolve);
    });
    const children = Array.from({ length: count }, () => new EngineChild(-1, this.#settings.logFolder));
    await Promise.all(children.map((child) => this.#launch(child)));
  }

  /** The controller's ids for the places, in order. Engines that are up already are announced now. */
  name(ids: readonly number[]): void {
    this.#children.forEach((child, index) => {
      child.id = ids[index] ?? -1;
      if (child.socket) this.#announce(child);
    });
  }

  find(id: number): EngineChild | undefined {
    return this.#children.find((child) => child.id === id);
  }

  /** Ends an engine and what it started. With `restart` a new one takes its place under the same id. */
  async end(child: EngineChild, how: 'restart' | 'stop'): Promise<void> {
    child.ending = how;
    const leader = identify(child.pid);
    // A restart is the answer to code that does not give way, so it does not ask.
    if (leader) await endGroups([leader], { grace: how === 'restart' ? 0 : 2000 });
    await Promise.race([child.over, sleep(3000)]);
  }

  /** Ends all engines and closes their socket. */
  async close(): Promise<void> {
    await Promise.all(this.#children.map((child) => this.end(child, 'stop')));
    await sweepMarked((mark) => mark.startsWith(`${this.#settings.mark}/`));
    this.#server.close();
  }

  /**
   * Asks an engine's watcher to interrupt that request, or only to take it out if it has not begun; undefined when it does not
   * answer within four seconds.
   */
  async aim(child: EngineChild, sequence: number, onlyWaiting = false): Promise<WatcherOutcome | undefined> {
    const key = `${child.uuid}/${sequence}`;
    const answer = this.#aims.get(key) ?? deferred<WatcherOutcome>();
    this.#aims.set(key, answer);
    const body = this.#session.encode({ type: 'interrupt_aim', content: { sequence, onlyWaiting } });
    child.watcher?.write(Buffer.concat(encodePacket({ channel: 'hub' }, body)));
    const outcome = await Promise.race([answer.promise, child.over.then(() => undefined), sleep(4000)]);
    this.#aims.delete(key);
    return outcome ?? undefined;
  }

  async #launch(child: EngineChild): Promise<void> {
    this.#children.push(child);
    await child.start(this.#settings, (exit) => {
      this.#exited(child, exit).catch((error: unknown) =>
        this.#log.error(`the end of engine ${child.id} was not dealt with`, error),
      );
    });
    this.#log.debug(`engine ${child.uuid} has pid ${child.pid}`);
  }

  async #exited(child: EngineChild, exit: Exit): Promise<void> {
    const reason = child.ending === 'stop' ? 'stopped' : child.ending === 'restart' ? 'restarted' : describeExit(exit);
    this.#log.info(`engine ${child.id} is over: ${reason}`);
    // What escaped its group is found by its mark.
    await sweepMarked((mark) => mark === child.markOf(this.#settings.mark));
    const restart = child.ending === 'restart' || (child.ending === undefined && child.aimed !== undefined);
    const next = restart ? new EngineChild(child.id, this.#settings.logFolder) : undefined;
    this.#children = this.#children.filter((other) => other !== child);
    this.#listener.down(child, reason, next);
    if (next) await this.#launch(next);
    child.finish();
    if (this.#children.length === 0) this.#empty.resolve(`no engine is left (the last: ${reason})`);
  }

  #admit(socket: Socket): void {
    const reader = new PacketReader();
    let child: EngineChild | undefined;
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      for (const packet of reader.push(chunk)) {
        if (child) this.#hear(child, packet);
        else child = this.#greet(socket, packet);
        if (!child) return void socket.destroy();
      }
      child?.handOver();
    });
  }

  #greet(socket: Socket, { body }: Packet): EngineChild | undefined {
    const message = decodeMessage(body);
    if (!isMessage(message, 'engine_hello')) return undefined;
    const child = this.#children.find(({ uuid }) => uuid === message.content.uuid);
    if (child && message.content.role === 'watcher') child.watcher = socket;
    else if (child) {
      child.socket = socket;
      if (child.id >= 0) this.#announce(child);
    }
    return child;
  }

  #announce(child: EngineChild): void {
    const environment = { IPCLUSTER_ENGINE_ID: String(child.id) };
    const welcome = this.#session.encode({ type: 'engine_welcome', content: { id: child.id, environment } });
    child.tell({ channel: 'hub' }, welcome);
    this.#listener.up(child);
  }

  #hear(child: EngineChild, packet: Packet): void {
    if (packet.route.channel !== 'hub') {
      this.#listener.packet(child, packet);
      return child.answered(packet);
    }
    const message = decodeMessage(packet.body);
    if (!isMessage(message, 'interrupt_hit')) return;
    this.#aims.get(`${child.uuid}/${message.content.sequence}`)?.resolve(message.content.outcome);
  }
}
