import { connect, type Socket } from 'node:net';
import { readMemoryFile } from '../base/memory-files.js';
import { objectionTo } from '../base/own-socket.js';
import { type Deferred, deferred, sleep } from '../base/wait.js';
import { call, type Handlers, isHandled } from '../protocol/conversations/handlers.js';
import type { SupervisorToEngine } from '../protocol/conversations/supervisor-engine.js';
import { decodeFrames, encodeFrames, messageFrames } from '../protocol/frames.js';
import { decodeMessage, type Outgoing, type Session } from '../protocol/message.js';
import type { MessageType } from '../protocol/messages.js';
import { encodePacket, joinSmall, type Packet, PacketReader } from '../protocol/packets.js';
import { refusalOfUnknown } from '../protocol/refusal.js';
import type { EngineRoute, ReplyStatus, Route } from '../protocol/routes.js';
import type { EngineHost, EngineSide } from './engine-side.js';
import type { PythonEngine } from './python-engine.js';

/** When a supervisor ends, all its connections do within this time (milliseconds). */
const farewellTime = 1000;

/** One engine's connection to its supervisor. */
interface Line {
  socket: Socket;
  id: Deferred<number>;
  /** Its process, which leads a group. */
  pid: number;
}

/**
 * Engines of Python that a supervisor has started: towards it, each of them looks like an engine of ours, on
 * a connection of its own. The supervisor starts, watches, interrupts and ends them.
 */
export class SupervisedEngines implements EngineHost {
  readonly #path: string;
  readonly #session: Session;
  readonly #lines = new Map<string, Line>();
  #side: EngineSide | undefined;

  /** `path` is the socket on which the supervisor expects its engines. */
  constructor(path: string, session: Session) {
    this.#path = path;
    this.#session = session;
  }

  serve(side: EngineSide): void {
    this.#side = side;
  }

  /** Introduces an engine; its id comes when the supervisor has one for it. */
  admit(uuid: string): Promise<number> {
    const objection = objectionTo(this.#path);
    if (objection !== undefined)
      return Promise.reject(new Error(`the supervisor's socket is not used: ${objection}`));
    const id = deferred<number>();
    const socket = connect(this.#path);
    const reader = new PacketReader();
    socket.on('connect', () =>
      this.#tell(socket, { type: 'engine_hello', content: { uuid, pid: 0, role: 'engine', ready: false } }),
    );
    socket.on('data', (chunk) => {
      for (const packet of reader.push(chunk)) this.#receive(uuid, packet, id);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#side?.forget(uuid);
      // Where the supervisor has ended as well, its engines are ended by what stands here; of one that has
      // died nothing may be kept.
      setTimeout(() => this.#lines.delete(uuid), farewellTime).unref();
      id.reject(new Error('the supervisor expects no such engine'));
    });
    this.#lines.set(uuid, { socket, id, pid: 0 });
    return id.promise;
  }

  ready({ uuid }: PythonEngine): void {
    const line = this.#lines.get(uuid);
    if (line) this.#tell(line.socket, { type: 'engine_ready', content: {} });
  }

  reply({ uuid }: PythonEngine, id: string, status: ReplyStatus, frames: Buffer[]): void {
    this.#send(uuid, { channel: 'reply', id, status }, frames);
  }

  output({ uuid, id: from }: PythonEngine, id: string, session: string, frames: Buffer[]): void {
    this.#send(uuid, { channel: 'output', id, session, from }, frames);
  }

  /** Its process is the supervisor's to see. */
  gone({ uuid }: PythonEngine): void {
    this.#lines.get(uuid)?.socket.end();
    this.#lines.delete(uuid);
  }

  /** The supervisor has gone without a word: its engines must not outlive it. */
  async endAll(): Promise<void> {
    const left = (): number[] =>
      [...this.#lines.values()].flatMap(({ pid }) => (pid > 0 && isAlive(pid) ? [pid] : []));
    for (const pid of left()) kill(-pid, 'SIGTERM');
    for (let tries = 0; tries < 40 && left().length > 0; tries++) await sleep(50);
    for (const pid of left()) kill(-pid, 'SIGKILL');
  }

  #receive(uuid: string, { route, body }: Packet, id: Deferred<number>): void {
    if (route.channel === 'engine') return this.#side?.run(uuid, route.id, withFiles(route, body));
    if (route.channel !== 'hub') return;
    const message = decodeMessage(body);
    if (isHandled<SupervisorToEngine>(message, this.#orders)) return call(this.#orders, message, uuid, id);
    const refused = refusalOfUnknown(this.#session, message.header, 'a supervisor');
    const line = this.#lines.get(uuid);
    if (line) write(line.socket, refused.route, refused.body);
  }

  readonly #orders: Handlers<SupervisorToEngine, [string, Deferred<number>]> = {
    engine_welcome: ({ content }, uuid, id) => {
      const line = this.#lines.get(uuid);
      if (line) line.pid = content.pid;
      id.resolve(content.id);
    },
  };

  #tell<T extends MessageType>(socket: Socket, outgoing: Outgoing<T>): void {
    write(socket, { channel: 'hub' }, this.#session.encode(outgoing));
  }

  #send(uuid: string, route: Route, frames: Buffer[]): void {
    const line = this.#lines.get(uuid);
    if (line) write(line.socket, route, encodeFrames(frames));
  }
}

function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

const isAlive = (pid: number): boolean => kill(pid, 0);

function write(socket: Socket, route: Route, body: readonly Buffer[]): void {
  socket.cork();
  for (const chunk of joinSmall(encodePacket(route, body))) socket.write(chunk);
  socket.uncork();
}

/** A request with its large frames, which may lie in memory of this host. */
function withFiles({ files = [] }: EngineRoute, body: Buffer): Buffer {
  if (files.length === 0) return body;
  const frames = decodeFrames(body);
  for (const file of files) frames[file.index + messageFrames] = readMemoryFile(file);
  return Buffer.concat(encodeFrames(frames));
}
