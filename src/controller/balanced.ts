import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Timer } from '../base/timer.js';
import { decodeMessage, type Head, headerOf } from '../protocol/message.js';
import type { Evidence, InterruptOutcome } from '../protocol/messages.js';
import type { ReplyStatus } from '../protocol/routes.js';
import type { Clients } from './clients.js';
import { type Assignment, assign, type Engine } from './engine.js';
import type { EngineTable } from './engine-table.js';
import { leastLoad } from './policies.js';
import type { Asked, Replies } from './replies.js';
import type { Store } from './store.js';
import type { SubmittedRow, UnfinishedTask } from './store-messages.js';
import { TaskQueue } from './task-queue.js';
import { headerBytesOf, makeTask, type Outcome, type Task, wrongLanguage } from './tasks.js';

/** Messages of waiting tasks beyond so many bytes stay on disk until their turn comes. */
const bodiesInMemory = 64 * 1024 * 1024;
/** How many tasks of an earlier controller are read at once. */
const restorePage = 500;

/** Stops a request that an engine has; answers how that ended. */
export type CancelOnEngine = (engine: number, id: string) => Promise<InterruptOutcome>;

/** Balanced tasks: taken in, given to engines, tried again where that makes sense, answered once. */
export class BalancedTasks {
  readonly queue: TaskQueue;
  readonly #engines: EngineTable;
  readonly #replies: Replies;
  readonly #store: Store;
  readonly #clients: Clients;
  readonly #cancelOnEngine: CancelOnEngine;
  readonly #loading = new Set<Task>();
  #bytes = 0;
  #completed = 0;

  constructor(
    engines: EngineTable,
    replies: Replies,
    store: Store,
    clients: Clients,
    cancelOnEngine: CancelOnEngine,
  ) {
    this.#replies = replies;
    this.#store = store;
    this.#clients = clients;
    this.#cancelOnEngine = cancelOnEngine;
    this.#engines = engines;
    this.queue = new TaskQueue(engines, leastLoad, {
      dispatch: (task, engine) => this.#dispatch(task, engine),
      impossible: (task, reason) =>
        this.#end(task, 'ImpossibleDependency', `The task can never run: ${reason}.`),
      load: (tasks) => void this.#load(tasks),
    });
  }

  /** Bytes of messages of unfinished tasks that are in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  get completed(): number {
    return this.#completed;
  }

  /** Takes a task in. One with mistakes is answered at once. */
  submit(body: Buffer, { header, bytes, metadata }: Head = headerOf(body)): void {
    if (this.queue.tasks.has(header.msg_id)) return this.#store.mark();
    let task: Task;
    try {
      task = makeTask(header, metadata(), body);
    } catch (error) {
      const asked = { id: header.msg_id, session: header.session, type: header.msg_type, header: bytes };
      return this.#replies.fail(asked, { ename: 'USAGE', evalue: messageOf(error) });
    }
    this.#bytes += task.size;
    const { id, session, type, label } = task;
    this.#store.submitted(
      { id, session, queue: 'balanced', type, label, submitted: new Date().toISOString(), targets: 1 },
      body,
    );
    this.#clients.tell({ event: 'task', id, state: 'queued', engine: null, status: null });
    this.#take(task);
  }

  /**
   * Takes in what an earlier controller had accepted; it waits for engines that come back with it, until
   * {@link settle}.
   */
  async restore(log: Log): Promise<number> {
    let count = 0;
    for (let after = 0; ; ) {
      const page = await this.#store.ask({ kind: 'unfinished', after, limit: restorePage });
      for (const row of page) if (this.#restoreOne(row, log)) count += 1;
      after = page.at(-1)?.number ?? after;
      if (page.length < restorePage) return count;
    }
  }

  /** One whose message cannot be read is answered with that. */
  #restoreOne({ id, session, type, body: bytes }: UnfinishedTask, log: Log): boolean {
    try {
      const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const { header, metadata } = headerOf(body);
      const task = makeTask(header, metadata(), body);
      this.#bytes += task.size;
      this.queue.restore(task);
      this.#spill(task);
      return true;
    } catch (error) {
      log.warn(`the task ${id} of the controller before cannot be read`, messageOf(error));
      const header = headerBytesOf({ id, session, type, body: undefined });
      const evalue = `The message of this task in the store cannot be read: ${messageOf(error)}`;
      this.#replies.fail({ id, session, type, header }, { ename: 'StoreError', evalue });
      return false;
    }
  }

  /** The store could not write the task down because of what it is: it ends, unless an engine has it. */
  refused(id: string, reason: string): void {
    const task = this.queue.tasks.get(id);
    if (!task || !this.queue.isWaiting(task)) return;
    this.queue.remove(task);
    this.#end(task, 'StoreError', `The store cannot keep this task: ${reason}.`);
  }

  /** All engines of their kind are given up: nothing can run these tasks. */
  abandonStranded(reason: string): void {
    for (const task of this.queue.stranded) {
      this.queue.remove(task);
      this.#end(
        task,
        'EngineError',
        `No engine is left that could run this task; the last was given up: ${reason}.`,
      );
    }
  }

  /** What no engine came back with is given out again. */
  settle(): void {
    for (const task of this.queue.settle()) this.#take(task);
  }

  /**
   * An engine that came back holds this task; false when it is none of ours, or was answered by another
   * meanwhile.
   */
  claim(id: string, engine: Engine): boolean {
    const task = this.queue.tasks.get(id);
    if (!task) return false;
    if (task.engine === undefined) this.queue.claim(task, engine.id);
    assign(engine, id, 'balanced');
    return true;
  }

  /** These are on disk: when there is much, they need not be in memory. */
  committed(rows: readonly SubmittedRow[]): void {
    if (this.#bytes <= bodiesInMemory || !this.#store.durable) return;
    for (const { id } of rows) {
      const task = this.queue.tasks.get(id);
      if (task) this.#spill(task);
    }
  }

  #spill(task: Task): void {
    if (this.#bytes <= bodiesInMemory || task.engine !== undefined || !task.body) return;
    task.body = undefined;
    this.#bytes -= task.size;
  }

  async #load(tasks: readonly Task[]): Promise<void> {
    const wanted = new Map(tasks.filter((task) => !this.#loading.has(task)).map((task) => [task.id, task]));
    if (wanted.size === 0) return;
    for (const task of wanted.values()) this.#loading.add(task);
    const found = await this.#store.ask({ kind: 'bodies', ids: [...wanted.keys()] }).catch(() => []);
    for (const { id, body } of found) {
      const task = wanted.get(id);
      if (!task || !this.queue.tasks.has(id)) continue;
      task.body = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      this.#bytes += task.size;
    }
    for (const task of wanted.values()) {
      this.#loading.delete(task);
      if (task.body || !this.queue.isWaiting(task)) continue;
      this.queue.remove(task);
      this.#end(task, 'StoreError', 'The store has lost the message of this task.');
    }
    this.queue.schedule();
  }

  #take(task: Task): void {
    if (this.queue.unknownDependencies(task).length === 0) return this.#add(task);
    this.queue.hold(task);
    void this.#addAfterLookup(task);
  }

  /** Dependencies may have ended so long ago that only the store knows of them. */
  async #addAfterLookup(task: Task): Promise<void> {
    const outcomes = new Map<string, Outcome>();
    for (;;) {
      const missing = this.queue.unknownDependencies(task).filter((id) => !outcomes.has(id));
      if (missing.length === 0) break;
      const found = await this.#store.ask({ kind: 'outcomes', ids: missing }).catch(() => []);
      if (!this.queue.isWaiting(task)) return;
      for (const { id, ok, engine } of found) outcomes.set(id, { ok, engine });
      if (found.length > 0) continue;
      this.queue.remove(task);
      return this.#end(task, 'InvalidDependency', `No task is known by the id ${missing[0]}.`);
    }
    this.#add(task, outcomes);
  }

  #add(task: Task, outcomes?: ReadonlyMap<string, Outcome>): void {
    const others = this.queue.otherLanguages(task);
    this.queue.add(task, outcomes);
    if (!this.queue.isWaiting(task)) return;
    if (task.language !== undefined && others.length > 0) {
      this.queue.remove(task);
      return this.#end(
        task,
        'WrongLanguage',
        wrongLanguage(task.language, `the engines that it may run on are ${others.join(', ')}`),
      );
    }
    this.#arm(task);
    this.queue.schedule();
  }

  #arm(task: Task): void {
    task.timer?.end();
    if (task.timeout === 0) return;
    task.timer = new Timer(task.timeout, () => {
      if (!this.queue.isWaiting(task)) return;
      this.queue.remove(task);
      this.#end(task, 'TaskTimeout', `The task found no engine within ${task.timeout / 1000} s.`);
    });
  }

  #dispatch(task: Task, engine: Engine): void {
    task.engine = engine.id;
    assign(engine, task.id, 'balanced');
    engine.supervisor.peer.link.send({ channel: 'balanced', id: task.id, to: [engine.id] }, [
      task.body as Buffer,
    ]);
    if (engine.assigned.length === 1) this.running(task.id);
  }

  /** The task has become the one that its engine runs: from now on its run time counts. */
  running(id: string): void {
    const task = this.queue.tasks.get(id);
    if (!task) return;
    this.#clients.tell({ event: 'task', id, state: 'running', engine: task.engine ?? null, status: null });
    if (task.timeLimit === 0) return;
    task.timer?.end();
    task.timer = new Timer(task.timeLimit, () => void this.#overrun(task));
  }

  async #overrun(task: Task): Promise<void> {
    if (task.engine === undefined) return;
    const { engine } = task;
    this.#end(task, 'TaskTimeout', `The task ran longer than its limit of ${task.timeLimit / 1000} s.`);
    await this.#cancelOnEngine(engine, task.id);
  }

  /**
   * An engine has answered; false when the task is none of ours, or over already. The first answer counts,
   * whoever gives it: an engine that was given up may come back with one.
   */
  reply(id: string, engine: number, status: ReplyStatus, body: Buffer): boolean {
    const task = this.queue.tasks.get(id);
    if (!task) return false;
    const other = task.engine === engine ? undefined : task.engine;
    if (
      status === 'unmet' ||
      (status === 'error' && task.retries > 0) ||
      (status === 'short' && this.#hasOthers(task, engine))
    ) {
      if (task.engine === engine) this.#tryElsewhere(task, engine, status);
      this.#store.mark();
      return true;
    }
    if (task.engine === undefined) this.queue.claim(task, engine);
    this.#completed += 1;
    this.#replies.pass(task, status === 'short' ? 'error' : status, engine, body);
    this.#finish(task, status === 'ok');
    this.#clients.tell({ event: 'task', id, state: 'done', engine, status });
    if (other !== undefined) void this.#cancelOnEngine(other, id);
    return true;
  }

  /** True when there are engines where it has not been tried. */
  #hasOthers(task: Task, engine: number): boolean {
    return this.#engines.all.some(
      ({ id }) =>
        id !== engine &&
        !task.excluded?.has(id) &&
        !task.unmet?.has(id) &&
        task.targets?.includes(id) !== false,
    );
  }

  /** It failed on that engine, or cannot run there, or not now. */
  #tryElsewhere(task: Task, engine: number, status: ReplyStatus): void {
    const name = status === 'unmet' ? 'unmet' : 'excluded';
    if (status === 'error') task.retries -= 1;
    task[name] = new Set([...(task[name] ?? []), engine]);
    this.#putBack(task);
  }

  /** An engine that had this task is over: it goes back to the queue, unless it keeps crashing engines. */
  lost({ id }: Assignment, engine: number, reason: string, evidence: Evidence | undefined): void {
    const task = this.queue.tasks.get(id);
    if (!task || task.engine !== engine) return;
    if (evidence?.crash && evidence.started.includes(id)) task.crashes += 1;
    if (task.crashes < task.crashLimit) return this.#putBack(task);
    const evalue = `${task.crashes} engines ended while they ran this task (the last: ${reason}).`;
    this.#end(task, 'EngineError', evalue, evidence?.lastLines);
  }

  /** The task was taken back from an engine that had not begun with it. */
  reclaimed(id: string, engine: number): void {
    const task = this.queue.tasks.get(id);
    if (task?.engine === engine) this.#putBack(task);
  }

  /** Its time to wait for an engine begins anew. */
  #putBack(task: Task): void {
    this.queue.putBack(task);
    this.#arm(task);
  }

  /** Where a task is that has been given to an engine. */
  engineOf(id: string): number | undefined {
    return this.queue.tasks.get(id)?.engine;
  }

  /** Cancels a task wherever it is. */
  async cancel(id: string): Promise<InterruptOutcome> {
    const task = this.queue.tasks.get(id);
    if (!task) return 'finished';
    if (task.engine === undefined) {
      this.queue.remove(task);
      this.#replies.aborted(askedOf(task), 'removed');
      this.#forget(task);
      return 'removed';
    }
    task.retries = 0;
    return this.#cancelOnEngine(task.engine, id);
  }

  /** The engine will not answer for this task: it was taken out of its queue. */
  removed(id: string, engine: number, how: InterruptOutcome): void {
    const task = this.queue.tasks.get(id);
    if (!task) return;
    this.#replies.aborted(askedOf(task), how, engine);
    this.#finish(task, false);
  }

  /** Makes a new task of a stored one; answers its new id. */
  resubmit(
    stored: Buffer,
    encode: (message: ReturnType<typeof decodeMessage>) => { id: string; body: Buffer },
  ): string {
    const { id, body } = encode(decodeMessage(stored));
    this.submit(body);
    return id;
  }

  #end(task: Task, ename: string, evalue: string, lastLines?: readonly string[]): void {
    this.#replies.fail(askedOf(task), { ename, evalue, engine: task.engine, lastLines });
    this.#finish(task, false);
    this.#clients.tell({
      event: 'task',
      id: task.id,
      state: 'done',
      engine: task.engine ?? null,
      status: 'error',
    });
  }

  #finish(task: Task, ok: boolean): void {
    this.queue.finish(task, ok);
    this.#forget(task);
  }

  /** Its message is needed no more. */
  #forget(task: Task): void {
    task.timer?.end();
    if (task.body) this.#bytes -= task.size;
    task.body = undefined;
  }
}

function askedOf(task: Task): Asked {
  const { id, session, type, size } = task;
  return { id, session, type, size, header: headerBytesOf(task) };
}
