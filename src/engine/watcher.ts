import { Session } from 'node:inspector';
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { objectionTo } from '../base/own-socket.js';
import { deferred, sleep, within } from '../base/wait.js';
import { sweepMarked } from '../processes/end.js';
import { markVariable } from '../processes/table.js';
import { call, type Handlers, isHandled } from '../protocol/conversations/handlers.js';
import type { SupervisorToWatcher } from '../protocol/conversations/supervisor-engine.js';
import { decodeMessage, type Message, Session as MessageSession } from '../protocol/message.js';
import type { InterruptOutcome, MessageContents } from '../protocol/messages.js';
import { encodePacket, PacketReader } from '../protocol/packets.js';
import { refusalOfUnknown } from '../protocol/refusal.js';
import type { Route } from '../protocol/routes.js';
import { phase, Slots } from './slots.js';

/*
 * The engine's second thread. It only waits: for an order to interrupt a request, and for the end of the
 * supervisor. The main thread may be in a loop that never ends, so neither can be done there.
 */

/** What the engine's main thread hands to its watcher. */
export interface WatcherData {
  memory: SharedArrayBuffer;
  socket: string;
  uuid: string;
}

/** Watcher to main thread: settle that request. */
export interface Settle {
  sequence: number;
}

/** Main thread to watcher: that request was settled so. */
export interface Settled {
  sequence: number;
  outcome: InterruptOutcome;
}

const { memory, socket: socketPath, uuid } = workerData as WatcherData;
const supervisor = process.ppid;
const slots = new Slots(memory);
const inspector = new Session();
inspector.connectToMainThread();
const session = new MessageSession(uuid);
const objection = objectionTo(socketPath);
if (objection !== undefined) throw new Error(`the supervisor's socket is not used: ${objection}`);
const socket = connect(socketPath);
const reader = new PacketReader();
const orders: Handlers<SupervisorToWatcher> = { interrupt_aim: ({ content }) => aim(content) };
let settled = deferred<Settled>();
let line = Promise.resolve();

parentPort?.on('message', (message: Settled) => settled.resolve(message));
socket.on('connect', () =>
  tell({ type: 'engine_hello', content: { uuid, pid: process.pid, role: 'watcher' } }),
);
socket.on('data', (chunk) => {
  for (const { route, body } of reader.push(chunk)) if (route.channel === 'hub') hear(decodeMessage(body));
});
socket.on('error', () => {});
// The supervisor is gone. The main thread hears of it too, but perhaps never gets to it.
socket.on('close', () => void sleep(300).then(endAll));

/** What the supervisor says. What is not known is refused. */
function hear(message: Message): void {
  if (isHandled<SupervisorToWatcher>(message, orders)) return call(orders, message);
  const { route, body } = refusalOfUnknown(session, message.header, 'a supervisor');
  write(route, body);
}

/** Interrupts are done one after another; what has not begun is taken out at once. */
function aim({ sequence, onlyWaiting }: MessageContents['interrupt_aim']): undefined {
  const hit = (outcome: InterruptOutcome | 'stuck'): void =>
    tell({ type: 'interrupt_hit', content: { sequence, outcome } });
  if (onlyWaiting) hit(slots.remove(sequence) ? 'removed' : 'finished');
  else line = line.then(async () => hit(await interrupt(sequence)));
}

/**
 * Ends what this engine has started, wherever it went; where the supervisor is dead, what its other engines
 * have started too.
 */
async function endAll(): Promise<void> {
  const own = process.env[markVariable] ?? '';
  const all = process.ppid === supervisor ? own : own.slice(0, own.lastIndexOf('/') + 1);
  try {
    if (own !== '') await sweepMarked((mark) => (all === own ? mark === own : mark.startsWith(all)));
  } finally {
    process.kill(-process.pid, 'SIGKILL');
  }
}

function tell(outgoing: Parameters<MessageSession['encode']>[0]): void {
  write({ channel: 'hub' }, session.encode(outgoing));
}

function write(route: Route, body: Buffer[]): void {
  for (const part of encodePacket(route, body)) socket.write(part);
}

/** The ladder's rungs inside an engine; `stuck` leaves the last one, a restart, to the supervisor. */
async function interrupt(sequence: number): Promise<InterruptOutcome | 'stuck'> {
  const aim = slots.aim(sequence);
  if (aim === 'removed' || aim === 'finished') return aim;
  if (aim === 'awaiting') {
    const polite = await settle(sequence, 50);
    if (polite) return polite;
    if (!slots.advance(sequence, phase.awaiting, phase.signalled)) return 'finished';
  }
  // Children that the code waits for (execSync) end by this; the engine itself ignores it.
  process.kill(-process.pid, 'SIGINT');
  for (let round = 0; round < 10; round++) {
    await terminate(sequence);
    const outcome = await settle(sequence, 100 + 50 * round);
    if (outcome) return outcome;
  }
  return 'stuck';
}

/** Asks the main thread to settle the request; undefined when it does not come to it in time. */
async function settle(sequence: number, patience: number): Promise<InterruptOutcome | undefined> {
  settled = deferred();
  parentPort?.postMessage({ sequence } satisfies Settle);
  const answer = await within(settled.promise, patience);
  return answer?.sequence === sequence ? answer.outcome : undefined;
}

/** Ends whatever JavaScript the main thread runs for that request, but never the kernel's own. */
async function terminate(sequence: number): Promise<void> {
  while (!slots.shut()) await sleep(1);
  // It was settled meanwhile: what runs now is another's.
  if (!slots.isIn(sequence, phase.signalled) && !slots.isIn(sequence, phase.terminated))
    return slots.reopen();
  const done = deferred<void>();
  inspector.post('Runtime.terminateExecution', () => done.resolve());
  await within(done.promise, 500);
  if (slots.isIn(sequence, phase.signalled)) slots.put(sequence, phase.terminated);
  slots.reopen();
}
