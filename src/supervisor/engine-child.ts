import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { MemoryFile } from '../base/memory-files.js';
import { deferred } from '../base/wait.js';
import type { Placement } from '../processes/placement.js';
import type { Exit, Started } from '../processes/start.js';
import type { HeldRequest, MessageContents } from '../protocol/messages.js';
import { encodePacket, joinSmall } from '../protocol/packets.js';
import type { Route } from '../protocol/routes.js';
import { startEngine } from './engine-process.js';
import type { EngineSettings, ForeignEngines } from './engine-settings.js';
import { type Held, HeldRequests } from './held-requests.js';

/**
 * How far an engine has come: it has a process; a connection; it can take work; it has its id and may be
 * given work; its end has been dealt with. It never goes back.
 */
const phases = ['planned', 'started', 'connected', 'ready', 'up', 'over'] as const;
type Phase = (typeof phases)[number];

/** Files of one engine that are watched for changes. */
const mostLoaded = 10_000;

/**
 * One engine as its supervisor sees it: a process, its two connections, and the requests it has been given.
 */
export class EngineChild {
  readonly foreign: ForeignEngines | undefined;
  readonly logFile: string;
  readonly placement: Placement | undefined;
  /** How often an engine was started again at this place. */
  readonly restarts: number;
  readonly requests: HeldRequests;
  #id: number;
  #uuid: string = randomUUID();
  #phase: Phase = 'planned';
  #ending: 'restart' | 'stop' | undefined;
  #aimed: Held | undefined;
  #process: Started | undefined;
  #socket: Socket | undefined;
  #watcher: Socket | undefined;
  #memory: number | null = null;
  readonly #loaded = new Map<string, string>();
  readonly #started = deferred<void>();
  readonly #watched = deferred<void>();
  readonly #over = deferred<void>();
  #hurried = deferred<void>();

  /**
   * `id` is the one that the controller gave to this place, -1 before it has given one; a restarted engine
   * keeps it.
   */
  constructor(
    id: number,
    { logFolder, foreign }: Pick<EngineSettings, 'logFolder' | 'foreign'>,
    placement: Placement | undefined,
    restarts = 0,
  ) {
    this.#id = id;
    this.foreign = foreign;
    this.placement = placement;
    this.restarts = restarts;
    this.requests = new HeldRequests(foreign !== undefined);
    this.logFile = join(logFolder, `engine-${hostname()}-${this.#uuid.slice(0, 8)}.log`);
  }

  get id(): number {
    return this.#id;
  }

  get uuid(): string {
    return this.#uuid;
  }

  get language(): string {
    return this.foreign?.program.language ?? 'javascript';
  }

  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  /** True from that phase on. */
  has(phase: Phase): boolean {
    return phases.indexOf(this.#phase) >= phases.indexOf(phase);
  }

  /** Set when its end is our doing. */
  get ending(): 'restart' | 'stop' | undefined {
    return this.#ending;
  }

  /** The request that is being interrupted: should the engine end by that, it is restarted. */
  get aimed(): Held | undefined {
    return this.#aimed;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  get isWatched(): boolean {
    return this.#watcher !== undefined;
  }

  /** Resident bytes when last looked at. */
  get memory(): number | null {
    return this.#memory;
  }

  /** Files that its code has loaded, with the hash that each had then. */
  get loaded(): ReadonlyMap<string, string> {
    return this.#loaded;
  }

  /** Settles when its process is there. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Settles when its watcher is there: it comes with the first request. */
  get watched(): Promise<void> {
    return this.#watched.promise;
  }

  /** Settles when its end has been dealt with. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Settles when somebody wants it started, or given up, without more waiting. */
  get hurried(): Promise<void> {
    return this.#hurried.promise;
  }

  /** What everything that this engine starts can be found by. */
  markOf(mark: string): string {
    return `${mark}/${this.#uuid}`;
  }

  /** Starts the process; `onExit` is told when it is over. */
  async start(settings: EngineSettings, onExit: (exit: Exit) => void): Promise<void> {
    this.#process = await startEngine(this, settings);
    this.#reach('started');
    this.#started.resolve();
    void this.#process.exited.then(onExit);
  }

  /** Ends a pause before its next start. */
  hurry(): void {
    this.#hurried.resolve();
    this.#hurried = deferred();
  }

  /** The controller has that id for it. */
  name(id: number): void {
    this.#id = id;
  }

  /** A program that is not ours has come under a name of its own. */
  rename(uuid: string): void {
    this.#uuid = uuid;
  }

  /** It has introduced itself; false where it had done so before: nobody can take its place. */
  connect(socket: Socket, isReady: boolean): boolean {
    if (this.#socket) return false;
    this.#socket = socket;
    this.#reach(isReady ? 'ready' : 'connected');
    return true;
  }

  /** Its second thread has introduced itself; false where it had done so before. */
  connectWatcher(socket: Socket): boolean {
    if (this.#watcher) return false;
    this.#watcher = socket;
    this.#watched.resolve();
    return true;
  }

  /** It can take work. */
  becomeReady(): void {
    this.#reach('ready');
  }

  /** It is given work from now on; false where it is already, has no id, or cannot take any yet. */
  comeUp(): boolean {
    if (this.#id < 0 || !this.has('ready') || this.has('up')) return false;
    this.#reach('up');
    return true;
  }

  /** Its end will be our doing. */
  end(how: 'restart' | 'stop'): void {
    this.#ending = how;
  }

  /** That request of it is being interrupted, or none any more. */
  aimAt(request: Held | undefined): void {
    this.#aimed = request;
  }

  /**
   * Its process is gone, and that has been dealt with. A gateway that speaks for it learns so that it has
   * ended.
   */
  finish(): void {
    this.#socket?.destroy();
    this.#reach('over');
    this.#over.resolve();
  }

  /** It was looked at, and has so many resident bytes. */
  measure(memory: number | undefined): void {
    this.#memory = memory ?? this.#memory;
  }

  /** Its code has loaded files. */
  load(files: MessageContents['engine_loaded']['files']): void {
    for (const { path, hash } of files) if (this.#loaded.size < mostLoaded) this.#loaded.set(path, hash);
  }

  /** Puts a request behind the others. */
  assign(id: string, queue: HeldRequest['queue'], body: Buffer, files?: MemoryFile[]): void {
    this.requests.add(id, queue, body, files);
    this.handOver();
  }

  /** Hands the engine what it may have. */
  handOver(): void {
    if (!this.#socket) return;
    const parts = this.requests.next();
    if (parts.length > 0) this.#write(parts);
  }

  /** Sends a message that is no request. */
  tell(route: Route, body: readonly Buffer[]): void {
    this.#write(encodePacket(route, body));
  }

  /** The same to its watcher. */
  tellWatcher(route: Route, body: readonly Buffer[]): void {
    this.#watcher?.write(Buffer.concat(encodePacket(route, body)));
  }

  #write(parts: readonly Buffer[]): void {
    this.#socket?.cork();
    for (const chunk of joinSmall(parts)) this.#socket?.write(chunk);
    this.#socket?.uncork();
  }

  #reach(phase: Phase): void {
    if (!this.has(phase)) this.#phase = phase;
  }
}
