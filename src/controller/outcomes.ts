import type { Outcome } from './tasks.js';

/** Outcomes of finished tasks that are remembered for dependencies; older ones are in the store. */
const remembered = 10_000;

/** How tasks ended, of late. */
export class Outcomes {
  #late = new Map<string, Outcome>();
  #earlier: ReadonlyMap<string, Outcome> = new Map();

  get(id: string): Outcome | undefined {
    return this.#late.get(id) ?? this.#earlier.get(id);
  }

  set(id: string, outcome: Outcome): void {
    this.#late.set(id, outcome);
    if (this.#late.size <= remembered) return;
    // Half of them go at once: a map from which the oldest is deleted again and again becomes slow.
    this.#earlier = this.#late;
    this.#late = new Map();
  }
}
