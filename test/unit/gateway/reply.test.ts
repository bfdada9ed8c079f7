import { describe, expect, test } from 'vitest';
import { Broadcast } from '../../../src/gateway/broadcast.js';
import type { Asked } from '../../../src/gateway/python-client.js';
import { PythonEngine } from '../../../src/gateway/python-engine.js';
import { pythonReply } from '../../../src/gateway/python-reply.js';
import { readObject, toFrame } from '../../../src/gateway/wire.js';
import { decodeFrames, encodeFrames } from '../../../src/protocol/frames.js';

const header = { msg_id: 'm', msg_type: 'execute_request', session: 's' };
const ask = (broadcast?: Broadcast): Asked => ({
  socket: undefined as never,
  to: Buffer.alloc(0),
  balanced: false,
  header,
  headerFrame: toFrame(header),
  silent: false,
  broadcast,
});
const answer = (content: object, metadata: object = {}): Buffer[] =>
  [{ msg_type: 'execute_reply' }, header, metadata, content].map(toFrame);
const engine = { id: 3, uuid: 'e', language: 'javascript' };
const parts = (frames: readonly Buffer[]) => frames.slice(0, 4).map((frame) => readObject(frame) ?? {});

describe("answers in Python's form", () => {
  test('one of IPython passes as the bytes that it is', () => {
    const given = answer({ status: 'ok' }, { dependencies_met: true });
    expect(pythonReply(ask(), given, engine, true)).toEqual({ frames: given, shown: [] });
  });

  test('the value of our engine is shown, and the end of its output', () => {
    const { frames, shown } = pythonReply(
      ask(),
      answer({ status: 'ok', execution_count: 2, data: { 'text/plain': '42' }, cloneable: true }),
      engine,
      true,
    );
    expect(parts(frames)[3]).toEqual({ status: 'ok', execution_count: 2, user_expressions: {}, payload: [] });
    expect(parts(frames)[2]).toMatchObject({ engine: 'e', dependencies_met: true, status: 'ok' });
    expect(shown.map(({ type }) => type)).toEqual(['execute_result', 'status']);
  });

  test('an error of our engine says whose it is; one of the controller says nobody', () => {
    const content = { status: 'error', ename: 'TypeError', evalue: 'no', traceback: [] };
    const own = parts(pythonReply(ask(), answer(content), engine, true).frames)[3];
    expect(own).toMatchObject({
      ename: 'TypeError',
      traceback: ['TypeError: no'],
      engine_info: { engine_uuid: 'e', engine_id: 3, method: 'execute' },
    });
    const other = pythonReply(ask(), answer(content), engine, false);
    expect([parts(other.frames)[3]?.['engine_info'], other.shown]).toEqual([{}, []]);
    expect(
      parts(pythonReply(ask(), answer({ status: 'aborted', how: 'removed' }), engine, false).frames)[3],
    ).toEqual({
      status: 'aborted',
    });
  });

  test('answers to a broadcast carry the id that their engine was asked under', () => {
    const broadcast = new Broadcast({ targets: [['e', 3]], is_broadcast: true });
    expect(
      parts(pythonReply(ask(broadcast), answer({ status: 'ok' }), engine, true).frames)[1],
    ).toMatchObject({ msg_id: 'm_e' });
  });
});

describe('a merged broadcast', () => {
  const targets = [
    ['a', 0],
    ['b', 1],
  ];

  test('has the results in the order of its targets, whoever was first', () => {
    const broadcast = new Broadcast({ targets, is_coalescing: true });
    expect(broadcast.add(1, [...answer({ status: 'ok' }), Buffer.from('of b')])).toBe(false);
    expect(broadcast.add(0, [...answer({ status: 'ok' }), Buffer.from('of a')])).toBe(true);
    const merged = broadcast.merge('m');
    expect(merged.slice(4).map(String)).toEqual(['of a', 'of b']);
    expect(parts(merged)[2]).toMatchObject({
      is_coalescing: true,
      original_msg_id: 'm',
      broadcast_targets: targets,
    });
  });

  test('fails when one of them failed, also when that one was first', () => {
    const broadcast = new Broadcast({ targets, is_coalescing: true });
    broadcast.add(0, answer({ status: 'error', ename: 'E' }));
    broadcast.add(1, [...answer({ status: 'ok' }), Buffer.from('of b')]);
    const merged = broadcast.merge('m');
    expect([parts(merged)[3], merged.length]).toEqual([{ status: 'error', ename: 'E' }, 4]);
  });
});

describe('requests for an engine of Python', () => {
  const body = (request: object, content: object, metadata: object = {}): Buffer =>
    Buffer.concat(
      encodeFrames([
        toFrame(request),
        toFrame({}),
        toFrame(metadata),
        toFrame(content),
        Buffer.from('buffer'),
      ]),
    );
  const ready = (): PythonEngine => Object.assign(new PythonEngine('u', 1), { ready: true });

  test('code of our clients is put in its words; everything of its own clients passes untouched', () => {
    const engine = ready();
    engine.add('m', body(header, { code: '1' }));
    expect(parts(engine.next()?.frames ?? [])[3]).toMatchObject({
      code: '1',
      silent: false,
      allow_stdin: false,
    });
    engine.settle('m');
    const own = body({ ...header, msg_type: 'apply_request' }, {}, { language: 'python' });
    engine.add('m', own);
    expect(engine.next()?.frames).toEqual(decodeFrames(own));
  });

  test('nothing is given before it is ready, one at a time then, and what waits can be taken back', () => {
    const engine = new PythonEngine('u', 1);
    for (const id of ['a', 'b', 'c']) engine.add(id, body({ ...header, msg_id: id }, { code: '1' }));
    expect(engine.next()).toBeUndefined();
    engine.ready = true;
    expect(engine.next()?.held.id).toBe('a');
    expect(engine.next()).toBeUndefined();
    expect([engine.takeBack('a'), engine.takeBack('b')]).toEqual([false, true]);
    engine.settle('a');
    expect(engine.next()?.held.id).toBe('c');
  });

  test('each engine gets its own id of a broadcast', () => {
    const engine = ready();
    engine.add('m', body({ ...header, msg_type: 'apply_request' }, {}, { is_broadcast: true }));
    const [own, , metadata] = parts(engine.next()?.frames ?? []);
    expect([own?.['msg_id'], metadata?.['original_msg_id']]).toEqual(['m_u', 'm']);
  });
});
