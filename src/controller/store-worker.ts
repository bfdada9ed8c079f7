import { parentPort, workerData } from 'node:worker_threads';
import { poolBuffers } from '../base/buffer-pool.js';
import { messageOf } from '../base/errors.js';
import { collectAtRest } from '../base/rest.js';
import { Database, type Refused } from './database.js';
import type { FromStore, StoreOptions, ToStore } from './store-messages.js';

/* The store's thread: opens the database, commits batches, answers questions, purges. It decides nothing. */

const options = workerData as StoreOptions;
const tell = (message: FromStore): void => parentPort?.postMessage(message);

/**
 * How often a disk that failed is tried again, and how often what is too old is looked for (milliseconds).
 */
const recoveryInterval = 2000;

poolBuffers();
const database = open();
let purging = false;
/** What the disk said when it was tried last. */
let saidLast = '';
setInterval(tryDiskAgain, recoveryInterval);

function open(): Database {
  try {
    const opened = new Database(options);
    tell({ kind: 'opened', where: options.path, warning: opened.aside });
    return opened;
  } catch (error) {
    const warning = `the store cannot be opened (${messageOf(error)}): tasks and results are kept in memory only`;
    tell({ kind: 'opened', where: `memory (${messageOf(error)})`, warning });
    return new Database({ ...options, path: ':memory:', reuse: false });
  }
}

const active = collectAtRest(() => database.shrink());

parentPort?.on('message', (message: ToStore) => {
  active();
  if (message.kind === 'batch') commit(message);
  else answer(message);
});

function commit(batch: Extract<ToStore, { kind: 'batch' }>): void {
  const refused = write(batch);
  tell({ kind: 'committed', durable: database.durable, refused });
  if (database.isFull && !purging) purge();
}

function write(batch: Extract<ToStore, { kind: 'batch' }>): Refused[] {
  try {
    return database.commit(batch);
  } catch (error) {
    // Whatever ails the disk, the rows go into memory, and the disk is tried again later.
    database.place = 'spare';
    tell({ kind: 'trouble', message: messageOf(error) });
    return database.commit(batch);
  }
}

/** Slice by slice, with commits in between. */
function purge(): void {
  try {
    purging = database.purge();
    if (purging) setImmediate(purge);
  } catch (error) {
    tell({ kind: 'trouble', message: `old results cannot be removed: ${messageOf(error)}` });
  }
}

function tryDiskAgain(): void {
  if (database.place === 'main') return purging ? undefined : purge();
  try {
    database.recover();
    saidLast = '';
    tell({ kind: 'recovered' });
  } catch (error) {
    // Said once, not every time that it is tried.
    if (messageOf(error) !== saidLast) tell({ kind: 'trouble', message: messageOf(error) });
    saidLast = messageOf(error);
  }
}

function answer({ number, question }: Extract<ToStore, { kind: 'question' }>): void {
  try {
    tell({ kind: 'answer', number, answer: database.answer(question), error: undefined });
  } catch (error) {
    tell({ kind: 'answer', number, answer: undefined, error: messageOf(error) });
  }
}
