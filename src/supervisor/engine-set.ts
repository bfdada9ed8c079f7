import type { Socket } from 'node:net';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { closeFolder } from '../base/own-folder.js';
import { signalOf } from '../base/signals.js';
import { type Deferred, deferred, within } from '../base/wait.js';
import { endGroups, sweepMarked } from '../processes/end.js';
import type { Exit } from '../processes/start.js';
import { identify } from '../processes/table.js';
import { engineMessages } from '../protocol/engine-messages.js';
import { checked, decodeMessage, isMessage, Session } from '../protocol/message.js';
import type { Evidence, MessageContents } from '../protocol/messages.js';
import { encodePacket, type Packet, PacketReader } from '../protocol/packets.js';
import { CrashLoop, type RestartPolicy } from './crash-loop.js';
import { type Assigned, EngineChild, type EngineSettings } from './engine-child.js';
import { EngineSocket } from './engine-socket.js';
import { describeEnd, gatherEvidence } from './evidence.js';
import { FactFinder, factsInterval } from './facts.js';
import { interruptForeign, signalEngine } from './foreign.js';
import type { WatcherOutcome } from './interrupt.js';

/** Who hears of the engines. */
export interface EngineListener {
  /** An engine is up and has an id. */
  up(child: EngineChild): void;
  /** An engine is over; its requests are still in it. `next` is its successor when it restarts. */
  down(child: EngineChild, end: EngineEnd, next: EngineChild | undefined): void;
  packet(child: EngineChild, packet: Packet): void;
  /** A request was taken out of the engine's queue, because one before it failed. */
  stopped(child: EngineChild, request: Assigned): void;
  facts(facts: MessageContents['engine_facts']): void;
  /** Engines have other ids from now on: the controller had given theirs to somebody else. */
  renumbered(ids: ReadonlyMap<number, number>): void;
  /** True while what engines send should wait with them, since it does not go on from here. */
  full(): boolean;
}

/** Why an engine is over, in a line and in full. */
export interface EngineEnd {
  reason: string;
  evidence: Evidence;
}

/** Who connects to the engines' socket must say who he is within this time (milliseconds). */
const greetingTime = 10_000;
/** Until then he may send this much. */
const greetingSize = 65_536;
/** An engine that cannot be started is tried again after pauses between these (milliseconds). */
const [firstPause, longestPause] = [1000, 30_000];
/** Of an engine that never ran. */
const noEvidence = (exit: string): Evidence => ({ exit, lastLines: [], memory: null, crash: false, started: [] });
/** Files of one engine that are watched for changes. */
const mostLoaded = 10_000;
/** How often it is looked whether engines may send again (milliseconds). */
const drainInterval = 20;

/** The engines of one node: processes, connections, restarts, ends. Knows no controller. */
export class EngineSet {
  /** Settles with a reason when no engine is left. */
  readonly empty: Promise<string>;
  /** True when an engine was given up because it died again and again. */
  failed = false;
  readonly #settings: EngineSettings;
  readonly #log: Log;
  readonly #listener: EngineListener;
  readonly #session = new Session('supervisor');
  readonly #socket: EngineSocket;
  readonly #empty = deferred<string>();
  readonly #aims = new Map<string, Deferred<WatcherOutcome>>();
  readonly #crashes: CrashLoop;
  readonly #finder = new FactFinder();
  readonly #facts: NodeJS.Timeout;
  #children: EngineChild[] = [];
  #closing = false;

  constructor(settings: EngineSettings, restart: RestartPolicy, log: Log, listener: EngineListener) {
    this.#crashes = new CrashLoop(restart);
    this.#facts = setInterval(() => void this.#lookAround(), factsInterval);
    this.#settings = settings;
    this.#log = log;
    this.#listener = listener;
    this.empty = this.#empty.promise;
    this.#socket = new EngineSocket(settings.socketPath, (socket) => this.#admit(socket));
  }

  /** Opens the socket of the engines and starts so many; they need no controller yet. */
  async start(count: number): Promise<void> {
    closeFolder(this.#settings.logFolder);
    await this.#socket.open();
    this.#children = Array.from(
      { length: count },
      (_unused, index) => new EngineChild(-1, this.#settings, this.#settings.placements[index]),
    );
    await Promise.all(this.#children.map((child) => this.#start(child)));
  }

  /** All places, in order. */
  get all(): readonly EngineChild[] {
    return this.#children;
  }

  /** The controller's ids for these places. Engines that wait for theirs are announced now. */
  name(children: readonly EngineChild[], ids: readonly number[]): void {
    this.#finder.forget();
    const renumbered = new Map<number, number>();
    children.forEach((child, index) => {
      const before = child.id;
      child.id = ids[index] ?? -1;
      if (before >= 0 && before !== child.id) renumbered.set(before, child.id);
      if (child.socket && (!child.isUp || before !== child.id)) this.#welcome(child);
    });
    if (renumbered.size > 0) this.#listener.renumbered(renumbered);
  }

  /** Nobody asks for what has not begun: only what runs goes on. */
  finishRunning(): void {
    for (const child of this.#children) child.waiting.length = 0;
  }

  find(id: number): EngineChild | undefined {
    return this.#children.find((child) => child.id === id);
  }

  /** Ends an engine and what it started. With `restart` a new one takes its place under the same id. */
  async end(child: EngineChild, how: 'restart' | 'stop'): Promise<void> {
    if (!child.hasBegun) {
      // There is no process yet: it is tried at once, or not any more.
      if (how === 'stop') child.ending = how;
      child.want();
      return void (await within(how === 'stop' ? child.over : child.begun, 3000));
    }
    child.ending = how;
    const leader = identify(child.pid);
    // A restart is the answer to code that does not give way, so it does not ask.
    if (leader) await endGroups([leader], { grace: how === 'restart' ? 0 : 2000 });
    await within(child.over, 3000);
  }

  /** Starts all engines again: what they were connected by is gone. */
  restartAll(): void {
    for (const child of this.#children) void this.end(child, 'restart');
  }

  /** Ends all engines and closes their socket. */
  async close(): Promise<void> {
    clearInterval(this.#facts);
    this.#closing = true;
    await Promise.all(this.#children.map((child) => this.end(child, 'stop')));
    await sweepMarked((mark) => mark.startsWith(`${this.#settings.mark}/`));
    this.#socket.close();
  }

  /**
   * Asks an engine's watcher to interrupt that request, or only to take it out if it has not begun; undefined when it does not
   * answer within four seconds.
   */
  async aim(child: EngineChild, sequence: number, onlyWaiting = false): Promise<WatcherOutcome | undefined> {
    if (child.foreign) return onlyWaiting ? 'unknown' : interruptForeign(child, sequence);
    const key = `${child.uuid}/${sequence}`;
    const answer = this.#aims.get(key) ?? deferred<WatcherOutcome>();
    this.#aims.set(key, answer);
    const body = this.#session.encode({ type: 'interrupt_aim', content: { sequence, onlyWaiting } });
    // A request that has only just come is there before the watcher that came with it.
    void child.watched.promise.then(() => child.watcher?.write(Buffer.concat(encodePacket({ channel: 'hub' }, body))));
    const outcome = await within(Promise.race([answer.promise, child.over.then(() => undefined)]), 4000);
    this.#aims.delete(key);
    return outcome ?? undefined;
  }

  /** Sends a signal, by name or number, to those engines; answers which there were. */
  signal(ids: readonly number[], word: string): number[] {
    const children = ids.flatMap((id) => this.find(id) ?? []);
    return children.filter((child) => signalEngine(child, signalOf(word), false)).map(({ id }) => id);
  }

  async #start(child: EngineChild): Promise<void> {
    await this.#socket.open();
    await child.start(this.#settings, (exit) => {
      this.#exited(child, exit).catch((error: unknown) =>
        this.#log.error(`the end of engine ${child.id} was not dealt with`, error),
      );
    });
    this.#log.debug(`engine ${child.uuid} has pid ${child.pid}`);
  }

  /** What the system is short of now it may have later: the place is kept, and tried again for as long as somebody wants it. */
  async #startAgain(child: EngineChild): Promise<void> {
    for (let pause = firstPause; !this.#closing && child.ending !== 'stop'; pause = Math.min(2 * pause, longestPause)) {
      try {
        return await this.#start(child);
      } catch (error) {
        const reason = `it cannot be started again yet: ${messageOf(error)}`;
        this.#log.warn(`engine ${child.id}: ${reason}`);
        this.#listener.down(child, { reason, evidence: noEvidence(reason) }, child);
        await within(child.wanted, pause * (0.75 + Math.random() / 2));
      }
    }
    this.#forget(child);
  }

  /** A place whose engine never came to be is given up. */
  #forget(child: EngineChild): void {
    const reason = 'stopped before it could be started again';
    this.#children = this.#children.filter((other) => other !== child);
    this.#listener.down(child, { reason, evidence: noEvidence(reason) }, undefined);
    child.finish();
    if (this.#children.length === 0) this.#empty.resolve(`no engine is left (the last: ${reason})`);
  }

  async #exited(child: EngineChild, exit: Exit): Promise<void> {
    const evidence = await gatherEvidence(child, exit, this.#finder.kills);
    const end = describeEnd(child, evidence);
    // What escaped its group is found by its mark.
    await sweepMarked((mark) => mark === child.markOf(this.#settings.mark));
    const stays = child.ending === 'stop' ? end : evidence.crash && this.#crashes.judge(child.id, end, evidence.lastLines.at(-1));
    if (stays && child.ending !== 'stop') this.failed = true;
    const next = stays ? undefined : new EngineChild(child.id, this.#settings, child.placement, child.restarts + 1);
    const reason = stays || end;
    this.#log.info(`engine ${child.id} is over: ${reason}`);
    this.#children = this.#children.flatMap((other) => (other === child ? (next ?? []) : other));
    this.#listener.down(child, { reason, evidence }, next);
    if (next) void this.#startAgain(next);
    // A gateway that speaks for it learns so that it has ended.
    child.socket?.destroy();
    child.finish();
    if (this.#children.length === 0) this.#empty.resolve(`no engine is left (the last: ${reason})`);
  }

  #admit(socket: Socket): void {
    const reader = new PacketReader({ limit: greetingSize });
    let child: EngineChild | 'gateway' | undefined;
    const late = setTimeout(() => socket.destroy(), greetingTime);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearTimeout(late));
    socket.on('data', (chunk) => {
      try {
        for (const packet of reader.push(chunk)) {
          if (child === 'gateway') continue;
          if (child) this.#hear(child, packet);
          else child = this.#greet(socket, packet);
          if (!child) return void socket.destroy();
          clearTimeout(late);
          reader.limit = undefined;
        }
      } catch (error) {
        // Bytes that are no messages end their own connection, and nothing else.
        this.#log.warn(
          `a connection of ${child instanceof EngineChild ? `engine ${child.id}` : 'somebody'} was ended: ${messageOf(error)}`,
        );
        return void socket.destroy();
      }
      if (child instanceof EngineChild) child.handOver();
      if (this.#listener.full()) this.#holdBack(socket);
    });
  }

  /** What engines send waits with them until the controller has read on. */
  #holdBack(socket: Socket): void {
    socket.pause();
    const timer = setInterval(() => {
      if (this.#listener.full() && !socket.destroyed) return;
      clearInterval(timer);
      socket.resume();
    }, drainInterval);
  }

  async #lookAround(): Promise<void> {
    const facts = await this.#finder.look(this.#children.filter(({ isUp }) => isUp));
    if (facts) this.#listener.facts(facts);
  }

  #greet(socket: Socket, { body }: Packet): EngineChild | 'gateway' | undefined {
    const message = checked(decodeMessage(body), engineMessages, 'an engine');
    if (!isMessage(message, 'engine_hello')) return undefined;
    // It only wants to know when we end; its engines come by connections of their own.
    if (message.content.role === 'gateway') return this.#settings.foreign && 'gateway';
    const child = this.#expected(message.content.uuid);
    const role = message.content.role === 'watcher' ? 'watcher' : 'socket';
    // An engine says who it is once: nobody can take its place.
    if (!child || child[role]) return undefined;
    child[role] = socket;
    if (role === 'watcher') child.watched.resolve();
    if (role === 'socket') child.isReady = message.content.ready !== false;
    if (role === 'socket' && child.id >= 0) this.#welcome(child);
    return child;
  }

  /** The engine of that name. A program that is not ours may have one of its own: it is the first of those that are waited for. */
  #expected(uuid: string): EngineChild | undefined {
    const known = this.#children.find((child) => child.uuid === uuid);
    if (known || !this.#settings.foreign) return known;
    const next = this.#children.find(({ socket }) => !socket);
    if (next) next.uuid = uuid;
    return next;
  }

  /** An engine gets its id; the controller hears of it when it can take work. */
  #welcome(child: EngineChild): void {
    const environment = { IPCLUSTER_ENGINE_ID: String(child.id) };
    const welcome = this.#session.encode({ type: 'engine_welcome', content: { id: child.id, pid: child.pid, environment } });
    child.tell({ channel: 'hub' }, welcome);
    if (child.isReady && !child.isUp) this.#up(child);
  }

  #up(child: EngineChild): void {
    child.isUp = true;
    this.#listener.up(child);
  }

  #hear(child: EngineChild, packet: Packet): void {
    if (packet.route.channel !== 'hub') {
      this.#listener.packet(child, packet);
      for (const request of child.answered(packet)) this.#listener.stopped(child, request);
      return;
    }
    const message = checked(decodeMessage(packet.body), engineMessages, 'an engine');
    if (isMessage(message, 'engine_loaded')) {
      for (const { path, hash } of message.content.files) if (child.loaded.size < mostLoaded) child.loaded.set(path, hash);
      return;
    }
    if (isMessage(message, 'engine_ready')) {
      child.isReady = true;
      if (child.id >= 0 && !child.isUp) this.#up(child);
      return;
    }
    if (!isMessage(message, 'interrupt_hit')) return;
    this.#aims.get(`${child.uuid}/${message.content.sequence}`)?.resolve(message.content.outcome);
  }
}
