import type { Link } from '../transport/link.js';

/** What may wait in the controller before clients have to. */
export interface IntakeLimits {
  /** Balanced tasks that are not finished. */
  tasks: number;
  /** Bytes of requests in memory: balanced ones, direct ones, and what is on its way to the disk. */
  bytes: number;
}

/**
 * So much may be on its way to the disk: a disk that is slower than the clients must not fill the memory
 * (bytes).
 */
const mostBacklog = 8 * 1024 * 1024;

/**
 * Beyond the limits so much is still read of a client, and of all together, so that a question or a cancel
 * behind it is heard (bytes, each request counted with what it costs beside its message).
 */
const slack = { client: 4 * 1024 * 1024, all: 32 * 1024 * 1024, request: 1000 };

/** What waits now. */
export interface Waiting extends IntakeLimits {
  /** Bytes on their way to the disk. */
  backlog: number;
}

/** How often it is looked whether there is room again (milliseconds). */
const interval = 50;

/**
 * Back-pressure: while too much waits, nothing is read from clients that submit. Nothing is refused, and
 * nothing is lost.
 */
export class Intake {
  readonly #limits: IntakeLimits;
  readonly #measure: () => Waiting;
  readonly #paused = new Set<Link>();
  /** Bytes that were read beyond the limits. */
  readonly #beyond = new Map<Link, number>();
  #allBeyond = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: IntakeLimits, measure: () => Waiting) {
    this.#limits = limits;
    this.#measure = measure;
  }

  /** A client has submitted a message of that many bytes. */
  submitted(link: Link, size: number): void {
    if (!this.#isFull(1)) return;
    const beyond = (this.#beyond.get(link) ?? 0) + size + slack.request;
    this.#beyond.set(link, beyond);
    this.#allBeyond += size + slack.request;
    if (beyond > slack.client || this.#allBeyond > slack.all) {
      this.#paused.add(link);
      link.pause('intake');
    }
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
    this.#beyond.clear();
    this.#allBeyond = 0;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #isFull(share: number): boolean {
    const { tasks, bytes, backlog } = this.#measure();
    if (backlog >= share * mostBacklog) return true;
    return tasks >= share * this.#limits.tasks || bytes >= share * this.#limits.bytes;
  }
}
