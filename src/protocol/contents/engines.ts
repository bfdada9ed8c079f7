import type { Header } from '../header.js';
import type { TaskRecord } from './records.js';

/** What a supervisor is part of, where a scheduler has started it. */
export interface AllocationContent {
  /** The system and its id, such as `slurm:12`. */
  job: string;
  element: string | null;
  /** How often the scheduler has started the job again: who belongs to an earlier run is refused. */
  incarnation: number;
  node: number;
  /** Milliseconds since the epoch; null where nobody says. */
  deadline: number | null;
}

/** What a supervisor tells of one engine when it is up. */
export interface EngineUp {
  id: number;
  uuid: string;
  pid: number;
  language: string;
  log: string | null;
  restarts: number;
  cpus: string | null;
  gpus: string | null;
}

/** A request that an engine holds while its supervisor looks for the controller again. */
export interface HeldRequest {
  queue: TaskRecord['queue'];
  header: Header;
}

/** What is known of an engine's end. */
export interface Evidence {
  /** `exit code 3`, `signal SIGKILL` … */
  exit: string;
  /** The last lines that it wrote behind the code's back. */
  lastLines: string[];
  /** Resident bytes when last looked at. */
  memory: number | null;
  /** True when nobody asked for it. */
  crash: boolean;
  /** Requests that had begun. */
  started: string[];
}

/** Something that watchers hear of. */
export type ClusterEvent =
  /** So many events were dropped, because this watcher did not read. */
  | { event: 'missed'; count: number }
  | ({ event: 'engine_joined'; host: string; pid: number } & EngineName)
  | { event: 'engine_left'; id: number; uuid: string; reason: string; restarting: boolean }
  | {
      event: 'task';
      id: string;
      state: 'queued' | 'running' | 'done' | 'aborted';
      engine: number | null;
      status: string | null;
    };

/** Which engine, and what it runs. */
export interface EngineName {
  id: number;
  uuid: string;
  language: string;
}
