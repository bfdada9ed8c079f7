import { expect, test } from 'vitest';
import { PythonEngine } from '../../../src/gateway/python-engine.js';
import { encodeFrames } from '../../../src/protocol/frames.js';

const request = (id: string, content: object, metadata: object = {}): [id: string, body: Buffer] => {
  const header = {
    msg_id: id,
    msg_type: 'execute_request',
    session: 's',
    username: 'u',
    date: '',
    version: '5.3',
  };
  const frames = [header, {}, metadata, content].map((part) => Buffer.from(JSON.stringify(part)));
  return [id, Buffer.concat(encodeFrames(frames))];
};

test('what is published of a request of ours belongs to it also after its reply', () => {
  const engine = new PythonEngine('uuid', 0);
  engine.ready = true;
  engine.add(...request('ours', { code: '1' }));
  engine.add(...request('theirs', { code: '1', silent: false }));
  for (const [id, native] of [
    ['ours', true],
    ['theirs', false],
  ] as const) {
    engine.next();
    expect(engine.isNative(id)).toBe(native);
    engine.settle(id);
    expect(engine.isNative(id)).toBe(native);
  }
  expect(engine.isNative('of nobody')).toBe(false);
});
