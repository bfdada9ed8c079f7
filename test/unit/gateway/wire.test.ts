import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Signer } from '../../../src/gateway/signer.js';
import { joinWire, readHeader, readObject, splitWire, toFrame } from '../../../src/gateway/wire.js';

const frames = ['{"msg_id":"a"}', '{}', '{}', '{"x":1}', 'buffer'].map((text) => Buffer.from(text));

describe('messages of ZeroMQ', () => {
  test('are taken apart and put together', () => {
    const route = [Buffer.from('client'), Buffer.from('engine')];
    const parts = joinWire(route, Buffer.from('signature'), frames);
    expect(splitWire(parts)).toEqual({ route, signature: Buffer.from('signature'), frames });
  });

  test.each([
    ['nothing', []],
    ['no delimiter', frames],
    ['too few frames', joinWire([], Buffer.alloc(0), frames.slice(0, 3))],
    ['a delimiter alone', [Buffer.from('<IDS|MSG>')]],
  ])('%s is no message', (_name, parts) => {
    expect(splitWire(parts)).toBeUndefined();
  });

  test.each([
    '',
    'null',
    '[]',
    '7',
    '"x"',
    '{',
    '{"msg_id": 5, "msg_type": "x", "session": "y"}',
    '{"msg_id": "", "msg_type": "x", "session": "y"}',
  ])('%j is no header', (text) => {
    expect(readHeader(Buffer.from(text))).toBeUndefined();
  });

  test('a header keeps what is not ours, and its dates as they were written', () => {
    const header = {
      msg_id: 'm',
      msg_type: 't',
      session: 's',
      date: '2026-11-20T23:59:01.288749Z',
      version: '5.4',
      odd: [1],
    };
    expect(readHeader(toFrame(header))).toEqual(header);
    expect(readHeader(toFrame({ ...header, msg_id: 'x'.repeat(501) }))).toBeUndefined();
    expect(readObject(undefined)).toBeUndefined();
  });
});

describe('signatures', () => {
  test('are those of IPython: the four frames, joined', () => {
    const hmac = createHmac('sha256', 'key');
    for (const frame of frames.slice(0, 4)) hmac.update(frame);
    expect(String(new Signer('key').sign(frames))).toBe(hmac.digest('hex'));
  });

  test('a message is accepted once; another key, other frames or a cut signature never', () => {
    const signer = new Signer('key');
    const signature = signer.sign(frames);
    expect(signer.accept(new Signer('other').sign(frames), frames)).toBe(false);
    expect(signer.accept(signature.subarray(0, 20), frames)).toBe(false);
    expect(signer.accept(signature, [...frames.slice(0, 3), Buffer.from('{}')])).toBe(false);
    expect(signer.accept(signature, frames)).toBe(true);
    expect(signer.accept(signature, frames)).toBe(false);
  });

  test('are remembered for tens of thousands of messages, and not for ever', () => {
    const signer = new Signer('key');
    const message = (number: number): Buffer[] => [toFrame({ number }), ...frames.slice(1)];
    for (let number = 0; number < 40_000; number++)
      signer.accept(signer.sign(message(number)), message(number));
    for (let number = 10_000; number < 40_000; number += 1000)
      expect(signer.accept(signer.sign(message(number)), message(number))).toBe(false);
    for (let number = 40_000; number < 400_000; number++)
      signer.accept(signer.sign(message(number)), message(number));
    expect(signer.accept(signer.sign(message(0)), message(0))).toBe(true);
    // 400,000 signatures take ten seconds where others use the machine.
  }, 60_000);
});
