import type { MemoryFile } from '../base/memory-files.js';

/**
 * How a request ended, readable without opening the reply. An engine that lacks what a task needs says `unmet`: another may have it. One
 * that could not begin, since its machine is short of something, says `short`: another is tried first.
 */
export type ReplyStatus = 'ok' | 'error' | 'aborted' | 'unmet' | 'short';

/** A request about the cluster itself, or an answer or event of the controller. */
interface HubRoute {
  channel: 'hub';
}

/** A sign of life: no body, nobody's business but the link's. */
interface AliveRoute {
  channel: 'alive';
}

/** A request for the engines named: each of them runs it. */
export interface DirectRoute {
  channel: 'direct';
  id: string;
  to: number[];
  /** Buffers that are not in the body but in memory of this host. */
  files?: MemoryFile[];
}

/** A task for any free engine; from the controller on, `to` names the one that was chosen. */
interface BalancedRoute {
  channel: 'balanced';
  id: string;
  to: number[];
}

/** The answer to a request; `from` is the engine, absent when the controller answers itself. */
interface ReplyRoute {
  channel: 'reply';
  id: string;
  status: ReplyStatus;
  from?: number;
}

/** Output of a running request, for the client session that asked. */
interface OutputRoute {
  channel: 'output';
  id: string;
  session: string;
  from: number;
}

/** Sequence numbers start over here: with three bits of phase they fill a word of 31 bits. */
export const sequenceLimit = 1 << 28;

/** Between a supervisor and its engine: the request's number on that connection, which aims interrupts. */
export interface EngineRoute {
  channel: 'engine';
  id: string;
  sequence: number;
  files?: MemoryFile[];
}

/**
 * Where a packet goes. Relays read the route and never the body; ids in it are those of the request's header.
 */
export type Route = HubRoute | AliveRoute | DirectRoute | BalancedRoute | ReplyRoute | OutputRoute | EngineRoute;
