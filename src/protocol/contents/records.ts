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
