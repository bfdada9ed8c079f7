import { Worker } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { deferred } from '../../../src/base/wait.js';
import { Commands } from '../../../src/engine/command.js';
import { Kernel } from '../../../src/engine/kernel.js';
import { phase, Slots } from '../../../src/engine/slots.js';
import { Session } from '../../../src/protocol/message.js';
import type { Packet } from '../../../src/protocol/packets.js';
import type { Route } from '../../../src/protocol/routes.js';

const sequence = 7;
const hooks = globalThis as { hook?: () => void };
afterEach(() => {
  delete hooks.hook;
});

/** A kernel that is given one request: to run that code. */
function kernelWith(code: string, slots: Slots, send: (route: Route) => void): Kernel {
  const session = new Session('test');
  const body = Buffer.concat(session.encode({ type: 'execute_request', content: { code } }));
  const packets: Packet[] = [{ route: { channel: 'engine', id: 'it', sequence }, body }];
  const receive = (): void => {
    for (const packet of packets.splice(0)) kernel.accept(packet);
  };
  const kernel = new Kernel({
    slots,
    session,
    commands: new Commands('/tmp/none', () => undefined),
    receive,
    send,
    backlog: () => 0,
  });
  return kernel;
}

/** True where a termination may strike. */
function isOpen(slots: Slots): boolean {
  const open = slots.shut();
  if (open) slots.reopen();
  return open;
}

test(
  'a termination may strike user code, and never what the kernel sends, output of that ' + 'code included',
  () => {
    const slots = new Slots();
    const seen: [string, boolean][] = [];
    const kernel = kernelWith('hook()', slots, (route) => seen.push([route.channel, isOpen(slots)]));
    hooks.hook = () => {
      seen.push(['code', isOpen(slots)]);
      kernel.output.write('stdout', 'text');
      kernel.output.flush();
      seen.push(['code', isOpen(slots)]);
    };
    kernel.start();
    expect(seen).toEqual([
      ['code', true],
      ['output', false],
      ['code', true],
      ['reply', false],
    ]);
    expect(isOpen(slots)).toBe(true);
  },
);

/** A watcher that is late: it waits until it may strike, and then says that it has. */
const lateWatcher = `
const { workerData: { memory, sequence, signalled, terminated }, parentPort } = require('node:worker_threads');
const words = new Int32Array(memory);
const gate = words.length - 1;
parentPort.postMessage('here');
while (Atomics.load(words, sequence) !== ((sequence << 3) | signalled));
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
const end = Date.now() + 3000;
while (Atomics.compareExchange(words, gate, 0, 2) === 1 && Date.now() < end);
Atomics.store(words, sequence, (sequence << 3) | terminated);
Atomics.store(words, gate, 0);
`;

test(
  'code that ends by itself after the watcher has aimed at it, and before it strikes, does not keep the ' +
    'watcher out',
  async () => {
    const slots = new Slots();
    const replied = deferred<Route>();
    const watcher = new Worker(lateWatcher, {
      eval: true,
      workerData: { memory: slots.memory, sequence, ...phase },
    });
    hooks.hook = () => slots.advance(sequence, phase.awaiting, phase.signalled);
    const kernel = kernelWith('await null; hook()', slots, (route) => replied.resolve(route));
    await new Promise((here) => watcher.once('message', here));
    const begin = performance.now();
    kernel.start();
    expect(await replied.promise).toMatchObject({ channel: 'reply', id: 'it', status: 'aborted' });
    expect(performance.now() - begin).toBeLessThan(1500);
    await watcher.terminate();
  },
);
