/** Who gets the output of what runs now. */
export type OutputSink = (name: 'stdout' | 'stderr', text: string) => void;

const interval = 20;
const largest = 32_768;

/**
 * Takes what user code writes to stdout and stderr and hands it on as it appears: at once after a silence of 20 ms, otherwise
 * in pieces, so that thousands of lines do not become thousands of messages.
 */
export class OutputCollector {
  readonly #sink: OutputSink;
  readonly #guarded: (work: () => void) => void;
  readonly #waiting: { name: 'stdout' | 'stderr'; text: string }[] = [];
  #size = 0;
  #last = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `guarded` runs what must not be cut short by an interrupt of the code that writes. */
  constructor(sink: OutputSink, guarded: (work: () => void) => void) {
    this.#sink = sink;
    this.#guarded = guarded;
  }

  /** Puts itself in the place of the process's own streams. */
  install(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      process[name].write = ((chunk: string | Uint8Array, encoding?: unknown, done?: unknown) => {
        this.write(name, typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'));
        const callback = typeof encoding === 'function' ? encoding : done;
        if (typeof callback === 'function') process.nextTick(callback as () => void);
        return true;
      }) as typeof process.stdout.write;
    }
  }

  write(name: 'stdout' | 'stderr', text: string): void {
    const last = this.#waiting.at(-1);
    if (last?.name === name) last.text += text;
    else this.#waiting.push({ name, text });
    this.#size += text.length;
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
      for (const { name, text } of this.#waiting.splice(0)) this.#sink(name, text);
    });
  }
}
