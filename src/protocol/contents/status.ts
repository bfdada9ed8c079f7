import type { OkContent } from './answers.js';

export type EngineState = 'starting' | 'idle' | 'busy' | 'restarting' | 'stopping';

/** One engine, as `status` shows it. */
export interface EngineRecord {
  id: number;
  uuid: string;
  host: string;
  pid: number;
  state: EngineState;
  /** Why it is being started again, or was the last time. */
  reason?: string;
  /** Id of the request it runs. */
  task: string | null;
  /** When it entered this state (ISO text). */
  since: string;
  language: string;
  rank: number | null;
  /** Requests waiting for this very engine. */
  queue: number;
  completed: number;
  supervisor: string;
  log: string | null;
  /** How often it was started again under this id. */
  restarts: number;
  /** Resident bytes when last looked at; null before the first look. */
  memory: number | null;
  /** Files that it has loaded and that have changed since. */
  stale: string[];
  /** When it registered (ISO text), and for how many milliseconds since it has worked. */
  joined: string;
  busy: number;
  /** Processors and devices that are its own; null where it shares. */
  cpus: string | null;
  gpus: string | null;
  /** The batch job that it runs in, and the node's place there. */
  job: string | null;
  node: number | null;
  /** When its job will be ended (ISO text). */
  deadline: string | null;
  /** Milliseconds since anything was heard of its supervisor, which says something every few seconds. */
  silence: number;
}

/** Nothing of the queue begins on an engine whose job ends within this time (milliseconds). */
export const lastMinute = 60_000;

/** A supervisor that is gone without a word, with its engines. */
export interface LostSupervisor {
  supervisor: string;
  host: string;
  /** The batch job that it was part of, and its place there. */
  job: string | null;
  node: number | null;
  engines: number[];
  /** When it was given up (ISO text). */
  at: string;
}

/**
 * What the engines of one batch job had that are over: milliseconds that they were there, and that they
 * worked.
 */
export interface PastWork {
  job: string | null;
  held: number;
  busy: number;
}

/** The controller's view of everything, made without asking any engine. */
export interface StatusContent extends OkContent {
  controller: {
    host: string;
    pid: number;
    session: string;
    version: string;
    started: string;
    addresses: string[];
    /** Sum of the controller's memory in bytes. */
    memory: number;
    clients: number;
    /** Where tasks and results are kept, or why only in memory. */
    store: string;
    /** Milliseconds of silence after which peers give each other up. */
    lease: number;
    /** Milliseconds without client and work after which it ends; 0 for never. */
    idleTimeout: number;
    /** True while a restarted controller still waits for its supervisors. */
    rejoining: boolean;
  };
  /** Engines that are not started again, with the sentence that says why. */
  givenUp: { id: number; reason: string }[];
  /** Engines that ended for good otherwise, with the reason. */
  ends: { id: number; reason: string }[];
  engines: EngineRecord[];
  lost: readonly LostSupervisor[];
  past: PastWork[];
  queues: { balanced: number; waiting: number; running: number; direct: number; completed: number };
}
