import { messageOf } from '../base/errors.js';
import { decodeMessage, headerOf } from '../protocol/message.js';
import type { InterruptOutcome } from '../protocol/messages.js';
import type { ReplyStatus } from '../protocol/routes.js';
import type { Clients } from './clients.js';
import { type Assignment, assign, type Engine, type EngineTable } from './engine-table.js';
import { leastLoad } from './policies.js';
import type { Replies } from './replies.js';
import type { Store } from './store.js';
import { TaskQueue } from './task-queue.js';
import { makeTask, type Task } from './tasks.js';

/** A task during which so many engines died is not tried again. */
const crashLimit = 3;

/** Stops a request that an engine has; answers how that ended. */
export type CancelOnEngine = (engine: number, id: string) => Promise<InterruptOutcome>;

/** Balanced tasks: taken in, given to engines, tried again where that makes sense, answered once. */
export class BalancedTasks {
  readonly queue: TaskQueue;
  readonly #replies: Replies;
  readonly #store: Store;
  readonly #clients: Clients;
  readonly #cancelOnEngine: CancelOnEngine;
  #completed = 0;

  constructor(engines: EngineTable, replies: Replies, store: Store, clients: Clients, cancelOnEngine: CancelOnEngine) {
    this.#replies = replies;
    this.#store = store;
    this.#clients = clients;
    this.#cancelOnEngine = cancelOnEngine;
    this.queue = new TaskQueue(engines, leastLoad, {
      dispatch: (task, engine) => this.#dispatch(task, engine),
      impossible: (task, reason) => this.#end(task, 'ImpossibleDependency', `The task can never run: ${reason}.`),
    });
  }

  get completed(): number {
    return this.#completed;
  }

  /** Takes a task in. One with mistakes is answered at once. */
  submit(body: Buffer): void {
    const { header, bytes, metadata } = headerOf(body);
    if (this.queue.tasks.has(header.msg_id)) return;
    let task: Task;
    try {
      task = makeTask(header, bytes, metadata(), body);
    } catch (error) {
      const asked = { id: header.msg_id, session: header.session, type: header.msg_type, header: bytes };
      return this.#replies.fail(asked, 'USAGE', messageOf(error));
    }
    const { id, session, type, label } = task;
    this.#store.submitted({ id, session, queue: 'balanced', type, label, submitted: header.date, targets: 1 }, body);
    this.#clients.tell({ event: 'task', id, state: 'queued', engine: null, status: null });
    const unknown = this.queue.unknownDependencies(task);
    if (unknown.length > 0) void this.#addAfterLookup(task, unknown);
    else this.#add(task);
  }

  /** Dependencies may have ended so long ago that only the store knows of them. */
  async #addAfterLookup(task: Task, unknown: readonly string[]): Promise<void> {
    const found = await this.#store.ask({ kind: 'outcomes', ids: [...unknown] }).catch(() => []);
    for (const { id, ok, engine } of found) this.queue.remember(id, { ok, engine });
    const [missing] = this.queue.unknownDependencies(task);
    if (missing === undefined) this.#add(task);
    else this.#replies.fail(task, 'InvalidDependency', `No task is known by the id ${missing}.`);
  }

  #add(task: Task): void {
    this.queue.add(task);
    if (task.timeout > 0) {
      task.timer = setTimeout(() => {
        if (!this.queue.isWaiting(task)) return;
        this.queue.remove(task);
        this.#replies.fail(task, 'TaskTimeout', `The task found no engine within ${task.timeout / 1000} s.`);
      }, task.timeout);
    }
    this.queue.schedule();
  }

  #dispatch(task: Task, engine: Engine): void {
    task.engine = engine.id;
    assign(engine, task.id, 'balanced');
    engine.node.peer.link.send({ channel: 'balanced', id: task.id, to: [engine.id] }, [task.body]);
    if (engine.assigned.length === 1) this.running(task.id);
  }

  /** The task has become the one that its engine runs: from now on its run time counts. */
  running(id: string): void {
    const task = this.queue.tasks.get(id);
    if (!task) return;
    this.#clients.tell({ event: 'task', id, state: 'running', engine: task.engine ?? null, status: null });
    if (task.timeLimit === 0) return;
    clearTimeout(task.timer);
    task.timer = setTimeout(() => void this.#overrun(task), task.timeLimit);
  }

  async #overrun(task: Task): Promise<void> {
    if (task.engine === undefined) return;
    const { engine } = task;
    this.#end(task, 'TaskTimeout', `The task ran longer than its limit of ${task.timeLimit / 1000} s.`);
    await this.#cancelOnEngine(engine, task.id);
  }

  /** An engine has answered; false when the task is none of ours, or over already. */
  reply(id: string, engine: number, status: ReplyStatus, body: Buffer): boolean {
    const task = this.queue.tasks.get(id);
    if (!task || task.engine !== engine) return false;
    if (status === 'error' && task.retries > 0) {
      task.retries -= 1;
      task.excluded.add(engine);
      this.queue.putBack(task);
      return true;
    }
    this.#completed += 1;
    this.#replies.pass(task, status, engine, body);
    this.queue.finish(task, status === 'ok');
    this.#clients.tell({ event: 'task', id, state: 'done', engine, status });
    return true;
  }

  /** An engine that had this task is over: it goes back to the queue, unless it keeps killing engines. */
  lost({ id }: Assignment, wasRunning: boolean, reason: string): void {
    const task = this.queue.tasks.get(id);
    if (!task) return;
    if (wasRunning) task.crashes += 1;
    if (task.crashes < crashLimit) return this.queue.putBack(task);
    this.#end(task, 'EngineError', `${task.crashes} engines ended while they ran this task (the last: ${reason}).`);
  }

  /** The task was taken back from an engine that had not begun with it. */
  reclaimed(id: string): void {
    const task = this.queue.tasks.get(id);
    if (task) this.queue.putBack(task);
  }

  /** Cancels a task wherever it is. */
  async cancel(id: string): Promise<InterruptOutcome> {
    const task = this.queue.tasks.get(id);
    if (!task) return 'finished';
    if (task.engine === undefined) {
      this.queue.remove(task);
      this.#replies.aborted(task, 'removed');
      return 'removed';
    }
    task.retries = 0;
    return this.#cancelOnEngine(task.engine, id);
  }

  /** The engine will not answer for this task: it was taken out of its queue. */
  removed(id: string, engine: number, how: InterruptOutcome): void {
    const task = this.queue.tasks.get(id);
    if (!task) return;
    this.#replies.aborted(task, how, engine);
    this.queue.finish(task, false);
  }

  /** Makes a new task of a stored one; answers its new id. */
  resubmit(stored: Buffer, encode: (message: ReturnType<typeof decodeMessage>) => { id: string; body: Buffer }): string {
    const { id, body } = encode(decodeMessage(stored));
    this.submit(body);
    return id;
  }

  #end(task: Task, ename: string, evalue: string): void {
    this.#replies.fail(task, ename, evalue, task.engine);
    this.queue.finish(task, false);
    this.#clients.tell({ event: 'task', id: task.id, state: 'done', engine: task.engine ?? null, status: 'error' });
  }
}
