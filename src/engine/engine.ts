import { Worker } from 'node:worker_threads';
import { objectionTo } from '../base/own-socket.js';
import { programFile } from '../base/package.js';
import { pin } from '../base/pristine.js';
import { pinBuffer } from '../base/pristine-buffer.js';
import { guardProcess } from '../base/signals.js';
import { sleep } from '../base/wait.js';
import { call, type Handlers, isHandled } from '../protocol/conversations/handlers.js';
import type { SupervisorToEngine } from '../protocol/conversations/supervisor-engine.js';
import { decodeMessage, Session } from '../protocol/message.js';
import type { MessageContents } from '../protocol/messages.js';
import { PacketReader } from '../protocol/packets.js';
import { refusalOfUnknown } from '../protocol/refusal.js';
import { Commands } from './command.js';
import { describeStray } from './failure.js';
import { Kernel } from './kernel.js';
import { Link } from './link.js';
import { Slots } from './slots.js';
import type { Settle, Settled, WatcherData } from './watcher.js';

/*
 * The engine: a plain child of a supervisor, reached by a Unix socket, with user code on its main thread.
 * Arguments: the socket's path, and the uuid under which the supervisor knows it.
 */

guardProcess();
// An interrupt is a SIGINT to the engine's whole group, for the children of user code. The engine itself
// ignores it.
process.on('SIGINT', () => {});

const [socketPath = '', uuid = ''] = process.argv.slice(2);
const session = new Session(uuid);
const slots = new Slots();
const objection = objectionTo(socketPath);
if (objection !== undefined) {
  // Whoever answers there would give us code to run.
  process.stderr.write(`The supervisor's socket is not used: ${objection} (${socketPath})\n`);
  process.exit(1);
}
const link = new Link(socketPath);
const { socket } = link;
const reader = new PacketReader({ apart: true });
const commands = new Commands(socketPath, room);
const kernel = new Kernel({
  slots,
  session,
  commands,
  receive,
  send: (route, body) => link.send(route, body),
  backlog: () => link.backlog,
});
const orders: Handlers<SupervisorToEngine> = { engine_welcome: ({ content }) => welcome(content) };
/** What has come and is not read yet: an interrupt of user code must not take it along. */
const arrived: Buffer[] = [];
let watched = false;
let startWatcher: (() => void) | undefined;
/**
 * Without work, the watcher is started after this time (milliseconds): many engines that start at once must
 * not be slowed down by it.
 */
const quiet = 1500;

socket.on('connect', () => {
  link.send(
    { channel: 'hub' },
    session.encode({ type: 'engine_hello', content: { uuid, pid: process.pid, role: 'engine' } }),
  );
});
socket.on('data', (chunk) => {
  arrived.push(pinBuffer(chunk));
  kernel.wake();
});
socket.on('error', () => {});
socket.on('close', () => {
  // The watcher sees it too, and sweeps what code has started before it ends this process; it gets time for
  // that.
  commands.stop();
  if (watched) setTimeout(() => leave(0), 10_000);
  else leave(0);
});
process.on('SIGTERM', () => leave(0));
process.on('unhandledRejection', (reason) => report('Unhandled rejection', reason));
process.on('uncaughtException', (error) => report('Uncaught exception', error));

function receive(): void {
  for (const chunk of arrived.splice(0)) {
    for (const packet of reader.push(chunk)) {
      if (packet.route.channel === 'engine') {
        startWatcher?.();
        kernel.accept(packet);
      } else if (packet.route.channel === 'hub') hear(packet.body);
    }
  }
}

/** Output of commands waits with them while the supervisor has this much to take (bytes, milliseconds). */
const mostWaiting = 1024 * 1024;
const roomInterval = 5;

function room(): Promise<void> | undefined {
  return link.backlog > mostWaiting ? awaitRoom() : undefined;
}

async function awaitRoom(): Promise<void> {
  while (link.backlog > mostWaiting && !socket.destroyed) await sleep(roomInterval);
}

/** What the supervisor says. What is not known is refused. */
function hear(body: Buffer): void {
  const message = decodeMessage(body);
  if (isHandled<SupervisorToEngine>(message, orders)) return call(orders, message);
  const { route, body: answer } = refusalOfUnknown(session, message.header, 'a supervisor');
  link.send(route, answer);
}

/**
 * The supervisor has an id for us, or another one. After the first, user code may come, and its watcher must
 * be there before it.
 */
function welcome({ id, environment }: MessageContents['engine_welcome']): undefined {
  const isFirst = kernel.engineId < 0;
  kernel.engineId = id;
  Object.assign(process.env, environment);
  Object.defineProperty(globalThis, 'engineId', { value: id, configurable: true, writable: true });
  if (!isFirst) return;
  startWatcher = watch;
  setTimeout(() => startWatcher?.(), quiet * (1 + Math.random())).unref();
}

function watch(): void {
  startWatcher = undefined;
  const workerData: WatcherData = { memory: slots.memory, socket: socketPath, uuid };
  const watcher = pin(new Worker(programFile('watcher'), { workerData, execArgv: [], stdin: false }));
  watcher.once('online', () => {
    watched = true;
    kernel.output.install();
    kernel.start();
  });
  watcher.on('message', ({ sequence }: Settle) => {
    watcher.postMessage({ sequence, outcome: kernel.settle(sequence) } satisfies Settled);
    kernel.wake();
  });
  watcher.on('error', (error) => {
    process.stderr.write(`the watcher failed: ${error.message}\n`);
    leave(1);
  });
}

function report(what: string, error: unknown): void {
  kernel.output.write('stderr', `${what}: ${describeStray(error)}\n`);
}

function leave(code: number): void {
  commands.stop();
  process.exit(code);
}
