import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { closeFolder } from '../base/own-folder.js';
import { signalOf } from '../base/signals.js';
import { type Deferred, deferred, within } from '../base/wait.js';
import { endGroups, sweepMarked } from '../processes/end.js';
import type { Exit } from '../processes/start.js';
import { identify } from '../processes/table.js';
import { Session } from '../protocol/message.js';
import type { Evidence, MessageContents } from '../protocol/messages.js';
import type { Packet } from '../protocol/packets.js';
import { CrashLoop, type RestartPolicy } from './crash-loop.js';
import { EngineChild } from './engine-child.js';
import { EngineDoor } from './engine-door.js';
import type { EngineSettings } from './engine-settings.js';
import { describeEnd, gatherEvidence } from './evidence.js';
import { FactFinder, factsInterval } from './facts.js';
import { interruptForeign, signalEngine } from './foreign.js';
import type { Held } from './held-requests.js';
import type { WatcherOutcome } from './interrupt.js';

/** Who hears of the engines. */
export interface EngineListener {
  /** An engine is up and has an id. */
  up(child: EngineChild): void;
  /** An engine is over; its requests are still in it. `next` is its successor when it restarts. */
  down(child: EngineChild, end: EngineEnd, next: EngineChild | undefined): void;
  packet(child: EngineChild, packet: Packet): void;
  /** A request was taken out of the engine's queue, because one before it failed. */
  stopped(child: EngineChild, request: Held): void;
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

/** An engine that cannot be started is tried again after pauses between these (milliseconds). */
const [firstPause, longestPause] = [1000, 30_000];
/** Of an engine that never ran. */
const noEvidence = (exit: string): Evidence => ({
  exit,
  lastLines: [],
  memory: null,
  crash: false,
  started: [],
});

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
  readonly #door: EngineDoor;
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
    this.#door = new EngineDoor(settings.socketPath, settings.foreign !== undefined, this.#session, log, {
      expected: (uuid) => this.#expected(uuid),
      came: (child) => child.id >= 0 && this.#welcome(child),
      ready: (child) => this.#comeUp(child),
      packet: (child, packet) => this.#packet(child, packet),
      hit: (child, sequence, outcome) => this.#aims.get(`${child.uuid}/${sequence}`)?.resolve(outcome),
      full: () => listener.full(),
    });
  }

  /** Opens the socket of the engines and starts so many; they need no controller yet. */
  async start(count: number): Promise<void> {
    closeFolder(this.#settings.logFolder);
    await this.#door.open();
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
      child.name(ids[index] ?? -1);
      if (before >= 0 && before !== child.id) renumbered.set(before, child.id);
      if (child.isConnected && (!child.has('up') || before !== child.id)) this.#welcome(child);
    });
    if (renumbered.size > 0) this.#listener.renumbered(renumbered);
  }

  /** Nobody asks for what has not begun: only what runs goes on. */
  finishRunning(): void {
    for (const child of this.#children) child.requests.forgetWaiting();
  }

  find(id: number): EngineChild | undefined {
    return this.#children.find((child) => child.id === id);
  }

  /** Ends an engine and what it started. With `restart` a new one takes its place under the same id. */
  async end(child: EngineChild, how: 'restart' | 'stop'): Promise<void> {
    if (!child.has('started')) {
      // There is no process yet: it is tried at once, or not any more.
      if (how === 'stop') child.end(how);
      child.hurry();
      return void (await within(how === 'stop' ? child.over : child.started, 3000));
    }
    child.end(how);
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
    this.#door.close();
  }

  /**
   * Asks an engine's watcher to interrupt that request, or only to take it out if it has not begun; undefined
   * when it does not answer within four seconds.
   */
  async aim(child: EngineChild, sequence: number, onlyWaiting = false): Promise<WatcherOutcome | undefined> {
    if (child.foreign) return onlyWaiting ? 'unknown' : interruptForeign(child, sequence);
    const key = `${child.uuid}/${sequence}`;
    const answer = this.#aims.get(key) ?? deferred<WatcherOutcome>();
    this.#aims.set(key, answer);
    const body = this.#session.encode({ type: 'interrupt_aim', content: { sequence, onlyWaiting } });
    // A request that has only just come is there before the watcher that came with it.
    void child.watched.then(() => child.tellWatcher({ channel: 'hub' }, body));
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
    await this.#door.open();
    await child.start(this.#settings, (exit) => {
      this.#exited(child, exit).catch((error: unknown) =>
        this.#log.error(`the end of engine ${child.id} was not dealt with`, error),
      );
    });
    this.#log.debug(`engine ${child.uuid} has pid ${child.pid}`);
  }

  /**
   * What the system is short of now it may have later: the place is kept, and tried again for as long as
   * somebody wants it.
   */
  async #startAgain(child: EngineChild): Promise<void> {
    for (
      let pause = firstPause;
      !this.#closing && child.ending !== 'stop';
      pause = Math.min(2 * pause, longestPause)
    ) {
      try {
        return await this.#start(child);
      } catch (error) {
        const reason = `it cannot be started again yet: ${messageOf(error)}`;
        this.#log.warn(`engine ${child.id}: ${reason}`);
        this.#listener.down(child, { reason, evidence: noEvidence(reason) }, child);
        await within(child.hurried, pause * (0.75 + Math.random() / 2));
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
    const stays =
      child.ending === 'stop'
        ? end
        : evidence.crash && this.#crashes.judge(child.id, end, evidence.lastLines.at(-1));
    if (stays && child.ending !== 'stop') this.failed = true;
    const next = stays
      ? undefined
      : new EngineChild(child.id, this.#settings, child.placement, child.restarts + 1);
    const reason = stays || end;
    this.#log.info(`engine ${child.id} is over: ${reason}`);
    this.#children = this.#children.flatMap((other) => (other === child ? (next ?? []) : other));
    this.#listener.down(child, { reason, evidence }, next);
    if (next) void this.#startAgain(next);
    child.finish();
    if (this.#children.length === 0) this.#empty.resolve(`no engine is left (the last: ${reason})`);
  }

  async #lookAround(): Promise<void> {
    const facts = await this.#finder.look(this.#children.filter((child) => child.has('up')));
    if (facts) this.#listener.facts(facts);
  }

  /**
   * The engine of that name. A program that is not ours may have one of its own: it is the first of those
   * that are waited for.
   */
  #expected(uuid: string): EngineChild | undefined {
    const known = this.#children.find((child) => child.uuid === uuid);
    if (known || !this.#settings.foreign) return known;
    const next = this.#children.find(({ isConnected }) => !isConnected);
    next?.rename(uuid);
    return next;
  }

  /** An engine gets its id; the controller hears of it when it can take work. */
  #welcome(child: EngineChild): void {
    const environment = { IPCLUSTER_ENGINE_ID: String(child.id) };
    const welcome = this.#session.encode({
      type: 'engine_welcome',
      content: { id: child.id, pid: child.pid, environment },
    });
    child.tell({ channel: 'hub' }, welcome);
    this.#comeUp(child);
  }

  #comeUp(child: EngineChild): void {
    if (child.comeUp()) this.#listener.up(child);
  }

  #packet(child: EngineChild, packet: Packet): void {
    this.#listener.packet(child, packet);
    for (const request of child.requests.answered(packet)) this.#listener.stopped(child, request);
  }
}
