import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { MemoryFile } from '../base/memory-files.js';
import { Pace } from '../base/pace.js';
import { programFile } from '../base/package.js';
import { deferred } from '../base/wait.js';
import type { EngineProgram } from '../processes/engine-program.js';
import { oomScores, setOomScore, taskEnvironment } from '../processes/environment.js';
import { type Placement, placementOf } from '../processes/placement.js';
import { type Exit, type Started, startProcess } from '../processes/start.js';
import { markVariable } from '../processes/table.js';
import { headerOf } from '../protocol/message.js';
import type { HeldRequest } from '../protocol/messages.js';
import { encodePacket, joinSmall, type Packet } from '../protocol/packets.js';
import { type Route, sequenceLimit } from '../protocol/routes.js';
import { stopsOnError, takeStopped } from '../protocol/stop-on-error.js';
import { engineCommand } from './engine-command.js';

/** A request that the engine has, or that waits here for it. */
export interface Assigned {
  id: string;
  queue: HeldRequest['queue'];
  body: Buffer;
  files: MemoryFile[] | undefined;
  /** Its number on the engine's connection once it was handed over. */
  sequence: number;
  handedAt: number;
}

/** Where engines are started and what they are told. */
export interface EngineSettings {
  socketPath: string;
  logFolder: string;
  mark: string;
  workFolder: string;
  /** What of the node belongs to each engine, by place; none where they share. */
  placements: readonly Placement[];
  /** What an engine's command begins with: a container, for example. */
  wrapper: readonly string[];
  /** What engines are, and how they reach their gateway; undefined for our own. */
  foreign: ForeignEngines | undefined;
}

/** Engines that are not our own program. */
export interface ForeignEngines {
  program: EngineProgram;
  /** IPython's connection file of the node's gateway. */
  file: string;
  profileFolder: string;
  /** Milliseconds until an engine must have its id. */
  timeout: number;
}

/** Requests that take less than so many milliseconds on average are handed over so many at a time; those of Python take longer. */
const ownPace = { short: 0.5, most: 16 };
const foreignPace = { short: 5, most: 4 };

/** One engine as its supervisor sees it: a process, its two connections, and the requests it has been given. */
export class EngineChild {
  /** The id that the controller gave to this place; a restarted engine keeps it. */
  id: number;
  /** A program that is not ours may come under a name of its own. */
  uuid: string = randomUUID();
  readonly foreign: ForeignEngines | undefined;
  readonly logFile: string;
  readonly waiting: Assigned[] = [];
  readonly handed: Assigned[] = [];
  socket: Socket | undefined;
  watcher: Socket | undefined;
  /** Settles when its watcher is there: it comes with the first request. */
  readonly watched = deferred<void>();
  /** The request that is being interrupted: should the engine end by that, it is restarted. */
  aimed: Assigned | undefined;
  /** Set when its end is our doing. */
  ending: 'restart' | 'stop' | undefined;
  /** Settles when its process is there. */
  readonly begun: Promise<void>;
  hasBegun = false;
  /** Settles when somebody wants it started, or given up, without more waiting. */
  wanted: Promise<void> = Promise.resolve();
  /** Settles when its end has been dealt with. */
  readonly over: Promise<void>;
  isOver = false;
  /** How often an engine was started again at this place. */
  readonly restarts: number;
  readonly placement: Placement | undefined;
  /** True when it can take work. */
  isReady = false;
  /** True when it has its id and may be given work. */
  isUp = false;
  /** Resident bytes when last looked at. */
  memory: number | null = null;
  /** Files that its code has loaded, with the hash that each had then. */
  readonly loaded = new Map<string, string>();
  readonly #settleBegun: () => void;
  #want: () => void = () => {};
  readonly #settleOver: () => void;
  #process: Started | undefined;
  #sequence = 0;
  readonly #pace: Pace;

  constructor(
    id: number,
    { logFolder, foreign }: Pick<EngineSettings, 'logFolder' | 'foreign'>,
    placement: Placement | undefined,
    restarts = 0,
  ) {
    this.id = id;
    this.foreign = foreign;
    this.#pace = new Pace(foreign ? foreignPace : ownPace);
    this.placement = placement;
    this.restarts = restarts;
    const begun = deferred<void>();
    this.begun = begun.promise;
    this.#settleBegun = begun.resolve;
    this.#waitAgain();
    const over = deferred<void>();
    this.over = over.promise;
    this.#settleOver = over.resolve;
    this.logFile = join(logFolder, `engine-${hostname()}-${this.uuid.slice(0, 8)}.log`);
  }

  get language(): string {
    return this.foreign?.program.language ?? 'javascript';
  }

  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  /** Starts the process; `onExit` is told when it is over. */
  async start({ socketPath, mark, workFolder, wrapper }: EngineSettings, onExit: (exit: Exit) => void): Promise<void> {
    const { prefix, env } = placementOf(this.placement, process.env);
    const [first, ...rest] = this.foreign ? engineCommand(this.foreign, this.uuid) : this.#ownCommand(socketPath);
    const [program = first, ...words] = [...prefix, ...wrapper, first];
    const inherited = this.foreign?.program.isRank ? process.env : taskEnvironment(process.env);
    this.#process = await startProcess({
      argv: [program, ...words, ...rest],
      // One thread for file and crypto work is plenty beside user code, and 64 engines must fit the limits of a machine.
      env: { ...inherited, ...env, UV_THREADPOOL_SIZE: '1', [markVariable]: this.markOf(mark) },
      cwd: workFolder,
      stdout: this.logFile,
      stderr: this.logFile,
    });
    this.hasBegun = true;
    this.#settleBegun();
    setOomScore(this.#process.pid, oomScores.engine);
    void this.#process.exited.then(onExit);
  }

  #ownCommand(socketPath: string): [string, ...string[]] {
    const flags = ['--v8-pool-size=1', '--disable-warning=ExperimentalWarning'];
    return [process.execPath, ...flags, programFile('engine', 'cjs'), socketPath, this.uuid];
  }

  /** Ends a pause before its next start. */
  want(): void {
    this.#want();
    this.#waitAgain();
  }

  #waitAgain(): void {
    this.wanted = new Promise((resolve) => {
      this.#want = resolve;
    });
  }

  /** Its end has been dealt with. */
  finish(): void {
    this.isOver = true;
    this.#settleOver();
  }

  /** What everything that this engine starts can be found by. */
  markOf(mark: string): string {
    return `${mark}/${this.uuid}`;
  }

  /** Puts a request behind the others. */
  assign(id: string, queue: HeldRequest['queue'], body: Buffer, files?: MemoryFile[]): void {
    this.waiting.push({ id, queue, body, files, sequence: -1, handedAt: 0 });
    this.handOver();
  }

  /** How many requests it may have: none behind code whose failure stops what follows. */
  get #window(): number {
    const last = this.handed.at(-1);
    return last?.queue === 'direct' && stopsOnError(last.body) ? 1 : this.#pace.window;
  }

  /** Hands requests to the engine: one at a time, or a few where they are short, so that it need not wait for each. */
  handOver(): void {
    const parts: Buffer[] = [];
    while (this.socket && this.waiting.length > 0 && this.handed.length < this.#window) {
      const next = this.waiting.shift();
      if (!next) break;
      this.#sequence = (this.#sequence + 1) % sequenceLimit;
      next.sequence = this.#sequence;
      next.handedAt = performance.now();
      this.handed.push(next);
      const { id, sequence, files } = next;
      parts.push(...encodePacket({ channel: 'engine', id, sequence, ...(files && { files }) }, [next.body]));
    }
    if (parts.length > 0) this.#write(parts);
  }

  #write(parts: readonly Buffer[]): void {
    this.socket?.cork();
    for (const chunk of joinSmall(parts)) this.socket?.write(chunk);
    this.socket?.uncork();
  }

  /** Sends a message that is no request. */
  tell(route: Route, body: readonly Buffer[]): void {
    this.#write(encodePacket(route, body));
  }

  /** Takes note of a reply: which request it ends, and how long such requests take. Answers those that will not run because of it. */
  answered(packet: Packet): Assigned[] {
    if (packet.route.channel !== 'reply') return [];
    const { id, status } = packet.route;
    const index = this.handed.findIndex((assigned) => assigned.id === id);
    const [assigned] = index >= 0 ? this.handed.splice(index, 1) : [];
    if (!assigned) return [];
    this.#pace.answered(assigned.handedAt);
    if (status !== 'error' || assigned.queue !== 'direct' || !stopsOnError(assigned.body)) return [];
    return takeStopped(this.waiting, headerOf(assigned.body).header.session);
  }

  /** Removes a request that the engine will not run; false when it is not here. */
  drop(id: string, from: Assigned[] = this.waiting): boolean {
    const index = from.findIndex((assigned) => assigned.id === id);
    if (index >= 0) from.splice(index, 1);
    return index >= 0;
  }
}
