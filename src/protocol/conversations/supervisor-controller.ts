import type { InterruptOutcome } from '../contents/answers.js';
import type { AllocationContent, EngineUp, Evidence, HeldRequest } from '../contents/engines.js';
import type { Ask, Tell } from './conversation.js';

/** Who a supervisor is, and what it brings. */
interface Registration {
  version: string;
  protocol: number;
  host: string;
  pid: number;
  /** Names the supervisor across its connections. */
  run: string;
  /** Places for engines, and the ids asked for, by place. */
  count: number;
  ids: number[];
  rank: number | null;
  allocation: AllocationContent | null;
  /** Engines that were registered before, by the id that they had, with what they hold. */
  engines: (EngineUp & { held: HeldRequest[] })[];
}

/** What a supervisor asks and tells the controller. */
export interface SupervisorToController {
  registration_request: Ask<Registration, { ids: number[]; supervisor: string }>;
  /** A supervisor wants places for more engines, with the ids that they ask for (-1 for any). */
  places_request: Ask<{ ids: number[] }, { ids: number[] }>;
  engine_up: Tell<EngineUp>;
  engine_down: Tell<{ id: number; uuid: string; reason: string; restarting: boolean; evidence: Evidence }>;
  /** Resident bytes of engines, by id, and files that changed since they were loaded. */
  engine_facts: Tell<{ memory: Record<string, number>; stale: Record<string, string[]> }>;
  /** The scheduler ends the supervisor's job at another time now (milliseconds since the epoch). */
  deadline: Tell<{ deadline: number }>;
  /** A supervisor has sent everything that it kept while it had no controller. */
  caught_up: Tell<object>;
}

/** What the controller asks and tells a supervisor. */
export interface ControllerToSupervisor {
  /** Interrupts that request, or whatever the engine runs where `id` is null. */
  cancel_request: Ask<{ engine: number; id: string | null }, { outcome: InterruptOutcome }>;
  /** Takes requests back that have not begun; the answer names those that were. */
  reclaim_request: Ask<{ engine: number; ids: string[] }, { ids: string[] }>;
  signal_request: Ask<{ targets: number[]; signal: string }, { ids: number[] }>;
  restart_request: Ask<{ targets: number[] }, { ids: number[] }>;
  stop_request: Ask<{ targets: number[] }, { ids: number[] }>;
  /** So many of its replies, counted from the start of the link, are committed. Until then it keeps them. */
  committed: Tell<{ count: number }>;
  controller_ending: Tell<{ reason: string }>;
}
