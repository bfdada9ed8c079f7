import type { TaskQuery, TaskRecord } from '../protocol/messages.js';

/** A request as it is written down; `body` lies in the batch's blob from `offset` on. */
export interface SubmittedRow {
  id: string;
  session: string;
  queue: TaskRecord['queue'];
  type: string;
  label: string | null;
  submitted: string;
  /** How many replies end it. */
  targets: number;
  offset: number;
  length: number;
}

/** A reply as it is written down. */
export interface ReplyRow {
  id: string;
  /** -1 for a reply of the controller itself. */
  engine: number;
  status: string;
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

export type StoreQuestion =
  | { kind: 'query'; query: TaskQuery }
  | { kind: 'result'; id: string }
  | { kind: 'outcomes'; ids: string[] }
  | { kind: 'request'; id: string }
  | { kind: 'close' };

/** What the store's thread answers, by kind of question. */
export interface StoreAnswers {
  query: TaskRecord[];
  result: { record: TaskRecord; bodies: Uint8Array[] } | undefined;
  outcomes: { id: string; ok: boolean; engine: number | undefined }[];
  request: { body: Uint8Array; queue: TaskRecord['queue'] } | undefined;
  close: true;
}

export type ToStore = Batch | { kind: 'question'; number: number; question: StoreQuestion };

export type FromStore =
  | { kind: 'opened'; where: string; warning: string | undefined }
  | { kind: 'trouble'; message: string }
  | { kind: 'answer'; number: number; answer: unknown; error: string | undefined };
