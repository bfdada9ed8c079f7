import type { Link } from '../transport/link.js';

/** What may wait in the controller before clients have to. */
export interface IntakeLimits {
  /** Balanced tasks that are not finished. */
  tasks: number;
  /** Bytes of requests in memory: balanced ones, direct ones, and what is on its way to the disk. */
  bytes: number;
}

/** So much may be on its way to the disk: a disk that is slower than the clients must not fill the memory (bytes). */
const mostBacklog = 8 * 1024 * 1024;

/** What waits now. */
export interface Waiting extends IntakeLimits {
  /** Bytes on their way to the disk. */
  backlog: number;
}

/** How often it is looked whether there is room again (milliseconds). */
const interval = 50;

/** Back-pressure: while too much waits, nothing is read from clients that submit. Nothing is refused, and nothing is lost. */
export class Intake {
  readonly #limits: IntakeLimits;
  readonly #measure: () => Waiting;
  readonly #paused = new Set<Link>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: IntakeLimits, measure: () => Waiting) {
    this.#limits = limits;
    this.#measure = measure;
  }

  /** A client has submitted something. */
  submitted(link: Link): void {
    if (!this.#isFull(1)) return;
    this.#paused.add(link);
    link.pause('intake');
    this.#timer ??= setInterval(() => this.#relieve(), interval);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Reading goes on when a tenth of it is gone, so that it does not start and stop with every task. */
  #relieve(): void {
    if (this.#isFull(0.9)) return;
    for (const link of this.#paused) link.resume('intake');
    this.#paused.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #isFull(share: number): boolean {
    const { tasks, bytes, backlog } = this.#measure();
    if (backlog >= share * mostBacklog) return true;
    return tasks >= share * this.#limits.tasks || bytes >= share * this.#limits.bytes;
  }
}
