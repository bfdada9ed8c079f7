import { newSession } from '../base/identifiers.js';
import type { Log } from '../base/log.js';
import { Timer } from '../base/timer.js';
import { encodeFrames } from '../protocol/frames.js';
import type { ClusterEvent, EngineName } from '../protocol/messages.js';
import type { Link } from '../transport/link.js';
import { Broadcast } from './broadcast.js';
import { ClientAnswers } from './client-answers.js';
import { control } from './controls.js';
import type { Directory } from './directory.js';
import { type Curve, Endpoint } from './endpoint.js';
import { errorContent, HubRequests } from './hub-requests.js';
import { PythonClient } from './python-client.js';
import { ShownOutput } from './shown-output.js';
import type { Signer } from './signer.js';
import { Speaker } from './speaker.js';
import { readHeader, readObject, splitWire, toFrame, toFrameWith, type WireHeader } from './wire.js';

export interface ClientSideOptions {
  signer: Signer;
  curve: Curve | undefined;
  ports: Readonly<Record<string, number>>;
  directory: Directory;
  /** Opens a connection to the controller. */
  connect: () => Promise<Link>;
  lease: number;
  log: Log;
}

const requestSockets = ['registration', 'mux', 'task', 'control', 'broadcast'] as const;
type RequestSocket = (typeof requestSockets)[number];
type SocketName = RequestSocket | 'iopub' | 'notification';

/** A message of a client, opened: who sent it, and the engine that it names. */
interface Opened {
  socket: Endpoint;
  to: Buffer;
  /** Name of an engine, on the channels where one is named. */
  engine: string;
  header: WireHeader;
  metadata: Record<string, unknown> | undefined;
  content: Record<string, unknown> | undefined;
  frames: Buffer[];
  client: PythonClient;
}

/** So many clients are known at once. */
const mostClients = 200;

/**
 * A client that connects may not hear of who comes in that moment, so it is told again after these times
 * (milliseconds).
 */
const repeats = [300, 1500];

/**
 * The sockets that IPython's clients connect to. Each client is a client of the controller, under its own
 * session.
 */
export class ClientSide {
  readonly #options: ClientSideOptions;
  readonly #speaker: Speaker;
  readonly #sockets = new Map<SocketName, Endpoint>();
  readonly #clients = new Map<string, PythonClient>();
  readonly #output = new ShownOutput();
  readonly #hub: HubRequests;
  readonly #answers: ClientAnswers;
  #connections = 0;

  constructor(options: ClientSideOptions) {
    const { directory, signer } = options;
    this.#options = options;
    this.#speaker = new Speaker(signer);
    this.#hub = new HubRequests(directory, this.#output);
    this.#answers = new ClientAnswers(this.#speaker, directory, this.#output);
  }

  /** Opens the sockets; answers their ports by IPython's names. */
  async open(): Promise<Record<SocketName, number>> {
    const { curve, ports, log } = this.#options;
    for (const name of requestSockets) {
      const onMessage = (parts: Buffer[]): void => this.#receive(name, parts);
      this.#sockets.set(
        name,
        await Endpoint.open({ kind: 'router', curve, log, port: ports[`client ${name}`], onMessage }),
      );
    }
    for (const name of ['iopub', 'notification'] as const)
      this.#sockets.set(
        name,
        await Endpoint.open({ kind: 'publisher', curve, log, port: ports[`client ${name}`] }),
      );
    this.#answers.published = this.#socket('iopub');
    // Clients of Python never say goodbye: when nobody is connected any more, all of them have gone.
    this.#socket('mux').watchConnections((difference) => {
      this.#connections += difference;
      if (this.#connections <= 0) this.#forgetClients();
    });
    return Object.fromEntries([...this.#sockets].map(([name, { port }]) => [name, port])) as Record<
      SocketName,
      number
    >;
  }

  /** Tells Python's clients of an engine that came or went. */
  tell(event: ClusterEvent): void {
    if (event.event === 'engine_left') this.#notify('unregistration_notification', event);
    if (event.event !== 'engine_joined') return;
    this.#notify('registration_notification', event);
    for (const after of repeats) {
      new Timer(after, () => {
        if (this.#options.directory.byUuid(event.uuid)) this.#notify('registration_notification', event);
      }).unref();
    }
  }

  /** The controller ends: Python's clients close, unless they stay for the next one. */
  async close(stay: boolean): Promise<void> {
    const farewell = this.#speaker.message('shutdown_notification', { status: 'ok' });
    if (!stay) this.#speaker.send(this.#socket('notification'), [], farewell);
    await Promise.all([...this.#sockets.values()].map((socket) => socket.flush(200)));
    this.#forgetClients();
    for (const socket of this.#sockets.values()) socket.close();
  }

  #socket(name: SocketName): Endpoint {
    return this.#sockets.get(name) as Endpoint;
  }

  #forgetClients(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #notify(type: string, { id, uuid }: Pick<EngineName, 'id' | 'uuid'>): void {
    this.#speaker.send(this.#socket('notification'), [], this.#speaker.message(type, { id, uuid }));
  }

  /** A message of a client; one that is not signed as it must be is nobody's. */
  #receive(name: RequestSocket, parts: Buffer[]): void {
    const message = splitWire(parts);
    const header = message && readHeader(message.frames[0]);
    if (!message || !header || !this.#options.signer.accept(message.signature, message.frames)) return;
    const [to, engine] = message.route;
    if (!to) return;
    const client = this.#clientOf(header.session);
    const { frames } = message;
    const [metadata, content] = [readObject(frames[2]), readObject(frames[3])];
    const opened = {
      socket: this.#socket(name),
      to,
      engine: String(engine ?? ''),
      header,
      metadata,
      content,
      frames,
      client,
    };
    if (name === 'registration') void this.#ask(opened);
    else if (name === 'control') void this.#control(opened);
    else if (!isReadable(opened))
      this.#refuse(opened, 'ValueError', `Engines cannot read this ${header.msg_type}.`);
    else if (name === 'broadcast') this.#broadcast(opened);
    else if (name === 'task') this.#balanced(opened);
    else this.#direct(opened);
  }

  #clientOf(session: string): PythonClient {
    const known = this.#clients.get(session);
    if (known) {
      // The one that was heard last stands last.
      this.#clients.delete(session);
      this.#clients.set(session, known);
      return known;
    }
    if (this.#clients.size >= mostClients) this.#forgetQuiet();
    const { connect, lease } = this.#options;
    const made: PythonClient = new PythonClient(session, connect, lease, (packet) =>
      this.#answers.hear(made, packet),
    );
    this.#clients.set(session, made);
    return made;
  }

  /**
   * There may be no end of sessions: those that wait for nothing and were silent longest are given up until
   * they speak again.
   */
  #forgetQuiet(): void {
    for (const [session, client] of this.#clients) {
      if (this.#clients.size < mostClients) return;
      if (client.asked.size > 0 || client.questions > 0) continue;
      client.close();
      this.#clients.delete(session);
    }
  }

  /** A question to IPython's hub. */
  async #ask({ socket, to, header, content: asked, frames, client }: Opened): Promise<void> {
    const { msg_type: type } = header;
    if (type === 'registration_request' || type === 'unregistration_request') return;
    if (type === 'shutdown_request') return this.#shutdown({ socket, to, frames });
    const { content, records, buffers = [] } = await this.#hub.answer(client, type, asked ?? {});
    const reply =
      content['status'] === 'ok' || type.endsWith('_request')
        ? type.replace(/_request$/, '_reply')
        : 'hub_error';
    const frame = records ? toFrameWith(content, 'records', records) : content;
    this.#speaker.send(socket, [to], [...this.#speaker.message(reply, frame, frames[0]), ...buffers]);
  }

  /**
   * The controller is asked by itself, not for the client, which goes as soon as it has its answer and may go
   * before.
   */
  async #shutdown({ socket, to, frames }: Pick<Opened, 'socket' | 'to' | 'frames'>): Promise<void> {
    const { connect, lease, log } = this.#options;
    const asking = new PythonClient(newSession(), connect, lease, () => {});
    const content = await asking.ask('shutdown_request', {}).then(
      () => ({ status: 'ok' }),
      (error: unknown) => {
        log.warn('the controller could not be told to end, as a client of Python wanted', error);
        return errorContent(error);
      },
    );
    this.#speaker.send(socket, [to], this.#speaker.message('shutdown_reply', content, frames[0]));
    await socket.flush(500);
    asking.close();
  }

  async #control(opened: Opened): Promise<void> {
    const { socket, to, header, frames, client } = opened;
    const engine = this.#options.directory.byUuid(opened.engine);
    if (!engine) return this.#noEngine(opened);
    if (header.msg_type === 'clear_request') return this.#direct(opened);
    const content = await control(client, engine, header.msg_type, opened.content ?? {});
    const reply = header.msg_type.replace(/_request$/, '_reply');
    this.#speaker.send(
      socket,
      [to],
      this.#speaker.message(reply, content, frames[0], { engine: engine.uuid }),
    );
  }

  /**
   * An engine that has gone is the client's own affair: it has been told, and has given up what it had sent
   * there.
   */
  #noEngine(opened: Opened): void {
    if (!this.#options.directory.isGone(opened.engine))
      this.#refuse(opened, 'EngineError', `There is no engine ${opened.engine} here.`);
  }

  #refuse({ socket, to, header, frames }: Opened, ename: string, evalue: string): void {
    const content = { status: 'error', ename, evalue, traceback: [evalue], engine_info: {} };
    // Python's clients take no other types of answers on these channels.
    const type = header.msg_type === 'execute_request' ? 'execute_reply' : 'apply_reply';
    this.#speaker.send(socket, [to], this.#speaker.message(type, content, frames[0], { status: 'error' }));
  }

  #direct(opened: Opened): void {
    const { header, client } = opened;
    const engine = this.#options.directory.byUuid(opened.engine);
    if (!engine) return this.#noEngine(opened);
    const isQuestion = header.msg_type.endsWith('_request');
    if (isQuestion) this.#note(opened, undefined);
    client.send({ channel: 'direct', id: header.msg_id, to: [engine.id] }, encodeFrames(withFacts(opened)));
  }

  #broadcast(opened: Opened): void {
    const { header, metadata, client } = opened;
    const broadcast = new Broadcast(metadata ?? {});
    if (broadcast.ids.length === 0) return this.#noEngine(opened);
    this.#note(opened, broadcast);
    client.send({ channel: 'direct', id: header.msg_id, to: broadcast.ids }, encodeFrames(withFacts(opened)));
  }

  #balanced(opened: Opened): void {
    const { header, client } = opened;
    this.#note(opened, undefined);
    const given = withFacts(opened, ({ targets, retries }) => ({
      targets: Array.isArray(targets)
        ? targets.map((uuid) => this.#options.directory.byUuid(String(uuid))?.id ?? -1)
        : [],
      // Whoever allows no retry does not want it run again when an engine dies of it.
      crash_limit: 1 + (typeof retries === 'number' ? retries : 0),
    }));
    client.send({ channel: 'balanced', id: header.msg_id, to: [] }, encodeFrames(given));
  }

  #note({ socket, to, header, content, frames, client }: Opened, broadcast: Broadcast | undefined): void {
    const silent = header.msg_type === 'execute_request' && content?.['silent'] === true;
    const own = { header, headerFrame: frames[0] as Buffer, silent, broadcast };
    client.asked.set(header.msg_id, { socket, to, balanced: socket === this.#socket('task'), ...own });
  }
}

/** True for what engines can read: one that they cannot they would never answer. */
function isReadable({ header: { msg_type: type }, metadata, content, frames }: Opened): boolean {
  if (!content || !metadata) return false;
  if (type === 'execute_request')
    return typeof content['code'] === 'string' && typeof content['silent'] === 'boolean';
  return type === 'apply_request' ? frames.length >= leastApply : type.startsWith('comm_');
}

/** An apply has at least a function and what it says of its arguments as buffers. */
const leastApply = 6;

/**
 * A request as it goes to the controller: pickled code says what it is written in, and a balanced task gets
 * more facts.
 */
function withFacts(
  { header: { msg_type }, metadata: given = {}, frames }: Opened,
  more: (metadata: Record<string, unknown>) => Record<string, unknown> = () => ({}),
): Buffer[] {
  const [header, parent, , content, ...buffers] = frames as [Buffer, Buffer, Buffer, Buffer, ...Buffer[]];
  const language = msg_type === 'apply_request' ? { language: 'python' } : {};
  return [header, parent, toFrame({ ...given, ...language, ...more(given) }), content, ...buffers];
}
