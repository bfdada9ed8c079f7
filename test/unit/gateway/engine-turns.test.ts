import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PythonEngine } from '../../../src/gateway/python-engine.js';
import { toFrame } from '../../../src/gateway/wire.js';
import { encodeFrames } from '../../../src/protocol/frames.js';

function request(id: string, type = 'execute_request'): { id: string; body: Buffer } {
  const header = {
    msg_id: id,
    msg_type: type,
    session: 's',
    username: 'u',
    date: '2026-01-01T00:00:00Z',
    version: '5.3',
  };
  const content = { code: '1', silent: false, stop_on_error: true };
  return {
    id,
    body: Buffer.concat(encodeFrames([toFrame(header), toFrame({}), toFrame({}), toFrame(content)])),
  };
}

describe('what an engine of Python is given', () => {
  let engine: PythonEngine;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    engine = new PythonEngine('uuid', 0);
    engine.ready = true;
  });
  afterEach(() => void vi.useRealTimers());

  test('what waits behind running code waits, but not a request for the control channel', () => {
    for (const { id, body } of [request('runs'), request('waits')]) engine.add(id, body);
    expect(engine.next()?.held.id).toBe('runs');
    const clear = request('clears', 'clear_request');
    engine.add(clear.id, clear.body);
    expect(engine.next()).toMatchObject({ held: { id: 'clears' }, control: true });
    expect(engine.next()).toBeUndefined();
  });

  test('a request that it is done with and does not answer holds up the next for a second', () => {
    for (const { id, body } of [request('silent'), request('next')]) engine.add(id, body);
    const held = engine.next()?.held;
    if (!held) throw new Error('it was given nothing');
    vi.advanceTimersByTime(5000);
    expect(engine.next()).toBeUndefined();
    held.idleSince = performance.now();
    vi.advanceTimersByTime(1000);
    expect(engine.next()).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(engine.next()?.held.id).toBe('next');
  });
});
