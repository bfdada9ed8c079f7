import { decodeFrames } from '../protocol/frames.js';
import type { MessageContents, OkContent, StoredTask } from '../protocol/messages.js';
import type { Directory } from './directory.js';
import type { Shown, ShownOutput } from './shown-output.js';
import { readObject } from './wire.js';

/** A task as Python's database of tasks shows it; IPython's columns. */
export interface PythonRecord extends Shown {
  msg_id: string;
  header: Record<string, unknown>;
  metadata: Record<string, unknown>;
  content: Record<string, unknown>;
  buffers: Buffer[];
  submitted: unknown;
  client_uuid: unknown;
  engine_uuid: string | null;
  started: unknown;
  completed: unknown;
  resubmitted: null;
  received: unknown;
  result_header: Record<string, unknown> | null;
  result_metadata: Record<string, unknown>;
  result_content: Record<string, unknown> | null;
  result_buffers: Buffer[];
  queue: 'mux' | 'task';
  label: string | null;
}

/** What the list of tasks tells of one; these columns need no message. */
export type ListedTask = Pick<PythonRecord, 'msg_id' | 'submitted' | 'client_uuid' | 'queue' | 'label'> & {
  submitted: string;
};

/**
 * Not `submitted`: the list says when the controller heard of a task, by which it is sorted, and records say
 * what the client's clock said.
 */
export const listColumns: ReadonlySet<string> = new Set(['msg_id', 'client_uuid', 'queue', 'label']);

/** The tasks of a list, without what is about the cluster alone. */
export function listTasks(tasks: readonly StoredTask[]): ListedTask[] {
  return tasks.flatMap(({ id, session, queue, type, label, submitted }) =>
    aboutCluster.has(type)
      ? []
      : [{ msg_id: id, submitted, client_uuid: session, queue: queueName(queue), label }],
  );
}

const queueName = (queue: StoredTask['queue']): PythonRecord['queue'] =>
  queue === 'direct' ? 'mux' : 'task';

type Page = Extract<MessageContents['records_reply'], OkContent>;

/**
 * Turns a page of the store's tasks and their messages into records. What is about the cluster alone is left
 * out.
 */
export function readRecords(
  { tasks }: Page,
  bodies: readonly Buffer[],
  directory: Directory,
  output: ShownOutput,
): PythonRecord[] {
  let at = 0;
  const take = (kept: boolean): Buffer | undefined => (kept ? bodies[at++] : undefined);
  return tasks.flatMap((task) => {
    const request = take(task.request);
    const replies = task.replies.map(({ engine, status, kept }) => ({ engine, status, body: take(kept) }));
    const record = request && makeRecord(task, request, replies, directory, output);
    return record && !aboutCluster.has(String(record.header['msg_type'])) ? [record] : [];
  });
}

/** Requests that are no tasks for who looks at the history. */
const aboutCluster = new Set(['clear_request', 'interrupt_request', 'debug_request']);

interface Reply {
  engine: number;
  status: string;
  body: Buffer | undefined;
}

function makeRecord(
  task: StoredTask,
  request: Buffer,
  replies: readonly Reply[],
  directory: Directory,
  output: ShownOutput,
): PythonRecord {
  const [header = {}, , metadata = {}, content = {}] = readParts(request);
  const done = replies.length >= task.targets;
  const telling = done ? (replies.find(({ status }) => status !== 'ok') ?? replies.at(-1)) : undefined;
  const [resultHeader, , resultMetadata, resultContent] = telling?.body ? readParts(telling.body) : [];
  const engine = resultMetadata?.['engine'] ?? (telling && directory.everById(telling.engine)?.uuid);
  return {
    ...output.of(task.id),
    msg_id: task.id,
    header,
    metadata,
    content,
    buffers: buffersOf(request),
    submitted: header['date'] ?? null,
    client_uuid: header['session'] ?? null,
    engine_uuid: typeof engine === 'string' ? engine : null,
    started: resultMetadata?.['started'] ?? null,
    completed: resultHeader?.['date'] ?? null,
    resubmitted: null,
    received: resultHeader?.['date'] ?? null,
    result_header: resultHeader ?? null,
    result_metadata: resultMetadata ?? {},
    result_content: resultContent ?? null,
    result_buffers: telling?.body ? buffersOf(telling.body) : [],
    queue: queueName(task.queue),
    label: task.label,
  };
}

const readParts = (body: Buffer): Record<string, unknown>[] =>
  decodeFrames(body)
    .slice(0, 4)
    .map((frame) => readObject(frame) ?? {});

const buffersOf = (body: Buffer): Buffer[] => decodeFrames(body).slice(4);
