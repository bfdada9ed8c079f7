import { describe, expect, test } from 'vitest';
import { decodeFrames, encodeFrames } from '../../../src/protocol/frames.js';
import { largePacket } from '../../../src/protocol/layout.js';
import { decodeMessage, headerOf, isMessage, Session } from '../../../src/protocol/message.js';
import { encodePacket, type Packet, PacketReader } from '../../../src/protocol/packets.js';

const session = new Session('11111111-222222222222222222222222');
const message = (code: string, buffers: Buffer[] = []): Buffer[] =>
  session.encode({ type: 'execute_request', content: { code }, buffers });

/** Sends the bytes in pieces of that size and answers the packets that come out. */
function readInPieces(bytes: Buffer, size: number, apart = false): Packet[] {
  const reader = new PacketReader({ apart });
  const packets: Packet[] = [];
  for (let offset = 0; offset < bytes.length; offset += size)
    packets.push(...reader.push(bytes.subarray(offset, offset + size)));
  return packets;
}

describe('packets', () => {
  const large = Buffer.alloc(largePacket * 3 + 5, 7);
  const stream = Buffer.concat([
    ...encodePacket({ channel: 'direct', id: 'a', to: [0, 1] }, message('1')),
    ...encodePacket({ channel: 'balanced', id: 'ü', to: [] }, message('2', [large, Buffer.from('x')])),
    ...encodePacket({ channel: 'hub' }, message('3')),
  ]);

  test.each([1, 7, 8, 1000, largePacket, stream.length])(
    'survive being cut into pieces of %i bytes',
    (size) => {
      const packets = readInPieces(stream, size);
      expect(packets.map(({ route }) => route)).toEqual([
        { channel: 'direct', id: 'a', to: [0, 1] },
        { channel: 'balanced', id: 'ü', to: [] },
        { channel: 'hub' },
      ]);
      const decoded = packets.map(({ body }) => decodeMessage(body));
      expect(decoded.map(({ content }) => content)).toEqual([{ code: '1' }, { code: '2' }, { code: '3' }]);
      expect(decoded[1]?.buffers[0]?.equals(large)).toBe(true);
      expect(decoded[1]?.buffers[1]?.toString()).toBe('x');
    },
  );

  test.each([1, 7, 1000, largePacket, stream.length])(
    'large frames have memory of their own where that is asked for (%i)',
    (size) => {
      const packets = readInPieces(stream, size, true);
      const decoded = packets.map(({ body }) => decodeMessage(body));
      expect(decoded.map(({ content }) => content)).toEqual([{ code: '1' }, { code: '2' }, { code: '3' }]);
      const [first, second] = decoded[1]?.buffers ?? [];
      expect([first?.equals(large), second?.toString()]).toEqual([true, 'x']);
      // A start that has no whole table yet, and a packet that comes in one chunk, are not laid apart.
      if (size >= 1000 && size < stream.length) expect(first?.buffer.byteLength).toBe(large.length);
    },
  );

  test('a table that does not fit is refused when it is decoded, laid apart or not', () => {
    const [packet] = [Buffer.concat(encodePacket({ channel: 'hub' }, message('2', [large, large])))];
    const table = 8 + packet.readUInt32LE(4);
    for (const [index, wrong] of [
      [4, 0xffff_fff0],
      [5, large.length + 64],
    ] as const) {
      const broken = Buffer.from(packet);
      broken.writeUInt32LE(wrong, table + 4 + 4 * index);
      for (const apart of [false, true]) {
        const [{ body }] = readInPieces(broken, 4096, apart) as [Packet];
        expect(() => decodeFrames(body)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
      }
    }
  });

  test('a large frame lies where typed arrays can use it', () => {
    const [, packet] = readInPieces(stream, 1000);
    const [frame] = packet ? decodeMessage(packet.body).buffers : [];
    expect(frame && frame.byteOffset % 8).toBe(0);
  });

  test.each([
    ['no JSON in the route', Buffer.concat([Buffer.from([8, 0, 0, 0, 8, 0, 0, 0]), Buffer.from('nonsense')])],
    ['a route longer than the packet', Buffer.from([8, 0, 0, 0, 200, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])],
    [
      'a route without a channel',
      Buffer.concat([Buffer.from([8, 0, 0, 0, 8, 0, 0, 0]), Buffer.from('{}      ')]),
    ],
    ['an absurd length', Buffer.from([255, 255, 255, 255, 0, 0, 0, 0])],
  ])('refuses %s', (_what, bytes) => {
    expect(() => new PacketReader().push(bytes)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });
});

describe('messages', () => {
  test('have the fields of IPython, and ids of their own', () => {
    const [first, second] = [
      decodeMessage(Buffer.concat(message('1'))),
      decodeMessage(Buffer.concat(message('2'))),
    ];
    expect(first.header).toMatchObject({ msg_type: 'execute_request', session: session.id, version: '5.3' });
    expect(first.header.date).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(first.header.msg_id).not.toBe(second.header.msg_id);
    expect(isMessage(first, 'execute_request') && first.content.code).toBe('1');
  });

  test('carry the bytes of the header that they answer', () => {
    const request = headerOf(Buffer.concat(message('1')));
    const reply = decodeMessage(
      Buffer.concat(
        session.encode({ type: 'clear_reply', content: { status: 'ok' }, parent: request.bytes }),
      ),
    );
    expect(reply.parent).toEqual(request.header);
  });

  test.each([
    ['an empty body', Buffer.alloc(0)],
    ['a table that is too long', Buffer.from([255, 0, 0, 0, 1, 0, 0, 0])],
    [
      'a header that is no JSON',
      Buffer.concat(encodeFrames(['x', '{}', '{}', '{}'].map((text) => Buffer.from(text)))),
    ],
    [
      'a header without an id',
      Buffer.concat(encodeFrames(['{}', '{}', '{}', '{}'].map((text) => Buffer.from(text)))),
    ],
    [
      'a part that is no object',
      Buffer.concat(
        encodeFrames(
          ['{"msg_id":"a","msg_type":"b","session":"c"}', '{}', '{}', '3'].map((text) => Buffer.from(text)),
        ),
      ),
    ],
  ])('refuse %s', (_what, body) => {
    expect(() => decodeMessage(body)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });

  test('frames come back as they went in', () => {
    const frames = [Buffer.from('a'), Buffer.alloc(0), Buffer.from('12345678'), Buffer.from('123456789')];
    expect(decodeFrames(Buffer.concat(encodeFrames(frames))).map(String)).toEqual(frames.map(String));
  });
});

describe('bytes that are no packets', () => {
  const packet = (route: string, body = ''): Buffer => {
    const padded = route.padEnd(Math.ceil(route.length / 8) * 8);
    const start = Buffer.alloc(8);
    start.writeUInt32LE(padded.length + body.length, 0);
    start.writeUInt32LE(padded.length, 4);
    return Buffer.concat([start, Buffer.from(padded), Buffer.from(body)]);
  };
  const claims = (size: number, route: number): Buffer => {
    const start = Buffer.alloc(8);
    start.writeUInt32LE(size, 0);
    start.writeUInt32LE(route, 4);
    return start;
  };

  test.each([
    ['a route that is no JSON', packet('{"channel'), /no JSON/],
    ['a route that is a number', packet('7'), /no channel/],
    ['no route', packet('null'), /no channel/],
    ['an absurd route', claims(8, 1 << 21), /absurd route/],
    ['a route beyond its end', Buffer.concat([claims(8, 64), Buffer.alloc(8)]), /route that is too long/],
    ['more bytes than a packet can have', claims(0xffff_ffff, 8), /claims 4294967303 bytes/],
  ])('%s', (_name, bytes, words) => {
    expect(() => new PacketReader().push(bytes)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL', message: expect.stringMatching(words) }),
    );
  });

  test('a reader with a limit refuses by the first bytes, and takes what is as large as it says', () => {
    const small = packet('{"channel":"hub"}', 'x'.repeat(40));
    const room = small.length - 8;
    expect(new PacketReader({ limit: room }).push(small)).toHaveLength(1);
    expect(() => new PacketReader({ limit: room - 1 }).push(small.subarray(0, 8))).toThrow(
      expect.objectContaining({ code: 'PROTOCOL' }),
    );
  });
});
