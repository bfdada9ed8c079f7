import type { Log } from '../base/log.js';
import { headerOf } from '../protocol/message.js';
import type { ReplyStatus } from '../protocol/routes.js';
import { takeStopped } from '../protocol/stop-on-error.js';
import { type Curve, Endpoint } from './endpoint.js';
import { Hearts } from './hearts.js';
import { executeReply, type Held, PythonEngine } from './python-engine.js';
import type { Signer } from './signer.js';
import { Speaker } from './speaker.js';
import { readHeader, readObject, splitWire, type WireHeader } from './wire.js';

/**
 * What becomes of what engines of Python say: with their supervisor, or with the controller where they have
 * none.
 */
export interface EngineHost {
  /** An engine has introduced itself, and may want a certain id: answers the one that it gets. */
  admit(uuid: string, wanted: number | undefined): Promise<number>;
  /** It takes work from now on. */
  ready(engine: PythonEngine): void;
  reply(engine: PythonEngine, id: string, status: ReplyStatus, frames: Buffer[]): void;
  output(engine: PythonEngine, id: string, session: string, frames: Buffer[]): void;
  /** It is over; `held` are the requests that it had begun. */
  gone(engine: PythonEngine, reason: string, orderly: boolean): void;
  /** The nanny of the engine of that id says goodbye: from then on nothing of it waits for us. */
  departed?(id: unknown): void;
}

export interface EngineSideOptions {
  signer: Signer;
  curve: Curve | undefined;
  ports: Readonly<Record<string, number>>;
  /** Milliseconds between heartbeats. */
  heartbeat: number;
  host: EngineHost;
  log: Log;
  /** False where somebody else sees whether an engine lives. */
  judge: boolean;
}

const socketNames = ['registration', 'mux', 'task', 'broadcast', 'control'] as const;
type SocketName = (typeof socketNames)[number] | 'iopub' | 'hb_ping' | 'hb_pong';

/**
 * A request whose engine is not connected is sent again for so long (milliseconds): a link may break and come
 * back.
 */
const unroutableTime = 5000;
const unroutablePause = 50;
/**
 * A reply may come after the word that its engine is done, a large one long after it, but not so much later
 * (milliseconds).
 */
const answerTime = 60_000;
/**
 * The value of code that was run for us comes on another socket than the reply, which waits for it at most so
 * long (milliseconds).
 */
const shownTime = 500;

/**
 * The sockets that IPython's engines connect to: who registers, who lives, what they are asked and what they
 * answer.
 */
export class EngineSide {
  readonly engines = new Map<string, PythonEngine>();
  readonly #options: EngineSideOptions;
  readonly #speaker: Speaker;
  readonly #sockets = new Map<SocketName, Endpoint>();
  readonly #hearts: Hearts;

  constructor(options: EngineSideOptions) {
    this.#options = options;
    this.#speaker = new Speaker(options.signer);
    this.#hearts = new Hearts(this.engines, options, {
      ready: (engine) => {
        options.host.ready(engine);
        this.#hand(engine);
      },
      lost: (engine, reason) => this.#lose(engine, reason, false),
      round: (now) => {
        for (const engine of this.engines.values()) {
          this.#giveUpSilent(engine, now);
          this.#hand(engine);
        }
      },
    });
  }

  /** Opens the sockets; answers their ports by IPython's names. */
  async open(): Promise<Record<SocketName, number>> {
    const { curve, ports, log } = this.#options;
    const open = async (
      name: SocketName,
      rest: Omit<Parameters<typeof Endpoint.open>[0], 'curve' | 'port' | 'log'>,
    ): Promise<void> => {
      this.#sockets.set(name, await Endpoint.open({ curve, log, port: ports[`engine ${name}`], ...rest }));
    };
    const router = 'router' as const;
    // An engine presents one name on all of these, so they cannot be one socket. It takes requests from any
    // of them: ours use one.
    await open('registration', { kind: router, onMessage: (parts) => this.#registration(parts) });
    for (const name of ['mux', 'task', 'broadcast', 'control'] as const) {
      const onUnroutable = (parts: readonly Buffer[]): void => this.#retry(name, parts);
      await open(name, { kind: router, onMessage: (parts) => this.#answered(parts), onUnroutable });
    }
    await open('iopub', { kind: 'subscriber', onMessage: (parts) => this.#published(parts) });
    await open('hb_ping', { kind: 'publisher' });
    await open('hb_pong', { kind: router, onMessage: ([uuid]) => this.#hearts.answered(String(uuid)) });
    this.#hearts.start(this.#sockets.get('hb_ping') as Endpoint);
    return Object.fromEntries([...this.#sockets].map(([name, { port }]) => [name, port])) as Record<
      SocketName,
      number
    >;
  }

  /** The engine of that id. */
  byId(id: unknown): PythonEngine | undefined {
    for (const engine of this.engines.values()) if (engine.id === id) return engine;
    return undefined;
  }

  /** Gives an engine a request, now or when those before it are done. */
  run(uuid: string, id: string, body: Buffer): void {
    const engine = this.engines.get(uuid);
    engine?.add(id, body);
    if (engine) this.#hand(engine);
  }

  /** Tells an engine something on its control channel; the answer is not waited for. */
  tell(engine: PythonEngine, type: string, content: object): void {
    this.#send('control', engine.uuid, this.#speaker.message(type, content));
  }

  async close(): Promise<void> {
    this.#hearts.stop();
    await Promise.all([...this.#sockets.values()].map((socket) => socket.flush(200)));
    for (const socket of this.#sockets.values()) socket.close();
  }

  #send(name: SocketName, uuid: string, frames: readonly Buffer[]): void {
    this.#speaker.send(this.#sockets.get(name), [Buffer.from(uuid)], frames);
  }

  #hand(engine: PythonEngine): void {
    for (let next = engine.next(); next; next = engine.next()) {
      const { held, control, frames } = next;
      this.#send(control ? 'control' : 'mux', engine.uuid, frames);
      if (held.header.msg_type.endsWith('_request')) continue;
      // News for the engine, such as of a widget: it has no answer.
      this.#settle(
        engine,
        held.header.msg_id,
        held,
        'ok',
        this.#speaker.message('comm_reply', { status: 'ok' }, held.headerFrame),
      );
    }
  }

  /** Opens a message that an engine signed; undefined for any other. */
  #open(parts: readonly Buffer[]): { from: string; header: WireHeader; frames: Buffer[] } | undefined {
    const message = splitWire(parts);
    if (!message || !this.#options.signer.accept(message.signature, message.frames)) return undefined;
    const header = readHeader(message.frames[0]);
    return header && { from: String(message.route[0]), header, frames: message.frames };
  }

  #registration(parts: Buffer[]): void {
    const message = this.#open(parts);
    if (!message) return;
    const content = readObject(message.frames[3]) ?? {};
    if (message.header.msg_type === 'registration_request')
      void this.#register(message.from, content, message.frames[0]);
    else if (message.header.msg_type === 'unregistration_request') {
      // Its nanny says so, under a name of its own.
      const engine = this.byId(content['id']);
      if (engine) this.#lose(engine, 'it ended', false);
      this.#options.host.departed?.(content['id']);
    }
  }

  async #register(from: string, content: Record<string, unknown>, header: Buffer | undefined): Promise<void> {
    const { host, heartbeat, log } = this.#options;
    const uuid = typeof content['uuid'] === 'string' ? content['uuid'] : from;
    const wanted = Number.isInteger(content['id']) ? (content['id'] as number) : undefined;
    const answer = (reply: object): void => {
      this.#send('registration', from, this.#speaker.message('registration_reply', reply, header));
    };
    if (uuid !== from || this.engines.has(uuid)) {
      return answer({
        status: 'error',
        ename: 'KeyError',
        evalue: `the uuid ${uuid} is in use`,
        traceback: [],
      });
    }
    try {
      const id = await host.admit(uuid, wanted);
      this.engines.set(uuid, new PythonEngine(uuid, id));
      answer({ status: 'ok', id, hb_period: heartbeat });
      this.#hearts.beat();
    } catch (error) {
      log.warn(`an engine of Python was not admitted: ${uuid}`, error);
      answer({ status: 'error', ename: 'RegistrationError', evalue: String(error), traceback: [] });
    }
  }

  /** An engine of the gateway before: it has its id, and only its heart tells that it is there. */
  adopt(uuid: string, id: number): void {
    this.engines.set(uuid, new PythonEngine(uuid, id));
    this.#hearts.beat();
  }

  #lose(engine: PythonEngine, reason: string, orderly: boolean): void {
    if (!this.engines.delete(engine.uuid)) return;
    this.#options.host.gone(engine, reason, orderly);
  }

  /** It is over, as somebody else has seen. */
  forget(uuid: string): void {
    this.engines.delete(uuid);
  }

  /** A reply on the shell's or the control channel. */
  #answered(parts: Buffer[]): void {
    const message = this.#open(parts);
    const engine = message && this.engines.get(message.from);
    if (!message || !engine) return;
    const key = readHeader(message.frames[1])?.msg_id ?? '';
    const held = engine.held.get(key);
    if (!held) return;
    const status = statusOf(message.frames);
    if (!held.native || status !== 'ok') return this.#settle(engine, key, held, status, message.frames);
    held.reply = { status, frames: message.frames };
    if (held.idleSince !== undefined) this.#release(engine, key);
    else setTimeout(() => this.#release(engine, key), shownTime);
  }

  #settle(engine: PythonEngine, key: string, held: Held, status: ReplyStatus, frames: Buffer[]): void {
    engine.settle(key);
    this.#options.host.reply(engine, held.id, status, frames);
    if (status === 'error' && held.stops) this.#stopBehind(engine, held.header.session);
    this.#hand(engine);
  }

  /** Code of that session has failed, and what waits behind it does not run. */
  #stopBehind(engine: PythonEngine, session: string): void {
    for (const { id, body } of takeStopped(engine.waiting, session)) {
      const reply = this.#speaker.message('execute_reply', { status: 'aborted' }, headerOf(body).bytes, {
        status: 'aborted',
      });
      this.#options.host.reply(engine, id, 'aborted', reply);
    }
  }

  /** The value is there, or does not come: the reply goes out. */
  #release(engine: PythonEngine, key: string): void {
    const held = engine.held.get(key);
    if (held?.reply)
      this.#settle(engine, key, held, held.reply.status, executeReply(held.reply.frames, held.shown));
  }

  /** Output, or whatever else an engine publishes; its first frame is a topic. */
  #published(parts: Buffer[]): void {
    if (saysBusy(parts)) return;
    const message = this.#open(parts);
    const engine = message && this.engines.get(message.header.session);
    if (!message || !engine) return;
    const type = message.header.msg_type;
    if (type === 'shutdown_reply') return this.#lose(engine, 'it was shut down', true);
    const parent = readHeader(message.frames[1]);
    if (!parent) return;
    const held = engine.held.get(parent.msg_id);
    if (held && type === 'status') held.idleSince ??= performance.now();
    if (engine.isNative(parent.msg_id))
      return this.#publishedForUs(engine, parent, held, type, message.frames);
    const id = parent.msg_id.endsWith(`_${engine.uuid}`)
      ? parent.msg_id.slice(0, -engine.uuid.length - 1)
      : parent.msg_id;
    this.#options.host.output(engine, id, parent.session, message.frames);
  }

  /**
   * An engine never answers a request that it cannot read, though it says that it is done with it: nobody
   * must wait for that.
   */
  #giveUpSilent(engine: PythonEngine, now: number): void {
    for (const [key, held] of [...engine.held])
      if (held.idleSince !== undefined && now - held.idleSince > answerTime)
        this.#fail(
          engine,
          key,
          held,
          `the engine is done with it (${held.header.msg_type}), but gave no answer`,
        );
  }

  #fail(engine: PythonEngine, key: string, held: Held, evalue: string): void {
    const content = { status: 'error', ename: 'EngineError', evalue, traceback: [evalue] };
    this.#settle(
      engine,
      key,
      held,
      'error',
      this.#speaker.message('apply_reply', content, held.headerFrame, { status: 'error' }),
    );
  }

  /**
   * Our clients know streams; a value goes into the reply, and its end is the sign that the reply need not
   * wait any more.
   */
  #publishedForUs(
    engine: PythonEngine,
    parent: WireHeader,
    held: Held | undefined,
    type: string,
    frames: Buffer[],
  ): void {
    const content = readObject(frames[3]) ?? {};
    if (type === 'stream')
      this.#options.host.output(engine, held?.id ?? parent.msg_id, parent.session, frames);
    else if (!held) return;
    else if (type === 'execute_result') held.shown = content;
    else if (type === 'status' && content['execution_state'] === 'idle') {
      this.#release(engine, parent.msg_id);
    }
  }

  /** The engine is not connected: sent again until it is, or until that is hopeless. */
  #retry(name: SocketName, parts: readonly Buffer[]): void {
    const engine = this.engines.get(String(parts[0]));
    const key = readHeader(splitWire(parts)?.frames[0])?.msg_id ?? '';
    const held = engine?.held.get(key);
    if (!engine || !held) return;
    if (performance.now() - held.handedAt < unroutableTime) {
      setTimeout(() => this.#sockets.get(name)?.send(parts), unroutablePause);
      return;
    }
    this.#fail(engine, key, held, `engine ${engine.id} has no connection to its gateway any more`);
  }
}

/**
 * True for the news that an engine begins with a request. Clients wait for the end of output, and nobody for
 * its beginning: one message less for each request, in everybody's way.
 */
const saysBusy = (parts: readonly Buffer[]): boolean =>
  parts.length <= shortNews &&
  parts[0]?.includes('.status') === true &&
  parts.at(-1)?.includes('"busy"') === true;
/** Topic, delimiter, signature, and a message without buffers. */
const shortNews = 7;

/** How an engine says that a request ended. */
function statusOf(frames: readonly Buffer[]): ReplyStatus {
  const metadata = readObject(frames[2]) ?? {};
  if (metadata['dependencies_met'] === false) return 'unmet';
  const status = metadata['status'] ?? readObject(frames[3])?.['status'];
  return status === 'ok' || status === 'aborted' ? status : 'error';
}
