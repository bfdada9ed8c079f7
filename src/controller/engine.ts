import type { EngineRecord } from '../protocol/messages.js';
import type { Supervisor } from './supervisor.js';

/** A request that an engine was given and has not answered; the first of them is the one it runs. */
export interface Assignment {
  id: string;
  kind: 'direct' | 'balanced';
  /** When it became the first (milliseconds since the epoch); until then, when it was given. */
  since: number;
  /** When it was given, on the monotonic clock. */
  given: number;
}

/** One engine that is up. */
export interface Engine {
  id: number;
  uuid: string;
  pid: number;
  supervisor: Supervisor;
  language: string;
  log: string | null;
  /** Milliseconds since the epoch. */
  idleSince: number;
  /** Milliseconds since the epoch; and milliseconds of work since. */
  joined: number;
  busy: number;
  assigned: Assignment[];
  /** Average milliseconds per request, of late. */
  average: number;
  lastReply: number;
  completed: number;
  stopping: boolean;
  restarts: number;
  /** How the one before it under this id ended. */
  reason: string | undefined;
  /** Resident bytes when last looked at. */
  memory: number | null;
  stale: string[];
  cpus: string | null;
  gpus: string | null;
}

/** Engines get at most this much work ahead of what they run, in milliseconds of it and in requests. */
const prefetchTime = 5;
const largestPrefetch = 64;

/**
 * How many requests an engine may hold: short ones must not wait for a round trip, long ones must not be
 * hoarded, and nothing is put behind one that turns out to be long.
 */
export function windowOf(engine: Engine, now = performance.now()): number {
  const [head] = engine.assigned;
  if (head && now - Math.max(head.given, engine.lastReply) > prefetchTime) return 1;
  return Math.min(largestPrefetch, 1 + Math.floor(prefetchTime / engine.average));
}

/** Notes that an engine was given a request. */
export function assign(engine: Engine, id: string, kind: Assignment['kind']): void {
  engine.assigned.push({ id, kind, since: Date.now(), given: performance.now() });
}

/** Notes that a request of an engine is over; false when the engine did not have it. */
export function release(engine: Engine, id: string): boolean {
  const index = engine.assigned.findIndex((assignment) => assignment.id === id);
  const [over] = index >= 0 ? engine.assigned.splice(index, 1) : [];
  if (!over) return false;
  const now = performance.now();
  const took = now - Math.max(over.given, engine.lastReply);
  engine.lastReply = now;
  engine.busy += took;
  engine.average =
    Number.isFinite(engine.average) && took < 10 * prefetchTime ? 0.9 * engine.average + 0.1 * took : took;
  const [head] = engine.assigned;
  if (!head) engine.idleSince = Date.now();
  else if (index === 0) head.since = Date.now();
  return true;
}

/** An engine as `status` shows it. */
export function describeEngine(engine: Engine): EngineRecord {
  const [head, ...rest] = engine.assigned;
  const { id, uuid, pid, language, log, completed, supervisor, restarts, memory, stale, cpus, gpus } = engine;
  const { joined, busy } = engine;
  const working = head ? busy + (performance.now() - Math.max(head.given, engine.lastReply)) : busy;
  const { job = null, node = null, deadline = null } = supervisor.allocation ?? {};
  return {
    id,
    uuid,
    host: supervisor.host,
    pid,
    state: engine.stopping ? 'stopping' : head ? 'busy' : 'idle',
    task: head?.id ?? null,
    since: new Date(head?.since ?? engine.idleSince).toISOString(),
    language,
    rank: supervisor.rank,
    queue: rest.length,
    completed,
    supervisor: supervisor.name,
    log,
    restarts,
    memory,
    stale,
    cpus,
    gpus,
    joined: new Date(joined).toISOString(),
    busy: Math.round(working),
    job,
    node,
    deadline: deadline === null ? null : new Date(deadline).toISOString(),
    silence: Math.round(supervisor.peer.link.silence),
    ...(engine.reason !== undefined && { reason: engine.reason }),
  };
}
