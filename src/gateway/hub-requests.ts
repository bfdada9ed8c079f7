import { isIpclusterError, messageOf } from '../base/errors.js';
import type { MessageDetail, StoredTask } from '../protocol/messages.js';
import type { Directory } from './directory.js';
import type { PythonClient } from './python-client.js';
import { recordTest } from './query.js';
import { type ListedTask, listColumns, listTasks, type PythonRecord, readRecords } from './records.js';
import type { ShownOutput } from './shown-output.js';

/** What an answer to Python is made of. */
export interface HubAnswer {
  content: Record<string, unknown>;
  /**
   * What `records` in the content are, each as JSON: there may be thousands, too many to be objects at once.
   */
  records?: Buffer[];
  buffers?: Buffer[];
}

type Content = Record<string, unknown>;
/** Questions that read the store may be long: so many may be open at once, of one client and of all. */
const mostOfClient = 32;
const mostOpen = 256;

type Handler = (client: PythonClient, content: Content) => HubAnswer | Promise<HubAnswer>;

/** A failure that Python knows by name. */
class NamedError extends Error {
  readonly ename: string;

  constructor(ename: string, message: string) {
    super(message);
    this.ename = ename;
  }
}

/** Error codes of ours that Python's users know under another name. */
const pythonNames: Record<string, string> = { NOT_FOUND: 'KeyError', USAGE: 'ValueError' };

/** Names of IPython's requests that this controller does not serve, with what to do instead. */
const refusals: Record<string, string> = {
  become_dask_request:
    'Dask does not run inside this controller. Start its workers with `rc[:].execute(...)`, or a Dask ' +
    'cluster beside this one.',
  stop_distributed_request: 'Dask does not run inside this controller, so there is nothing to stop.',
};

/** Requests that read the store. */
const reading = new Set(['result_request', 'history_request', 'db_request', 'purge_request']);

/** Answers what Python's clients ask their hub: about engines, queues, and the tasks of the past. */
export class HubRequests {
  readonly #directory: Directory;
  readonly #output: ShownOutput;
  #open = 0;
  #lastRead: Promise<unknown> = Promise.resolve();

  constructor(directory: Directory, output: ShownOutput) {
    this.#directory = directory;
    this.#output = output;
  }

  /** Answers a request; every failure is an answer too. */
  async answer(client: PythonClient, type: string, content: Content): Promise<HubAnswer> {
    try {
      const refusal = refusals[type];
      if (refusal) throw new NamedError('NotImplementedError', refusal);
      const handler = this.#handlers[type];
      if (!handler) throw new NamedError('KeyError', `There is no ${type} here.`);
      if (client.questions >= mostOfClient || this.#open >= mostOpen)
        throw new NamedError('RuntimeError', 'Too many questions are open: wait for their answers.');
      this.#open += 1;
      client.questions += 1;
      const handled = reading.has(type)
        ? this.#inTurn(() => handler(client, content))
        : Promise.resolve(handler(client, content));
      const { content: answer, ...rest } = await handled.finally(() => {
        this.#open -= 1;
        client.questions -= 1;
      });
      return { content: { status: 'ok', ...answer }, ...rest };
    } catch (error) {
      return { content: errorContent(error) };
    }
  }

  /** What reads the past may be large: one at a time, so that only one answer is in memory. */
  #inTurn(work: () => HubAnswer | Promise<HubAnswer>): Promise<HubAnswer> {
    const turn = this.#lastRead.then(work);
    this.#lastRead = turn.catch(() => {});
    return turn;
  }

  readonly #handlers: Record<string, Handler> = {
    connection_request: async (client) => {
      await client.ready();
      return {
        content: {
          engines: Object.fromEntries(this.#directory.all.map(({ id, uuid }) => [String(id), uuid])),
        },
      };
    },
    queue_request: (client, content) => this.#queues(client, content),
    load_request: async (client, { targets }) => {
      const { content } = await client.ask('queue_request', {});
      const load = content.engines.map(
        ({ id, direct, balanced }) => [id, direct.length + balanced.length] as const,
      );
      return { content: Object.fromEntries(load.filter(([id]) => this.#ids(targets).has(id))) };
    },
    result_request: (client, content) => this.#results(client, content),
    history_request: async (client) => ({
      content: { history: (await this.#list(client)).map(({ msg_id }) => msg_id) },
    }),
    db_request: (client, content) => this.#query(client, content),
    purge_request: (client, content) => this.#purge(client, content),
    resubmit_request: async (client, { msg_ids }) => {
      const { content } = await client.ask('resubmit_request', { ids: texts(msg_ids) });
      return { content: { resubmitted: content.ids } };
    },
  };

  /** The engines that are meant: all without a word. Throws IndexError for one that is not there. */
  #ids(targets: unknown): Set<number> {
    if (targets === null || targets === undefined) return new Set(this.#directory.all.map(({ id }) => id));
    const named = Array.isArray(targets) ? targets : [targets];
    return new Set(
      named.map((target) => {
        const engine =
          typeof target === 'number' ? this.#directory.byId(target) : this.#directory.byUuid(String(target));
        if (!engine) throw new NamedError('IndexError', `There is no engine ${String(target)}.`);
        return engine.id;
      }),
    );
  }

  async #queues(client: PythonClient, { targets, verbose }: Content): Promise<HubAnswer> {
    const wanted = this.#ids(targets);
    const { content } = await client.ask('queue_request', {});
    const done = verbose ? await this.#completed(client) : new Map<string, string[]>();
    const show = (ids: string[]): unknown => (verbose ? ids : ids.length);
    const answer: Content = { unassigned: show(content.unassigned) };
    for (const { id, direct, balanced, completed } of content.engines) {
      if (!wanted.has(id)) continue;
      const own = done.get(this.#directory.byId(id)?.uuid ?? '') ?? [];
      answer[String(id)] = {
        queue: show(direct),
        tasks: show(balanced),
        completed: verbose ? own : completed,
      };
    }
    return { content: answer };
  }

  /** Tasks that are done, by the engine that did them. */
  async #completed(client: PythonClient): Promise<Map<string, string[]>> {
    const done = new Map<string, string[]>();
    const ids = idsOf(await this.#list(client));
    for await (const { msg_id, completed, engine_uuid: uuid } of this.#records(
      client,
      ids,
      'without buffers',
    )) {
      if (completed === null || uuid === null) continue;
      const own = done.get(uuid) ?? [];
      own.push(msg_id);
      done.set(uuid, own);
    }
    return done;
  }

  async #results(client: PythonClient, { msg_ids, status_only }: Content): Promise<HubAnswer> {
    const ids = [...new Set(texts(msg_ids))].sort();
    const records = new Map(
      (await this.#named(client, ids, status_only ? 'without buffers' : 'whole')).map((record) => [
        record.msg_id,
        record,
      ]),
    );
    const answer: Content = { pending: [] as string[], completed: [] as string[] };
    const buffers: Buffer[] = [];
    for (const id of ids) {
      const record = records.get(id);
      if (!record) throw new NamedError('KeyError', `No such message: ${id}`);
      (answer[record.completed === null ? 'pending' : 'completed'] as string[]).push(id);
      if (status_only || record.completed === null) continue;
      const { header, metadata, result_metadata, result_header, result_content, received } = record;
      const { execute_input, execute_result, error, stdout, stderr } = record;
      const io = { execute_input, execute_result, error, stdout, stderr };
      answer[id] = { header, metadata, result_metadata, result_header, result_content, received, io };
      buffers.push(...record.result_buffers);
    }
    return { content: answer, buffers };
  }

  async #query(client: PythonClient, { query, keys }: Content): Promise<HubAnswer> {
    const wanted = keys === null || keys === undefined ? undefined : new Set(['msg_id', ...texts(keys)]);
    const withBuffers = bufferNames.filter((name) => wanted?.has(name));
    const conditions = (query ?? {}) as Record<string, unknown>;
    const test = recordTest(conditions);
    // What stands in the list of tasks needs no message to be read.
    const early = recordTest(
      Object.fromEntries(Object.entries(conditions).filter(([column]) => listColumns.has(column))),
    );
    const candidates = idsOf((await this.#list(client)).filter((listed) => early({ ...listed })));
    const records: Buffer[] = [];
    const buffers: Buffer[] = [];
    const lengths = { buffers: [] as number[], result_buffers: [] as number[] };
    for await (const record of this.#records(
      client,
      candidates,
      withBuffers.length > 0 ? 'whole' : 'without buffers',
    )) {
      if (!test({ ...record })) continue;
      const columns = Object.entries(record).filter(
        ([name]) => !bufferColumns.has(name) && (wanted?.has(name) ?? true),
      );
      records.push(Buffer.from(JSON.stringify(Object.fromEntries(columns))));
      for (const name of withBuffers) {
        lengths[name].push(record[name].length);
        buffers.push(...record[name]);
      }
    }
    const lengthsOf = (name: 'buffers' | 'result_buffers'): number[] | null =>
      withBuffers.includes(name) ? lengths[name] : null;
    return {
      content: { buffer_lens: lengthsOf('buffers'), result_buffer_lens: lengthsOf('result_buffers') },
      records,
      buffers,
    };
  }

  async #purge(client: PythonClient, { msg_ids, engine_ids }: Content): Promise<HubAnswer> {
    const ids = msg_ids === 'all' ? ('all' as const) : texts(msg_ids);
    const engines = Array.isArray(engine_ids) && engine_ids.length > 0 ? [...this.#ids(engine_ids)] : [];
    if (ids !== 'all') {
      const pending = (await this.#named(client, ids, 'without buffers')).find(
        ({ completed }) => completed === null,
      );
      if (pending) throw new NamedError('IndexError', `msg pending: ${pending.msg_id}`);
    }
    const { content } = await client.ask('purge_request', { ids, engines, everybody: true });
    this.#output.forget(content.ids);
    return { content: {} };
  }

  /** Every task that the store has, by the time when it was submitted, as far as the list of tasks tells. */
  async #list(client: PythonClient): Promise<ListedTask[]> {
    const all: ListedTask[] = [];
    for (let after: number | null = 0; after !== null; ) {
      const list: { tasks: StoredTask[]; last: number | null } = (
        await client.ask('records_request', { after, messages: 'none' })
      ).content;
      all.push(...listTasks(list.tasks));
      after = list.last;
    }
    return all.sort((a, b) => (a.submitted < b.submitted ? -1 : a.submitted > b.submitted ? 1 : 0));
  }

  /** Those tasks whole, in that order. */
  async #named(
    client: PythonClient,
    ids: readonly string[],
    messages: MessageDetail,
  ): Promise<PythonRecord[]> {
    const all: PythonRecord[] = [];
    for await (const record of this.#records(client, ids, messages)) all.push(record);
    return all;
  }

  /** Those tasks, in that order; only a page of them is in memory at a time. */
  async *#records(
    client: PythonClient,
    ids: readonly string[],
    messages: MessageDetail,
  ): AsyncGenerator<PythonRecord> {
    for (let at = 0; at < ids.length; at += page) {
      const wanted = ids.slice(at, at + page);
      const { content, buffers } = await client.ask('records_request', { ids: wanted, messages });
      const read = readRecords(content, buffers, this.#directory, this.#output);
      const records = new Map(read.map((record) => [record.msg_id, record]));
      for (const id of wanted) {
        const record = records.get(id);
        if (record) yield record;
      }
    }
  }
}

/** So many tasks are read with their messages at once. */
const page = 50;

const idsOf = (tasks: readonly ListedTask[]): string[] => tasks.map(({ msg_id }) => msg_id);

const bufferNames = ['buffers', 'result_buffers'] as const;
const bufferColumns: ReadonlySet<string> = new Set(bufferNames);

/** A list of texts, where Python may have sent a single one. */
function texts(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string');
}

/** A failure in Python's form. */
export function errorContent(error: unknown): Record<string, unknown> {
  const ours = isIpclusterError(error) ? (pythonNames[error.code] ?? error.code) : 'RuntimeError';
  const ename = error instanceof NamedError ? error.ename : ours;
  const evalue = messageOf(error);
  return { status: 'error', ename, evalue, traceback: [`${ename}: ${evalue}`], engine_info: {} };
}
