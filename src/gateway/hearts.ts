import { Timer } from '../base/timer.js';
import type { Endpoint } from './endpoint.js';
import type { PythonEngine } from './python-engine.js';

/**
 * While somebody is about to register, heartbeats come so often (milliseconds): registration must not wait
 * for one.
 */
const eager = 50;
/** Who introduces himself must answer a heartbeat within this time, or is forgotten (milliseconds). */
const registrationTime = 30_000;
/** An engine is over when it has missed more heartbeats than this in a row (IPython's number). */
const mostMisses = 10;

export interface HeartOptions {
  /** Milliseconds between heartbeats. */
  heartbeat: number;
  /** False where somebody else sees whether an engine lives. */
  judge: boolean;
}

/** What hearts tell. */
export interface HeartListener {
  /** It has answered for the first time, so it takes work. */
  ready(engine: PythonEngine): void;
  lost(engine: PythonEngine, reason: string): void;
  /** A regular heartbeat, not one for somebody who is about to register (monotonic milliseconds). */
  round(now: number): void;
}

/** Heartbeats to engines of IPython: who answers is there. */
export class Hearts {
  readonly #engines: ReadonlyMap<string, PythonEngine>;
  readonly #options: HeartOptions;
  readonly #listener: HeartListener;
  readonly #begun = performance.now();
  #ping: Endpoint | undefined;
  #timer: Timer | undefined;
  #lastRound = 0;

  constructor(engines: ReadonlyMap<string, PythonEngine>, options: HeartOptions, listener: HeartListener) {
    this.#engines = engines;
    this.#options = options;
    this.#listener = listener;
  }

  start(ping: Endpoint): void {
    this.#ping = ping;
    this.beat();
  }

  stop(): void {
    this.#timer?.end();
  }

  /** An engine has sent a heartbeat back. */
  answered(uuid: string): void {
    const engine = this.#engines.get(uuid);
    if (!engine) return;
    engine.answered = true;
    if (engine.ready) return;
    engine.ready = true;
    this.#listener.ready(engine);
  }

  /** Sends a heartbeat, and looks who answered those before. */
  beat(): void {
    this.#timer?.end();
    const now = performance.now();
    const { heartbeat } = this.#options;
    this.#ping?.send([Buffer.from(String((now - this.#begun) / 1000))]);
    if (now - this.#lastRound >= 0.9 * heartbeat) {
      this.#lastRound = now;
      for (const engine of [...this.#engines.values()]) this.#judge(engine, now);
      this.#listener.round(now);
    }
    const expecting = [...this.#engines.values()].some(({ ready }) => !ready);
    this.#timer = new Timer(expecting ? Math.min(eager, heartbeat) : heartbeat, () => this.beat());
  }

  #judge(engine: PythonEngine, now: number): void {
    if (!engine.ready) {
      if (now - engine.since > registrationTime)
        this.#listener.lost(engine, 'it has never answered a heartbeat');
      return;
    }
    if (!this.#options.judge) return;
    engine.misses = engine.answered ? 0 : engine.misses + 1;
    engine.answered = false;
    if (engine.misses > mostMisses)
      this.#listener.lost(engine, `no heartbeat for ${(mostMisses * this.#options.heartbeat) / 1000} s`);
  }
}
