import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Home, until } from '../helpers.js';
import { bed, root, runPython } from './python.js';

/*
 * A part of IPython's own tests against our controller; all of them, with both controllers, are
 * proof/interop.js.
 */

describe.skipIf(!root)("IPython's own tests (need root for its packages)", () => {
  beforeAll(() => void bed('python', 'up'), 300_000);

  test.each(['test_lbview', 'test_dependency', 'test_magics'])('%s', async (file) => {
    const child = spawn(process.execPath, ['proof/interop.js', '--ours', '--files', file]);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
    const code = await new Promise((done) => child.once('close', done));
    expect([code, said]).toEqual([0, expect.stringMatching(/\| [1-9]\d* passed, 0 failed/)]);
  });
});

describe.skipIf(!root)("what IPython's clients ask beyond its tests", () => {
  let home: Home;

  beforeAll(async () => {
    bed('python', 'up');
    home = new Home();
    await home.run(['start', '-n', '2', '-d', '--engine', 'python', '--python', '/usr/bin/python3']);
  }, 300_000);

  afterAll(async () => {
    await home.run(['stop']);
    await home.leave();
  });

  test('dask is refused with a sentence', async () => {
    const ask =
      "rc = ipp.Client()\nprint(rc._send_recv(rc._query_stream, 'become_dask_request', " +
      "{'scheduler_args': {}})['content']['evalue'])";
    expect(await runPython(home, ask)).toEqual([
      expect.stringMatching(/Dask does not run inside this controller/),
    ]);
  });

  test('queries hold what they promise: order of dates, several conditions, globs, buffers', async () => {
    const lines = await runPython(
      home,
      `
rc = ipp.Client()
ars = [rc[0].apply_async(lambda x: x, i) for i in range(6)]
[ar.get() for ar in ars]
ids = [ar.msg_ids[0] for ar in ars]
middle = rc.db_query({'msg_id': ids[3]})[0]
own = {'client_uuid': rc.session.session}
print(len(rc.db_query({'submitted': {'$gt': middle['submitted']}, **own})), len(rc.db_query({'submitted': {'$lte': middle['submitted']}, **own})))
print(len(rc.db_query({'engine_uuid': middle['engine_uuid'], 'queue': 'mux', **own})), len(rc.db_query({'queue': 'task', **own})))
print(len(rc.db_query({'msg_id': {'$glob': ids[0][:20] + '*'}})) >= 6)
records = rc.db_query({'msg_id': {'$in': ids[:2]}}, keys=['buffers', 'result_buffers'])
print([len(r['buffers']) > 0 and len(r['result_buffers']) > 0 for r in records])
rc.purge_hub_results(targets=[0])
print(len(rc.db_query(own)))
`,
    );
    expect(lines).toEqual(['2 4', '6 0', 'True', '[True, True]', '0']);
  });

  test('the failure of one engine is not lost in a merged answer, whose output ends too', async () => {
    const lines = await runPython(
      home,
      `
rc = ipp.Client()
view = rc.broadcast_view(is_coalescing=True)
def fail_first():
    import os, time
    if os.environ.get('FAILS'):
        raise ValueError('first')
    time.sleep(0.3)
    return 1
rc[0].execute("import os; os.environ['FAILS'] = '1'", block=True)
ar = view.apply_async(fail_first)
try:
    ar.get(10)
    print('no error')
except ipp.error.RemoteError as e:
    print(e.ename)
ar = view.apply_async(lambda: 1)
print(ar.get(10), ar.wait_for_output(5))
`,
    );
    expect(lines).toEqual(['ValueError', '[1, 1] True']);
  });

  test('a message for an engine that was never there is answered', async () => {
    const lines = await runPython(
      home,
      `
rc = ipp.Client()
rc._engines[77] = 'no-such-engine'
rc._ids.append(77)
try:
    rc[77].apply_async(os.getpid).get(5)
except ipp.error.RemoteError as e:
    print(e.ename)
`,
    );
    expect(lines).toEqual(['EngineError']);
  });

  test('any signal may be sent by name or number; 0 asks whether engines live', async () => {
    const lines = await runPython(
      home,
      `
import signal
rc = ipp.Client()
rc.send_signal(0, block=True)
rc[:].execute("import signal; seen = []; signal.signal(signal.SIGRTMIN, lambda n, f: seen.append(n)); signal.signal(signal.SIGUSR2, lambda n, f: seen.append(n))", block=True)
rc.send_signal(int(signal.SIGRTMIN), block=True)
rc.send_signal('SIGUSR2', block=True)
time.sleep(0.3)
print(rc[:].apply_sync(lambda: sorted(globals()['seen'])) == [sorted([int(signal.SIGRTMIN), int(signal.SIGUSR2)])] * 2)
try:
    rc.send_signal(99, block=True)
except Exception as e:
    print(e)
`,
    );
    expect(lines).toEqual(['True', expect.stringMatching(/There is no signal 99/)]);
  });

  test('our command sees the output of code and nothing else', async () => {
    for (let round = 0; round < 12; round++) {
      const { code, stdout, stderr } = await home.run(['exec', 'import time\nprint("said")\n1 + 1']);
      expect([code, stdout.split('\n').toSorted(), stderr]).toEqual([
        0,
        ['', '[0] 2', '[1] 2', 'said', 'said'],
        '',
      ]);
    }
  });

  test('registration waits for no heartbeat', async () => {
    const lines = await runPython(
      home,
      `
import subprocess, zmq
from jupyter_client.session import Session
folder = os.path.join(os.environ['IPYTHONDIR'], 'profile_default', 'security')
with open(os.path.join(folder, 'ipcontroller-engine.json')) as f:
    cfg = json.load(f)
session = Session(key=cfg['key'].encode())
public, secret = zmq.curve_keypair()
ctx = zmq.Context()
def connect(kind, port):
    s = ctx.socket(kind)
    s.identity = session.session.encode()
    s.curve_serverkey, s.curve_publickey, s.curve_secretkey = cfg['curve_serverkey'].encode(), public, secret
    if kind == zmq.SUB:
        s.subscribe(b'')
    s.connect(f"{cfg['interface']}:{cfg[port]}")
    return s
rc = ipp.Client()
before = len(rc)
query, ping, pong = connect(zmq.DEALER, 'registration'), connect(zmq.SUB, 'hb_ping'), connect(zmq.DEALER, 'hb_pong')
begin = time.time()
session.send(query, 'registration_request', content={'uuid': session.session})
reply = session.recv(query, mode=0)[1]['content']
while len(rc) == before and time.time() - begin < 5:
    if ping.poll(5):
        pong.send_multipart(ping.recv_multipart())
took = time.time() - begin
print(reply['status'], took < reply['hb_period'] / 1000 / 2)
session.send(query, 'unregistration_request', content={'id': reply['id']})
begin = time.time()
while len(rc) > before and time.time() - begin < 5:
    time.sleep(0.01)
print(len(rc) == before)
`,
    );
    expect(lines).toEqual(['ok True', 'True']);
  });
});

describe.skipIf(!root)('a client of Python ends the cluster', () => {
  beforeAll(() => void bed('python', 'up'), 300_000);

  test.each([1, 2, 3])('with its controller (%i)', async () => {
    const home = new Home();
    await home.run(['start', '-n', '1', '-d', '--engine', 'python', '--python', '/usr/bin/python3']);
    await runPython(home, 'rc = ipp.Client()\nrc.shutdown(hub=True, block=True)\n');
    const gone = await until('the controller ends', () => home.processesOf('ipcontroller').length === 0).then(
      () => true,
      () => false,
    );
    const { code, stderr } = await home.run(['start', '-n', '0', '-d']);
    await home.run(['stop']);
    await home.leave();
    expect([gone, code, stderr]).toEqual([true, 0, '']);
  });
});
