import { TextPieces } from './kept-output.js';

/** Who gets the output of what runs now: its text, and the bytes where they are no text. */
export type OutputSink = (name: OutputName, text: string, bytes: Buffer | undefined) => void;

type OutputName = 'stdout' | 'stderr';

/** What waits to be handed on; writes that follow one another are one piece. */
interface Piece {
  name: OutputName;
  written: string | Buffer[];
}

const interval = 20;
const largest = 32_768;

/**
 * Takes what user code writes to stdout and stderr and hands it on as it appears: at once after a silence of
 * 20 ms, otherwise in pieces, so that thousands of lines do not become thousands of messages. Bytes stay what
 * they are.
 */
export class OutputCollector {
  readonly #sink: OutputSink;
  readonly #guarded: (work: () => void) => void;
  readonly #waiting: Piece[] = [];
  readonly #bytes: Record<OutputName, TextPieces>;
  #size = 0;
  #last = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `guarded` runs what must not be cut short by an interrupt of the code that writes. */
  constructor(sink: OutputSink, guarded: (work: () => void) => void) {
    this.#sink = sink;
    this.#guarded = guarded;
    this.#bytes = {
      stdout: new TextPieces((text, bytes) => sink('stdout', text, bytes)),
      stderr: new TextPieces((text, bytes) => sink('stderr', text, bytes)),
    };
  }

  /** Puts itself in the place of the process's own streams. */
  install(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      process[name].write = ((chunk: string | Uint8Array, encoding?: unknown, done?: unknown) => {
        this.write(name, writtenOf(chunk, encoding));
        const callback = typeof encoding === 'function' ? encoding : done;
        if (typeof callback === 'function') process.nextTick(callback as () => void);
        return true;
      }) as typeof process.stdout.write;
    }
  }

  write(name: OutputName, written: string | Buffer): void {
    const last = this.#waiting.at(-1);
    if (typeof written === 'string') {
      if (last?.name === name && typeof last.written === 'string') last.written += written;
      else this.#waiting.push({ name, written });
    } else if (last?.name === name && typeof last.written !== 'string') last.written.push(written);
    else this.#waiting.push({ name, written: [written] });
    this.#size += written.length;
    if (this.#size >= largest || performance.now() - this.#last >= interval) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), interval);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    this.#last = performance.now();
    this.#size = 0;
    this.#guarded(() => {
      for (const { name, written } of this.#waiting.splice(0)) this.#give(name, written);
    });
  }

  /** The request is over: what was begun of a character is handed on as it is. */
  end(): void {
    this.flush();
    this.#guarded(() => {
      this.#bytes.stdout.end();
      this.#bytes.stderr.end();
    });
  }

  #give(name: OutputName, written: string | Buffer[]): void {
    if (typeof written !== 'string') return this.#bytes[name].add(Buffer.concat(written));
    this.#bytes[name].end();
    this.#sink(name, written, undefined);
  }
}

/**
 * What is written by those words, as text where it is in UTF-8 for sure; bytes are copied, since their owner
 * may use them again.
 */
function writtenOf(chunk: string | Uint8Array, encoding: unknown): string | Buffer {
  if (typeof chunk !== 'string') return Buffer.from(chunk);
  const isText = typeof encoding !== 'string' || /^utf-?8$/i.test(encoding) || !Buffer.isEncoding(encoding);
  return isText ? chunk : Buffer.from(chunk, encoding as BufferEncoding);
}
