import type { FunctionReference } from './functions.js';
import type { Header } from './message.js';

/** What an error looks like in any reply: IPython's fields, and the engine's id when one made it. */
export interface ErrorContent {
  status: 'error';
  ename: string;
  evalue: string;
  traceback: string[];
  /** Of a call for many items: those that failed, by place; the values of all stand in the buffers. */
  failures?: [number, ErrorContent][];
  /** Advice of ours, when we know why such an error happens here. */
  suggestions?: string[];
}

export interface OkContent {
  status: 'ok';
}

export interface AbortedContent {
  status: 'aborted';
  /** What stopped it: removed from a queue, interrupted, abandoned, or the engine had to be restarted. */
  how?: InterruptOutcome;
}

/** How an interrupt ended. */
export type InterruptOutcome = 'removed' | 'interrupted' | 'abandoned' | 'killed' | 'restarted' | 'finished' | 'unknown';

type Reply<T = object> = (OkContent & T) | ErrorContent | AbortedContent;

/** A shell task: runs in its own process group on the engine's machine. */
export interface CommandContent {
  argv: string[];
  cwd?: string;
  /** Added to the engine's environment. */
  env?: Record<string, string>;
  input?: string;
  /** Milliseconds after which the whole group is killed. */
  timeLimit?: number;
  /** Files that get the output instead of the client. */
  stdoutFile?: string;
  stderrFile?: string;
}

/** How a shell task ended, as it travels; `stdout` and `stderr` are empty where they went to a file, or are asked for as bytes and no text. */
export interface CommandReport {
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  stdout: string;
  stderr: string;
  /** True when there was more output than is kept (16 MiB of each, 1 GiB as bytes); name files, or stream it, to get all of it. */
  truncated: boolean;
  /** Bytes of each that are not kept. */
  dropped: { stdout: number; stderr: number };
  /** Milliseconds from start to end. */
  runTime: number;
  /** Where it ran, and when it began (milliseconds since the epoch, by the clock there). */
  host: string;
  started: number;
}

/** How a shell task ended, with the bytes that it wrote: its texts are these as UTF-8. */
export interface CommandResult extends CommandReport {
  /** Not among the fields that are listed or printed as JSON. */
  readonly stdoutBytes: Buffer;
  readonly stderrBytes: Buffer;
}

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
export interface LostNode {
  supervisor: string;
  host: string;
  /** The batch job that it was part of, and its place there. */
  job: string | null;
  node: number | null;
  engines: number[];
  /** When it was given up (ISO text). */
  at: string;
}

/** What the engines of one batch job had that are over: milliseconds that they were there, and that they worked. */
export interface PastWork {
  job: string | null;
  held: number;
  busy: number;
}

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
  /** Engines that ended for good otherwise, with the reason; a controller of an earlier version does not say it. */
  ends?: { id: number; reason: string }[];
  engines: EngineRecord[];
  lost: readonly LostNode[];
  past: PastWork[];
  queues: { balanced: number; waiting: number; running: number; direct: number; completed: number };
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
  | { event: 'task'; id: string; state: 'queued' | 'running' | 'done' | 'aborted'; engine: number | null; status: string | null };

/** Which engine, and what it runs. */
export interface EngineName {
  id: number;
  uuid: string;
  language: string;
}

/** A task as the store has it: who answered, and how; its message and theirs go along as frames. */
export interface StoredTask {
  id: string;
  session: string;
  queue: TaskRecord['queue'];
  type: string;
  label: string | null;
  /** The date of its header, as it stands there. */
  submitted: string;
  /** How many answers end it. */
  targets: number;
  /** True when its own message is the first of its frames. */
  request: boolean;
  /** True for those whose message follows. */
  replies: { engine: number; status: TaskRecord['status']; kept: boolean }[];
}

/** How much of messages is wanted: nothing, all but their buffers, or everything. */
export type MessageDetail = 'none' | 'without buffers' | 'whole';

/** One row of the store. */
export interface TaskRecord {
  id: string;
  session: string;
  queue: 'direct' | 'balanced';
  type: string;
  label: string | null;
  submitted: string;
  started: string | null;
  completed: string | null;
  engine: number | null;
  status: 'pending' | 'ok' | 'error' | 'aborted';
  ename: string | null;
  evalue: string | null;
}

/** Conditions on records, all of which must hold. */
export interface TaskQuery {
  ids?: string[];
  status?: TaskRecord['status'];
  queue?: TaskRecord['queue'];
  engine?: number;
  label?: string;
  /** ISO texts; submitted at or after, and before. */
  since?: string;
  until?: string;
  /** Newest first; 1000 when absent. */
  limit?: number;
}

/** Every message there is, with its content. Types of messages, requests and handlers are made from this map. */
export interface MessageContents {
  execute_request: { code: string; fileName?: string };
  execute_reply: Reply<{ execution_count: number; data: { 'text/plain'?: string }; cloneable: boolean }>;
  apply_request: { function: FunctionReference; each?: boolean };
  apply_reply: Reply;
  push_request: object;
  push_reply: Reply;
  pull_request: { names: string[] };
  pull_reply: Reply;
  clear_request: object;
  clear_reply: Reply;
  command_request: CommandContent;
  /** The bytes of both streams follow as buffers where one of them is no text. */
  command_reply: Reply<{ result: CommandReport }>;
  /** The bytes follow as a buffer where they are no text. */
  stream: { name: 'stdout' | 'stderr'; text: string };

  registration_request: {
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
  };
  registration_reply: Reply<{ ids: number[]; supervisor: string }>;
  /** A supervisor has sent everything that it kept while it had no controller. */
  caught_up: object;
  /** A supervisor wants places for more engines, with the ids that they ask for (-1 for any). */
  places_request: { ids: number[] };
  places_reply: Reply<{ ids: number[] }>;
  engine_up: EngineUp;
  engine_down: { id: number; uuid: string; reason: string; restarting: boolean; evidence: Evidence };
  /** Resident bytes of engines, by id, and files that changed since they were loaded. */
  /** The scheduler ends the supervisor's job at another time now (milliseconds since the epoch). */
  deadline: { deadline: number };
  engine_facts: { memory: Record<string, number>; stale: Record<string, string[]> };
  /**
   * So many replies of a supervisor, or balanced tasks of a client, counted from the start of the link, are committed: from now
   * on they survive everything. Until then whoever sent them keeps them.
   */
  committed: { count: number };
  /** So many of a client's balanced tasks are known, but not in the file of the store: the end of the controller loses them. */
  kept_in_memory: { count: number; reason: string };
  controller_ending: { reason: string };
  engine_welcome: { id: number; pid: number; environment: Record<string, string> };
  /** Files that user code has loaded, with what they were then. */
  engine_loaded: { files: { path: string; hash: string }[] };
  /** With `ready: false` it wants its id, and says `engine_ready` when it can take work. */
  engine_hello: { uuid: string; pid: number; role: 'engine' | 'watcher' | 'gateway'; ready?: boolean };
  engine_ready: object;

  /**
   * An observer hears what happens and is nobody's client: a controller that only it looks at is idle. Whoever comes back under a session
   * while its last connection still seems to be there shows the same `key`.
   */
  connection_request: { version: string; protocol: number; observer?: boolean; key?: string };
  connection_reply: Reply<{ version: string; clusterId: string; engines: EngineName[] }>;
  status_request: object;
  status_reply: StatusContent | ErrorContent;
  /** With `waiting` only what has not begun is stopped. */
  abort_request: { ids: string[]; targets?: number[]; waiting?: boolean };
  abort_reply: Reply<{ outcomes: Record<string, InterruptOutcome> }>;
  interrupt_request: { targets: number[] };
  interrupt_reply: Reply<{ outcomes: Record<string, InterruptOutcome> }>;
  restart_request: { targets: number[] };
  restart_reply: Reply<{ ids: number[] }>;
  stop_request: { targets: number[] };
  stop_reply: Reply<{ ids: number[] }>;
  /** Writes a connection file for a job's supervisors into the job's folder, with a token of their own. */
  join_request: { folder: string };
  join_reply: Reply;
  shutdown_request: object;
  shutdown_reply: Reply;
  signal_request: { targets: number[]; signal: string };
  signal_reply: Reply<{ ids: number[] }>;
  /** What engines hold, by id of the request; `unassigned` are balanced tasks that no engine has. */
  queue_request: object;
  queue_reply: Reply<{
    engines: { id: number; direct: string[]; balanced: string[]; completed: number }[];
    unassigned: string[];
  }>;
  /**
   * Removes finished tasks from the store: those named, all, or those that certain engines have answered. Only the asker's own, unless it
   * says that it means everybody's, as IPython's clients always do.
   */
  purge_request: { ids: string[] | 'all'; engines?: number[]; everybody?: boolean };
  purge_reply: Reply<{ ids: string[] }>;
  /** Tasks with their messages, in the order in which they came: those after the one numbered `after`, or those named. */
  records_request: { after?: number; ids?: string[]; messages: MessageDetail };
  records_reply: Reply<{ tasks: StoredTask[]; last: number | null }>;
  query_request: { query: TaskQuery };
  query_reply: Reply<{ records: TaskRecord[] }>;
  result_request: { id: string };
  result_reply: Reply<{ record: TaskRecord }>;
  resubmit_request: { ids: string[] };
  resubmit_reply: Reply<{ ids: Record<string, string> }>;
  watch_request: { on: boolean };
  watch_reply: Reply;
  event: ClusterEvent;

  /** A client is back: what it waits for, and of which engines. */
  resume_request: { pending: { id: string; to: number[] | null }[] };
  /** Tasks that nobody knows, to be sent again; and direct requests that no engine will answer. */
  resume_reply: Reply<{
    unknown: string[];
    /** Why tasks that are known may not survive the controller; null when all of them do. */
    memory: string | null;
    lost: { id: string; engines: number[] }[];
    engines: { id: number; uuid: string }[];
  }>;

  cancel_request: { engine: number; id: string | null };
  cancel_reply: Reply<{ outcome: InterruptOutcome }>;
  reclaim_request: { engine: number; ids: string[] };
  reclaim_reply: Reply<{ ids: string[] }>;
  interrupt_aim: { sequence: number; onlyWaiting?: boolean };
  interrupt_hit: { sequence: number; outcome: InterruptOutcome | 'stuck' };
  error_reply: ErrorContent;
}

export type MessageType = keyof MessageContents;

/** The reply type that belongs to a request type. */
export type ReplyTo<T extends MessageType> = T extends `${infer Name}_request` ? Extract<MessageType, `${Name}_reply`> : never;

/** The content of a good reply to a request. */
export type GoodReply<T extends MessageType> = Extract<MessageContents[ReplyTo<T>], OkContent>;

export type RequestType = Extract<MessageType, `${string}_request`>;

/** Raised with every change that older programs cannot follow. */
export const protocolVersion = 6;
