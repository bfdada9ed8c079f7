/*
 * What the engine's main thread and its watcher share: for each request handed to the engine a word (number
 * and phase), and a gate that says whether the main thread is in the kernel's own code, where nothing may be
 * cut short. All steps are compare-and-set, so that an interrupt meets the request it is aimed at or none.
 */

/** Where a request is. `done` and `terminated` are the main thread's leave to go on. */
export const phase = { running: 1, awaiting: 2, removed: 3, signalled: 4, terminated: 5, done: 6 } as const;

/**
 * A supervisor never has this many requests in an engine at once, so a slot is free when its turn comes
 * again.
 */
const slotCount = 64;
const gateIndex = slotCount;

export type Aim = 'removed' | 'running' | 'awaiting' | 'finished';

export class Slots {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  /** Main thread: how deep it is in the kernel's own code. */
  #depth = 0;

  constructor(memory = new SharedArrayBuffer(4 * (slotCount + 1))) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  #read(sequence: number): { word: number; own: boolean; phase: number } {
    const word = Atomics.load(this.#words, sequence % slotCount);
    return { word, own: word >> 3 === sequence, phase: word & 7 };
  }

  #swap(sequence: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, sequence % slotCount, from, (sequence << 3) | to) === from;
  }

  /** Main thread: the request is about to run; false when it was removed before. */
  begin(sequence: number): boolean {
    const { word, own } = this.#read(sequence);
    return !own && this.#swap(sequence, word, phase.running);
  }

  /** Main thread: from one phase to the next; false when an interrupt came first. */
  advance(sequence: number, from: number, to: number): boolean {
    return this.#swap(sequence, (sequence << 3) | from, to);
  }

  /** Sets a phase whatever it was. */
  put(sequence: number, to: number): void {
    Atomics.store(this.#words, sequence % slotCount, (sequence << 3) | to);
  }

  isIn(sequence: number, wanted: number): boolean {
    const { own, phase: present } = this.#read(sequence);
    return own && present === wanted;
  }

  /** Watcher: takes a request out that has not begun; false when it has. */
  remove(sequence: number): boolean {
    const { word, own } = this.#read(sequence);
    return !own && this.#swap(sequence, word, phase.removed);
  }

  /**
   * Watcher: takes aim. After `running` the main thread cannot leave the request before it was terminated.
   */
  aim(sequence: number): Aim {
    for (;;) {
      const { word, own, phase: present } = this.#read(sequence);
      if (!own) {
        if (this.#swap(sequence, word, phase.removed)) return 'removed';
      } else if (present === phase.running) {
        if (this.#swap(sequence, word, phase.signalled)) return 'running';
      } else {
        return present === phase.awaiting ? 'awaiting' : 'finished';
      }
    }
  }

  /**
   * Main thread: does what no termination may cut short; waits before it while the watcher is about to
   * terminate what runs.
   */
  inside(work: () => void): void {
    const depth = this.#depth;
    if (depth === 0) this.#enter();
    this.#depth = depth + 1;
    try {
      work();
    } finally {
      this.#depth = depth;
      if (depth === 0) this.#leave();
    }
  }

  /**
   * Main thread: runs user code from inside. A termination strikes here, and then nothing that follows is
   * run, up to the event loop.
   */
  outside<T>(work: () => T): T {
    const depth = this.#depth;
    this.#depth = 0;
    this.#leave();
    try {
      return work();
    } finally {
      this.#enter();
      this.#depth = depth;
    }
  }

  #enter(): void {
    const end = performance.now() + 5000;
    while (Atomics.compareExchange(this.#words, gateIndex, 0, 1) === 2 && performance.now() < end);
  }

  #leave(): void {
    Atomics.compareExchange(this.#words, gateIndex, 1, 0);
  }

  /** Watcher: keeps the main thread out of the kernel; false while it is inside. */
  shut(): boolean {
    return Atomics.compareExchange(this.#words, gateIndex, 0, 2) !== 1;
  }

  /** Watcher: after a termination nobody is inside, whatever the gate says. */
  reopen(): void {
    Atomics.store(this.#words, gateIndex, 0);
  }
}
