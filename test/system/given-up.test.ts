import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Client } from '../../src/client/client.js';
import { readConnectionFile } from '../../src/profile/connection-file.js';
import { Session } from '../../src/protocol/message.js';
import { protocolVersion } from '../../src/protocol/messages.js';
import { dial } from '../../src/transport/dial.js';
import { Peer } from '../../src/transport/peer.js';
import { Home, until } from '../helpers.js';

/* What waits for an engine that is being started again does not wait for ever. */
const home = new Home();
let client: Client;

beforeAll(async () => {
  home.enter();
  await home.json('start', '-n', '1', '-d', '--lease', '3s');
  client = await Client.connect();
});

afterAll(async () => {
  await client.close();
  await home.run(['stop']);
  await home.leave();
});

/** A supervisor without engines of its own, with places of those ids. */
async function supervisor(ids: number[]): Promise<{ peer: Peer; ids: number[] }> {
  const peer = new Peer(
    await dial(readConnectionFile(home.path('security', 'ipcontroller-engine.json')), 5000),
    new Session('x'),
  );
  peer.link.keepLease(3000);
  const who = { version: '0.1.0', protocol: protocolVersion, host: 'elsewhere', pid: 7, run: 'elsewhere-7' };
  const content = { ...who, count: ids.length || 2, ids, rank: null, allocation: null, engines: [] };
  return { peer, ids: (await peer.request({ type: 'registration_request', content })).content.ids };
}

test('an engine that was given up while its supervisor was cut off is not waited for', async () => {
  const first = await supervisor([]);
  const [id = -1, other = -1] = first.ids;
  const facts = { pid: 7, language: 'javascript', log: null, restarts: 0, cpus: null, gpus: null };
  first.peer.tell({ type: 'engine_up', content: { id, uuid: 'gone', ...facts } });
  await until('the engine is there', () => client.ids.includes(id));
  const evidence = { exit: 'exit code 1', lastLines: [], memory: null, crash: true, started: [] };
  first.peer.tell({
    type: 'engine_down',
    content: { id, uuid: 'gone', reason: 'exit code 1', restarting: true, evidence },
  });
  await until('it is being started again', async () =>
    (await client.status()).engines.some((engine) => engine.id === id && engine.state === 'restarting'),
  );
  const waiting = client.direct(id).execute('1');
  first.peer.link.destroy();
  const second = await supervisor([other]);
  await expect(waiting).rejects.toMatchObject({ code: 'ENGINE_DIED' });
  expect((await client.status()).engines.map((engine) => engine.id)).not.toContain(id);
  second.peer.link.close();
});

test('engines start again although a cleaner took their supervisor’s socket', async () => {
  const [engine] = (await client.status()).engines;
  const argv = readFileSync(`/proc/${engine?.pid}/cmdline`, 'utf8').split('\0');
  rmSync(argv.find((word) => word.endsWith('.sock')) ?? 'none');
  process.kill(engine?.pid ?? 0, 'SIGKILL');
  await until('another one is there', async () =>
    (await client.status()).engines.some(
      ({ id, pid, state }) => id === engine?.id && pid !== engine?.pid && state === 'idle',
    ),
  );
  expect(await client.direct(engine?.id ?? 0).execute('6 * 7')).toBe(42);
});
