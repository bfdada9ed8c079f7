import { formatDuration } from '../../base/quantities.js';
import { type FarmItem, isGood } from './farm.js';

/** Prints what runs wrote: as they end, or in the order of the inputs. */
export class FarmPrinter {
  readonly #inOrder: boolean;
  readonly #waiting = new Map<number, FarmItem>();
  #next: number;
  readonly #skip: ReadonlySet<number>;

  constructor(inOrder: boolean, skip: ReadonlySet<number>) {
    this.#inOrder = inOrder;
    this.#skip = skip;
    this.#next = 1;
    this.#pass();
  }

  add(item: FarmItem): void {
    if (!this.#inOrder) return write(item);
    this.#waiting.set(item.number, item);
    this.#pass();
  }

  /** What could not be printed in order because something before it never ended. */
  finish(): void {
    for (const item of [...this.#waiting.values()].sort((a, b) => a.number - b.number)) write(item);
    this.#waiting.clear();
  }

  #pass(): void {
    for (;;) {
      const item = this.#waiting.get(this.#next);
      if (item) write(item);
      else if (!this.#skip.has(this.#next)) return;
      this.#waiting.delete(this.#next);
      this.#next += 1;
    }
  }
}

function write({ input, result, error }: FarmItem): void {
  if (result?.stdout) process.stdout.write(result.stdout);
  if (result?.stderr) process.stderr.write(result.stderr);
  if (result?.timedOut) process.stderr.write(`ipcluster map: ${input}: killed after its time limit\n`);
  if (result?.truncated) process.stderr.write(`ipcluster map: ${input}: output beyond 16 MiB is not shown\n`);
  if (error) process.stderr.write(`ipcluster map: ${input}: ${error}\n`);
}

/** A line on the terminal that is written over: how many, how fast, how long still. */
export class FarmProgress {
  readonly #total: number;
  readonly #begin = Date.now();
  readonly #shown: boolean;
  #done = 0;
  #failed = 0;
  #last = 0;

  constructor(total: number, shown: boolean) {
    this.#total = total;
    this.#shown = shown;
  }

  add(item: FarmItem): void {
    this.#done += 1;
    if (!isGood(item)) this.#failed += 1;
    if (this.#shown && (Date.now() - this.#last > 100 || this.#done === this.#total)) this.#draw();
  }

  clear(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K');
  }

  #draw(): void {
    this.#last = Date.now();
    const elapsed = this.#last - this.#begin;
    const width = 24;
    const full = Math.round((width * this.#done) / Math.max(1, this.#total));
    const rate = this.#done / Math.max(0.001, elapsed / 1000);
    const left = ((this.#total - this.#done) / rate) * 1000;
    const failed = this.#failed > 0 ? `, ${this.#failed} failed` : '';
    const bar = `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`;
    process.stderr.write(
      `\r\x1b[K${bar} ${this.#done}/${this.#total}${failed}  ${rate.toFixed(1)}/s  ${formatDuration(left)} left`,
    );
  }
}
