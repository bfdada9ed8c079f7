import { isUtf8 } from 'node:buffer';
import { formatDuration } from '../../base/quantities.js';
import { toBytes } from '../../base/shell.js';
import type { CommandReport } from '../../protocol/messages.js';
import { put } from '../pipes.js';
import { type FarmItem, isGood, outputOf } from './farm.js';

const newLine = 10;

/** Prints what runs wrote: as they end, or in the order of the inputs. */
export class FarmPrinter {
  readonly #inOrder: boolean;
  readonly #waiting = new Map<number, FarmItem>();
  #next: number;
  /** Settles when what was printed so far is written: one run's output never stands in another's. */
  #written: Promise<void> = Promise.resolve();
  readonly #skip: ReadonlySet<number>;
  readonly #progress: FarmProgress;

  constructor(inOrder: boolean, skip: ReadonlySet<number>, progress: FarmProgress) {
    this.#progress = progress;
    this.#inOrder = inOrder;
    this.#skip = skip;
    this.#next = 1;
    void this.#pass();
  }

  /** Settles when it is written, or waits for its turn. */
  add(item: FarmItem): Promise<void> {
    if (!this.#inOrder) return this.#write(item);
    this.#waiting.set(item.number, item);
    return this.#pass();
  }

  /** What could not be printed in order because something before it never ended. */
  async finish(): Promise<void> {
    for (const item of [...this.#waiting.values()].sort((a, b) => a.number - b.number))
      void this.#write(item);
    this.#waiting.clear();
    await this.#written;
  }

  #write(item: FarmItem): Promise<void> {
    this.#written = this.#written.then(() => this.#progress.around(() => write(item)));
    return this.#written;
  }

  #pass(): Promise<void> {
    for (;;) {
      const item = this.#waiting.get(this.#next);
      if (item) void this.#write(item);
      else if (!this.#skip.has(this.#next)) return this.#written;
      this.#waiting.delete(this.#next);
      this.#next += 1;
    }
  }
}

/** Writes what a run wrote, and what is to be said of it; answers whether the last line has no end. */
async function write({ input, result, error }: FarmItem): Promise<boolean> {
  let last: number | undefined = newLine;
  const add = async (name: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> => {
    if (bytes.length > 0) last = bytes.at(-1);
    await put(name, bytes);
  };
  if (result) {
    await add('stdout', outputOf(result, 'stdout'));
    await add('stderr', outputOf(result, 'stderr'));
  }
  const say = (what: string): Promise<void> => add('stderr', toBytes(`ipcluster map: ${input}: ${what}\n`));
  if (result?.timedOut) await say('killed after its time limit');
  if (result?.truncated) await say('its output was larger than is kept; the rest is lost');
  if (error) await say(error);
  return last !== newLine;
}

/** A run as JSON has it: output that is no text in UTF-8 stands there in base64, since JSON is text. */
function asJson(item: FarmItem): object {
  const { result, ...rest } = item;
  if (!result) return item;
  const described: Record<string, unknown> = {};
  for (const key of Object.keys(result) as (keyof CommandReport)[]) {
    const bytes = key === 'stdout' || key === 'stderr' ? outputOf(result, key) : undefined;
    if (!bytes || isUtf8(bytes)) described[key] = result[key];
    else Object.assign(described, { [key]: '', [`${key}Base64`]: Buffer.from(bytes).toString('base64') });
  }
  return { ...rest, result: described };
}

/**
 * Prints one JSON object with all runs, one after the other: together they may be larger than a text can be.
 */
export async function printJson(facts: Record<string, unknown>, items: readonly FarmItem[]): Promise<void> {
  await put('stdout', `${JSON.stringify(facts).slice(0, -1)},"items":[`);
  let between = '';
  for (const item of items.toSorted((a, b) => a.number - b.number)) {
    await put('stdout', `${between}${JSON.stringify(asJson(item))}`);
    between = ',';
  }
  await put('stdout', ']}\n');
}

/** Milliseconds between two looks at the clock of a bar: it moves although no run ends. */
const pace = 500;

/** A line on the terminal that is written over: how many, how fast, how long still. */
export class FarmProgress {
  readonly #total: number;
  readonly #begin = Date.now();
  readonly #shown: boolean;
  readonly #clock: NodeJS.Timeout | undefined;
  #done = 0;
  #failed = 0;
  #last = 0;
  /** Runs whose output is being written: the line must not stand in it. */
  #writing = 0;
  #isDrawn = false;
  /** True while the cursor stands behind output that has no end of line. */
  #isOpen = false;

  constructor(total: number, shown: boolean) {
    this.#total = total;
    this.#shown = shown && process.stderr.isTTY;
    if (!this.#shown) return;
    this.#draw();
    this.#clock = setInterval(() => this.#draw(), pace).unref();
  }

  add(item: FarmItem): void {
    this.#done += 1;
    if (!isGood(item)) this.#failed += 1;
    if (Date.now() - this.#last > 100 || this.#done === this.#total) this.#draw();
  }

  /**
   * Takes the line away while a run's output is written, and puts it below; `write` says whether its last
   * line is open.
   */
  async around(write: () => Promise<boolean>): Promise<void> {
    this.#writing += 1;
    this.#erase();
    try {
      this.#isOpen = await write();
    } finally {
      this.#writing -= 1;
      this.#draw();
    }
  }

  /** Takes the line away for good. */
  clear(): void {
    clearInterval(this.#clock);
    this.#erase();
    this.#writing += 1;
  }

  #erase(): void {
    if (this.#isDrawn) process.stderr.write('\r\x1b[K');
    this.#isDrawn = false;
  }

  #draw(): void {
    if (!this.#shown || this.#writing > 0) return;
    this.#last = Date.now();
    const width = 24;
    const full = Math.round((width * this.#done) / Math.max(1, this.#total));
    const failed = this.#failed > 0 ? `, ${this.#failed} failed` : '';
    const bar = `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`;
    const before = this.#isOpen && !this.#isDrawn ? '\n' : '\r\x1b[K';
    this.#isDrawn = true;
    process.stderr.write(`${before}${bar} ${this.#done}/${this.#total}${failed}${this.#speed()}`);
  }

  /** How fast, and how long still; nothing is known of that before the first run has ended. */
  #speed(): string {
    const elapsed = Date.now() - this.#begin;
    if (this.#done === 0) return `  ${formatDuration(elapsed)}`;
    const rate = this.#done / Math.max(0.001, elapsed / 1000);
    return `  ${rate.toFixed(1)}/s  ${formatDuration(((this.#total - this.#done) / rate) * 1000)} left`;
  }
}
