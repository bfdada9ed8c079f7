import { Pace } from '../base/pace.js';
import { decodeFrames } from '../protocol/frames.js';
import type { ReplyStatus } from '../protocol/routes.js';
import { stopsOnError } from '../protocol/stop-on-error.js';
import { emptyFrame, readHeader, readObject, toFrame, type WireHeader } from './wire.js';

/** A request that an engine of Python has. */
export interface Held {
  /** Its id among us; the engine may know it by a longer one. */
  id: string;
  header: WireHeader;
  /** The header as the engine gets it; its reply must carry it. */
  headerFrame: Buffer;
  /** True for a request of ours, whose answer is to look like one of our engines'. */
  native: boolean;
  /** True for code whose failure stops what waits behind it. */
  stops: boolean;
  handedAt: number;
  /** What the code has shown as its value, and the reply, which waits for it. */
  shown: Record<string, unknown> | undefined;
  reply: { status: ReplyStatus; frames: Buffer[] } | undefined;
  /** Since when nothing more is published of it (monotonic milliseconds). */
  idleSince: number | undefined;
}

/** A request that is not handed over yet, opened once. */
interface Waiting {
  id: string;
  body: Buffer;
  frames: readonly Buffer[];
  header: WireHeader | undefined;
}

/** A request as it goes to the engine. */
export interface EngineRequest {
  held: Held;
  /** Control requests have a socket of their own. */
  control: boolean;
  frames: Buffer[];
}

/** Requests that take less than so many milliseconds on average are handed over so many at a time. */
const pace = { short: 5, most: 4 };

/**
 * What is published of a request may come after its reply, on another socket: so many requests of ours are
 * remembered.
 */
const mostRemembered = 1000;

/** One engine of Python, as its gateway sees it. */
export class PythonEngine {
  readonly uuid: string;
  readonly id: number;
  /** When it introduced itself (monotonic milliseconds). */
  readonly since = performance.now();
  /** True once it has answered a heartbeat: from then on it takes work. */
  ready = false;
  /** Heartbeats in a row that it has not answered. */
  misses = 0;
  answered = true;
  readonly waiting: Waiting[] = [];
  /** Requests for the control channel: they are done beside running code. */
  readonly #beside: Waiting[] = [];
  /** Requests that it has, by the id that it knows. */
  readonly held = new Map<string, Held>();
  readonly #pace = new Pace(pace);
  /** Requests of ours that are over. */
  readonly #native = new Set<string>();

  constructor(uuid: string, id: number) {
    this.uuid = uuid;
    this.id = id;
  }

  /** The next request that it may be given now. */
  next(): EngineRequest | undefined {
    if (!this.ready) return undefined;
    const first = this.#beside.shift() ?? (this.#hasRoom() ? this.waiting.shift() : undefined);
    return first && this.#prepare(first);
  }

  /** Takes a request, to be given when it is its turn. */
  add(id: string, body: Buffer): void {
    const frames = decodeFrames(body);
    const header = readHeader(frames[0]);
    const isControl = controlTypes.has(header?.msg_type ?? '');
    (isControl ? this.#beside : this.waiting).push({ id, body, frames, header });
  }

  #hasRoom(): boolean {
    if (this.waiting.length === 0) return false;
    const now = performance.now();
    const running = [...this.held.values()].filter((held) => !isSilent(held, now));
    const window = running.some(({ stops }) => stops) ? 1 : this.#pace.window;
    return running.length < window;
  }

  /** It has answered; what it holds by that id is over. */
  settle(key: string): Held | undefined {
    const held = this.held.get(key);
    this.held.delete(key);
    if (held) this.#pace.answered(held.handedAt);
    if (held?.native) this.#native.add(key);
    if (this.#native.size > mostRemembered) this.#native.delete(this.#native.values().next().value as string);
    return held;
  }

  /** True for a request of ours, which it has or has answered. */
  isNative(key: string): boolean {
    return this.held.get(key)?.native ?? this.#native.has(key);
  }

  /** Takes a request back that it has not been given; false when it has. */
  takeBack(id: string): boolean {
    return [this.waiting, this.#beside].some((requests) => {
      const at = requests.findIndex((request) => request.id === id);
      if (at >= 0) requests.splice(at, 1);
      return at >= 0;
    });
  }

  #prepare({ id, body, frames: received, header: given }: Waiting): EngineRequest | undefined {
    if (!given) return undefined;
    const [
      headerFrame = emptyFrame,
      parent = emptyFrame,
      metadata = emptyFrame,
      content = emptyFrame,
      ...buffers
    ] = received;
    const facts = readObject(metadata) ?? {};
    const broadcast = facts['is_broadcast'] === true;
    const header = broadcast ? { ...given, msg_id: `${given.msg_id}_${this.uuid}` } : given;
    const native = given.msg_type === 'execute_request' && readObject(content)?.['silent'] === undefined;
    const stops = stopsOnError(body);
    const frames = [
      broadcast ? toFrame(header) : headerFrame,
      parent,
      broadcast ? toFrame({ ...facts, original_msg_id: given.msg_id }) : metadata,
      native
        ? executeContent(content)
        : stops
          ? toFrame({ ...readObject(content), stop_on_error: false })
          : content,
      ...buffers,
    ];
    const begin = { handedAt: performance.now(), idleSince: undefined, shown: undefined, reply: undefined };
    const held: Held = { id, header, headerFrame: frames[0] as Buffer, native, stops, ...begin };
    this.held.set(header.msg_id, held);
    return { held, control: controlTypes.has(header.msg_type), frames };
  }
}

/** What IPython takes on its control channel; everything else goes to the shell. */
const controlTypes = new Set(['clear_request', 'interrupt_request', 'debug_request']);

/**
 * True for a request that the engine is done with and has not answered: what is behind it need not wait for
 * that.
 */
const isSilent = ({ idleSince, reply }: Held, now: number): boolean =>
  idleSince !== undefined && reply === undefined && now - idleSince > silentTime;
/** A reply comes on another socket than the word that it is done (milliseconds). */
const silentTime = 1000;

/** Our request to run code, in IPython's words. */
function executeContent(content: Buffer): Buffer {
  const code = readObject(content)?.['code'];
  const rest = {
    silent: false,
    store_history: false,
    user_expressions: {},
    allow_stdin: false,
    stop_on_error: false,
  };
  return toFrame({ code, ...rest });
}

/** An answer of IPython to such a request, in our words: the value that was shown goes into it. */
export function executeReply(
  frames: readonly Buffer[],
  shown: Record<string, unknown> | undefined,
): Buffer[] {
  const [header = emptyFrame, parent = emptyFrame, metadata = emptyFrame, contentFrame] = frames;
  const content = readObject(contentFrame) ?? {};
  if (content['status'] !== 'ok') return [...frames];
  const { execution_count } = content;
  const data = shown?.['data'] ?? {};
  return [header, parent, metadata, toFrame({ status: 'ok', execution_count, data, cloneable: false })];
}
