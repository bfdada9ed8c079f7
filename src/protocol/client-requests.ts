import type { ClientToController } from './conversations/client-controller.js';
import type { Guards } from './conversations/conversation.js';
import { engineIds, mostEngines, name, path, requestId, requestIds } from './fields.js';
import {
  either,
  finite,
  flag,
  type Guard,
  list,
  maybe,
  object,
  orNull,
  text,
  whole,
  word,
} from './guards.js';
import type { MessageContents, TaskQuery } from './messages.js';

/** A page of the past names at most so many tasks. */
const mostNamed = 10_000;

const query = object<TaskQuery>({
  ids: maybe(list(requestId, 10 * mostNamed)),
  // What a status or a limit may be is said by the controller in its own words.
  status: maybe(text(64) as Guard<NonNullable<TaskQuery['status']>>),
  queue: maybe(word('direct', 'balanced')),
  engine: maybe(whole(-1, 2 ** 31)),
  label: maybe(text(1024)),
  since: maybe(text(64)),
  until: maybe(text(64)),
  limit: maybe(finite),
});

const nothing = object<object>({});
const targets = object<{ targets: number[] }>({ targets: engineIds });

/** Client → controller: the fields of each request. */
export const clientRequests: Guards<ClientToController> = {
  connection_request: object<MessageContents['connection_request']>({
    version: name,
    protocol: finite,
    observer: maybe(flag),
    key: maybe(name),
  }),
  status_request: nothing,
  queue_request: nothing,
  query_request: object<MessageContents['query_request']>({ query }),
  result_request: object<MessageContents['result_request']>({ id: requestId }),
  records_request: object<MessageContents['records_request']>({
    after: maybe(whole(0, 2 ** 53)),
    ids: maybe(list(requestId, mostNamed)),
    messages: word('none', 'without buffers', 'whole'),
  }),
  watch_request: object<MessageContents['watch_request']>({ on: flag }),
  abort_request: object<MessageContents['abort_request']>({
    ids: requestIds,
    targets: maybe(engineIds),
    waiting: maybe(flag),
  }),
  interrupt_request: targets,
  restart_request: targets,
  stop_request: targets,
  signal_request: object<MessageContents['signal_request']>({ targets: engineIds, signal: text(16) }),
  resubmit_request: object<MessageContents['resubmit_request']>({ ids: list(requestId, mostNamed) }),
  resume_request: object<MessageContents['resume_request']>({
    pending: list(
      object<{ id: string; to: number[] | null }>({ id: requestId, to: orNull(engineIds) }),
      10_000_000,
    ),
  }),
  purge_request: object<MessageContents['purge_request']>({
    ids: either(word('all'), requestIds),
    engines: maybe(list(whole(-1, 2 ** 31), mostEngines)),
    everybody: maybe(flag),
  }),
  join_request: object<MessageContents['join_request']>({ folder: path }),
  shutdown_request: nothing,
};

/** What a client that only looks on may ask. */
export const observerRequests: ReadonlySet<string> = new Set<keyof ClientToController>([
  'connection_request',
  'status_request',
  'queue_request',
  'query_request',
  'result_request',
  'records_request',
  'watch_request',
]);
