import type { MessageDetail, StoredTask, TaskQuery, TaskRecord } from '../protocol/messages.js';

/** How long finished tasks and their results are kept: the oldest go when one of these is exceeded. */
export interface KeepPolicy {
  count: number;
  bytes: number;
  /** Milliseconds. */
  age: number;
}

/** What the store's thread is started with. */
export interface StoreOptions {
  path: string;
  /** True when what the file holds belongs to this cluster, whose controller was killed. */
  reuse: boolean;
  keep: KeepPolicy;
}

/** A request as it is written down; `body` lies in the batch's blob from `offset` on. */
export interface SubmittedRow extends Omit<StoredTask, 'request' | 'replies'> {
  offset: number;
  length: number;
}

/** A reply as it is written down. */
export interface ReplyRow {
  id: string;
  /** -1 for a reply of the controller itself. */
  engine: number;
  status: string;
  /** Bytes of the request that it answers, which are kept as long as the reply. */
  requestLength: number;
  offset: number;
  length: number;
}

/** Everything of some milliseconds, committed at once. Bodies travel in one transferred buffer. */
export interface Batch {
  kind: 'batch';
  submitted: SubmittedRow[];
  replies: ReplyRow[];
  blob: Uint8Array;
}

/** A balanced task that was accepted and never answered. */
export interface UnfinishedTask {
  number: number;
  id: string;
  session: string;
  type: string;
  body: Uint8Array;
}

/** A reply as it was written down. */
export interface StoredReply {
  engine: number;
  status: Exclude<TaskRecord['status'], 'pending'>;
  /** When it came, by the controller's clock (milliseconds since the epoch). */
  ended: number;
  body: Uint8Array | null;
}

export type StoreQuestion =
  | { kind: 'query'; query: TaskQuery }
  | { kind: 'result'; id: string }
  | { kind: 'outcomes'; ids: string[] }
  | { kind: 'request'; id: string }
  | { kind: 'replies'; id: string }
  | { kind: 'bodies'; ids: string[] }
  | { kind: 'unfinished'; after: number; limit: number }
  | { kind: 'purge'; ids: string[] | 'all'; engines: number[] | undefined; session: string | undefined }
  | { kind: 'records'; after?: number; ids?: string[]; messages: MessageDetail }
  | { kind: 'close' };

/** What the store's thread answers, by kind of question. */
export interface StoreAnswers {
  query: TaskRecord[];
  result: { record: TaskRecord; bodies: Uint8Array[] } | undefined;
  /** `engines` are those that have answered. */
  outcomes: { id: string; ok: boolean; engine: number | undefined; engines: number[] }[];
  request: { body: Uint8Array; queue: TaskRecord['queue'] } | undefined;
  replies: StoredReply[];
  bodies: { id: string; body: Uint8Array }[];
  unfinished: UnfinishedTask[];
  /** Ids of those that are gone. */
  purge: string[];
  /** `bodies` are, for each task, its own message where it is kept, and those of the replies that are. */
  records: { tasks: StoredTask[]; bodies: Uint8Array[]; last: number | null };
  close: true;
}

export type ToStore = Batch | { kind: 'question'; number: number; question: StoreQuestion };

export type FromStore =
  | { kind: 'opened'; where: string; warning: string | undefined }
  /**
   * `durable` says whether it is in the file; `refused` are rows that could not be written because of what
   * they are.
   */
  | { kind: 'committed'; durable: boolean; refused: { id: string; reason: string }[] }
  | { kind: 'trouble'; message: string }
  | { kind: 'recovered' }
  | { kind: 'answer'; number: number; answer: unknown; error: string | undefined };
