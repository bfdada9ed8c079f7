import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../base/errors.js';
import { Database } from './database.js';
import type { FromStore, ToStore } from './store-messages.js';

/* The store's thread: opens the database, commits batches, answers questions. It decides nothing. */

const { path } = workerData as { path: string };
const tell = (message: FromStore): void => parentPort?.postMessage(message);

let database = open();

function open(): Database {
  try {
    const opened = new Database(path);
    tell({ kind: 'opened', where: path, warning: undefined });
    return opened;
  } catch (error) {
    const warning = `the store cannot be opened (${messageOf(error)}): tasks and results are kept in memory only`;
    tell({ kind: 'opened', where: 'memory', warning });
    return new Database(':memory:');
  }
}

parentPort?.on('message', (message: ToStore) => {
  if (message.kind === 'batch') commit(message);
  else answer(message);
});

function commit(batch: Extract<ToStore, { kind: 'batch' }>): void {
  try {
    database.commit(batch);
  } catch (error) {
    tell({ kind: 'trouble', message: messageOf(error) });
    database = new Database(':memory:');
    database.commit(batch);
  }
}

function answer({ number, question }: Extract<ToStore, { kind: 'question' }>): void {
  try {
    tell({ kind: 'answer', number, answer: database.answer(question), error: undefined });
  } catch (error) {
    tell({ kind: 'answer', number, answer: undefined, error: messageOf(error) });
  }
}
