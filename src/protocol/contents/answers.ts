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
export type InterruptOutcome =
  | 'removed'
  | 'interrupted'
  | 'abandoned'
  | 'killed'
  | 'restarted'
  | 'finished'
  | 'unknown';

/** Any answer to a question whose good one holds that. */
export type Reply<T = object> = (OkContent & T) | ErrorContent | AbortedContent;
