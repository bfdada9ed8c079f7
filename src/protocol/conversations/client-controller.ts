import type { InterruptOutcome } from '../contents/answers.js';
import type { ClusterEvent, EngineName } from '../contents/engines.js';
import type { MessageDetail, StoredTask, TaskQuery, TaskRecord } from '../contents/records.js';
import type { StatusContent } from '../contents/status.js';
import type { Ask, Tell } from './conversation.js';

/** What engines hold, by id of the request; `unassigned` are balanced tasks that no engine has. */
interface Queues {
  engines: { id: number; direct: string[]; balanced: string[]; completed: number }[];
  unassigned: string[];
}

/** Tasks that nobody knows, to be sent again; and direct requests that no engine will answer. */
interface Resumed {
  unknown: string[];
  /** Why tasks that are known may not survive the controller; null when all of them do. */
  memory: string | null;
  lost: { id: string; engines: number[] }[];
  engines: { id: number; uuid: string }[];
}

/** What a client asks the controller; requests to engines are not among them. */
export interface ClientToController {
  /**
   * An observer hears what happens and is nobody's client: a controller that only it looks at is idle.
   * Whoever comes back under a session while its last connection still seems to be there shows the same
   * `key`.
   */
  connection_request: Ask<
    { version: string; protocol: number; observer?: boolean; key?: string },
    { version: string; clusterId: string; engines: EngineName[] }
  >;
  status_request: Ask<object, StatusContent>;
  /** With `waiting` only what has not begun is stopped. */
  abort_request: Ask<
    { ids: string[]; targets?: number[]; waiting?: boolean },
    { outcomes: Record<string, InterruptOutcome> }
  >;
  interrupt_request: Ask<{ targets: number[] }, { outcomes: Record<string, InterruptOutcome> }>;
  restart_request: Ask<{ targets: number[] }, { ids: number[] }>;
  stop_request: Ask<{ targets: number[] }, { ids: number[] }>;
  signal_request: Ask<{ targets: number[]; signal: string }, { ids: number[] }>;
  /** Writes a connection file for a job's supervisors into the job's folder, with a token of their own. */
  join_request: Ask<{ folder: string }>;
  shutdown_request: Ask<object>;
  queue_request: Ask<object, Queues>;
  /**
   * Removes finished tasks from the store: those named, all, or those that certain engines have answered.
   * Only the asker's own, unless it says that it means everybody's, as IPython's clients always do.
   */
  purge_request: Ask<{ ids: string[] | 'all'; engines?: number[]; everybody?: boolean }, { ids: string[] }>;
  /**
   * Tasks with their messages, in the order in which they came: those after the one numbered `after`, or
   * those named.
   */
  records_request: Ask<
    { after?: number; ids?: string[]; messages: MessageDetail },
    { tasks: StoredTask[]; last: number | null }
  >;
  query_request: Ask<{ query: TaskQuery }, { records: TaskRecord[] }>;
  result_request: Ask<{ id: string }, { record: TaskRecord }>;
  resubmit_request: Ask<{ ids: string[] }, { ids: Record<string, string> }>;
  watch_request: Ask<{ on: boolean }>;
  /** A client is back: what it waits for, and of which engines. */
  resume_request: Ask<{ pending: { id: string; to: number[] | null }[] }, Resumed>;
}

/** What the controller tells its clients unasked. */
export interface ControllerToClient {
  event: Tell<ClusterEvent>;
  /**
   * So many of its balanced tasks, counted from the start of the link, are committed: from now on they
   * survive everything.
   */
  committed: Tell<{ count: number }>;
  /**
   * So many of its balanced tasks are known, but not in the file of the store: the end of the controller
   * loses them.
   */
  kept_in_memory: Tell<{ count: number; reason: string }>;
  controller_ending: Tell<{ reason: string }>;
}
