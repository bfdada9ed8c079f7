import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Home } from '../helpers.js';
import { bed, python, root, runPython } from './python.js';

/*
 * The example for Python's users; what others of the machine can do; and, for some seconds, messages that are
 * no good.
 */

describe.skipIf(!root)("examples and strangers (need root for Python's packages)", () => {
  let home: Home;

  beforeAll(() => {
    bed('python', 'up');
    home = new Home();
  }, 300_000);

  afterEach(() => home.run(['stop']));
  afterAll(() => home.leave());

  const start = (...args: string[]) =>
    home.run(['start', '-d', '--engine', 'python', '--python', python, ...args]);

  test('examples/python_cluster.ipy: arrays, a balanced map with progress, %px', async () => {
    await start('-n', '4');
    const { code, stdout, stderr } = await home.runOn(undefined, [
      python,
      '-W',
      'ignore',
      '-m',
      'IPython',
      '--no-banner',
      resolve('examples/python_cluster.ipy'),
    ]);
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/Traceback/)]);
    const lines = stdout
      .split('\n')
      .flatMap((line) => /(engines|power|halves|used|every|\d+ of).*/.exec(line)?.[0] ?? []);
    expect(lines).toEqual([
      'engines: [0, 1, 2, 3]',
      'power: engines agree with one process: True',
      'halves: gathered in order: True',
      ...[100, 200, 300, 400].map((done) => expect.stringMatching(`^${done} of 400 games, pi is about 3.1`)),
      'used by all engines: True',
      "every engine said: {'ZeroDivisionError'}",
    ]);
    expect(stdout.match(/a part of 250000 samples/g)).toHaveLength(4);
  });

  test('another user of this machine cannot read the files, connect, or register', async () => {
    await start('-n', '1');
    const stranger = new Home('hpc');
    const client = home.path('security', 'ipcontroller-client.json');
    const read = await stranger.runOn(undefined, [
      'cat',
      client,
      home.path('security', 'ipcontroller-engine.json'),
    ]);
    expect([read.code, read.stdout]).toEqual([1, '']);
    // Ports of loopback are everybody's; keys are not. He knows all but these.
    const {
      key: _key,
      curve_serverkey: _server,
      ...known
    } = JSON.parse(readFileSync(client, 'utf8')) as Record<string, unknown>;
    const attempts = [
      { ...known, key: 'guessed', curve_serverkey: null },
      { ...known, key: '', curve_serverkey: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7' },
    ];
    for (const attempt of attempts) {
      const script =
        `try:\n    ipp.Client(json.loads(${JSON.stringify(JSON.stringify(attempt))}), timeout=2)\n    ` +
        `print('connected')\nexcept Exception as e:\n    print(type(e).__name__)\n`;
      expect(await runPython(stranger, script)).toEqual([expect.stringMatching(/^Timeout/)]);
    }
    const registered = await runPython(
      stranger,
      `
import zmq
s = zmq.Context().socket(zmq.DEALER)
s.linger = 0
s.connect('tcp://127.0.0.1:${String((JSON.parse(readFileSync(home.path('security', 'ipcontroller-engine.json'), 'utf8')) as { registration: number }).registration)}')
s.send_multipart([b'<IDS|MSG>', b'', b'{"msg_id":"a","msg_type":"registration_request","session":"x"}', b'{}', b'{}', b'{"uuid":"x"}'])
print(s.poll(1000))
`,
    );
    expect(registered).toEqual(['0']);
    expect((await home.json<{ engines: unknown[] }>('status')).engines).toHaveLength(1);
    await stranger.leave();
  });

  test('messages that are no good: a good client is answered, no engine ends', async () => {
    const child = spawn(process.execPath, ['proof/fuzz-gateway.js', '--seconds', '4']);
    let [out, said] = ['', ''];
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    child.stderr.on('data', (chunk) => (said += String(chunk)));
    const code = await new Promise((done) => child.once('close', done));
    expect([code, said]).toEqual([0, '']);
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { messages: number; answers: number; engineRestarts: number });
    expect(rows).toHaveLength(3);
    for (const { messages, answers, engineRestarts } of rows) {
      expect(messages).toBeGreaterThan(5000);
      expect(answers).toBeGreaterThan(5);
      expect(engineRestarts).toBe(0);
    }
  });
});
