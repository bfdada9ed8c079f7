import { IpclusterError } from '../base/errors.js';
import type { MemoryFile } from '../base/memory-files.js';

/**
 * How a request ended, readable without opening the reply. An engine that lacks what a task needs says
 * `unmet`: another may have it. One that could not begin, since its machine is short of something, says
 * `short`: another is tried first.
 */
export type ReplyStatus = (typeof replyStatuses)[number];
const replyStatuses = ['ok', 'error', 'aborted', 'unmet', 'short'] as const;

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
export type Route =
  | HubRoute
  | AliveRoute
  | DirectRoute
  | BalancedRoute
  | ReplyRoute
  | OutputRoute
  | EngineRoute;

const wrong = (what: string): IpclusterError =>
  new IpclusterError('PROTOCOL', `A packet has a route with ${what}.`);

/** Longest text in a route (characters). */
const longest = 512;
/** Most engines that one request names, and most of its buffers that lie in memory of the host. */
const mostTargets = 1 << 16;
const mostFiles = 1 << 16;

function textOf(value: unknown, name: string): string {
  if (typeof value === 'string' && value.length <= longest) return value;
  throw wrong(`no ${name}`);
}

function targetsOf(value: unknown): number[] {
  if (!Array.isArray(value) || value.length > mostTargets) throw wrong('no engines');
  for (const id of value) if (!Number.isSafeInteger(id)) throw wrong('an engine that is no number');
  return value as number[];
}

function engineOf(value: unknown): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw wrong('no engine');
}

function statusOf(value: unknown): ReplyStatus {
  if (replyStatuses.includes(value as ReplyStatus)) return value as ReplyStatus;
  throw wrong('no status');
}

function filesOf(value: unknown): MemoryFile[] {
  if (!Array.isArray(value) || value.length > mostFiles) throw wrong('files that are no list');
  return value.map((file: Partial<MemoryFile> | null) => {
    const { index, path, size } = file ?? {};
    if (!isCount(index) || !isCount(size) || typeof path !== 'string' || path.length > 4096)
      throw wrong('a file that is none');
    return { index, path, size };
  });
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * A route as it came, with what belongs to its channel and nothing else. Throws PROTOCOL for one that no
 * relay can follow.
 */
export function readRoute(given: object): Route {
  const route = given as Record<string, unknown>;
  const files = route['files'] === undefined ? undefined : filesOf(route['files']);
  switch (route['channel']) {
    case 'hub':
    case 'alive':
      return { channel: route['channel'] };
    case 'direct':
      return {
        channel: 'direct',
        id: textOf(route['id'], 'id'),
        to: targetsOf(route['to']),
        ...(files && { files }),
      };
    case 'balanced':
      return { channel: 'balanced', id: textOf(route['id'], 'id'), to: targetsOf(route['to']) };
    case 'reply': {
      const [id, status, from] = [textOf(route['id'], 'id'), statusOf(route['status']), route['from']];
      return from === undefined
        ? { channel: 'reply', id, status }
        : { channel: 'reply', id, status, from: engineOf(from) };
    }
    case 'output': {
      const [id, session] = [textOf(route['id'], 'id'), textOf(route['session'], 'session')];
      // An engine need not know its own id: its supervisor does.
      return {
        channel: 'output',
        id,
        session,
        from: route['from'] === undefined ? -1 : engineOf(route['from']),
      };
    }
    case 'engine': {
      const { sequence } = route;
      if (!isCount(sequence) || sequence >= sequenceLimit) throw wrong('no sequence');
      return { channel: 'engine', id: textOf(route['id'], 'id'), sequence, ...(files && { files }) };
    }
    default:
      throw wrong('a channel that is none');
  }
}
