import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Session } from '../../../src/protocol/message.js';
import { protocolVersion } from '../../../src/protocol/messages.js';
import { encodePacket } from '../../../src/protocol/packets.js';
import { WireShapes } from './wire-shape.js';

/*
 * What travels, as it stood when this version of the protocol was made. A shape that changes needs another
 * version: raise `protocolVersion`, and the next run writes the files of that one. Files of a version are
 * never written again, not even with -u.
 */

const protocol = join(import.meta.dirname, '../../../src/protocol');
const versions = join(import.meta.dirname, '../../golden/protocol');
const conversations = readdirSync(join(protocol, 'conversations'))
  .filter((name) => name.includes('-'))
  .map((name) => `conversations/${name}`);
/** What every message has around it. */
const envelope = ['header.ts', 'routes.ts', 'contents/answers.ts'];
const shapes = new WireShapes([...conversations, ...envelope]);

async function isAsBefore(name: string, seen: unknown): Promise<void> {
  const path = join(versions, String(protocolVersion), `${name}.json`);
  const text = `${JSON.stringify(seen, undefined, 1)}\n`;
  if (!existsSync(path)) return expect(text).toMatchFileSnapshot(path);
  expect(text, 'what changes on the wire needs another protocolVersion').toBe(readFileSync(path, 'utf8'));
}

it.each([...conversations, ...envelope])('%s has the shape of this version on the wire', async (file) => {
  await isAsBefore(file.replace(/^.*\//, '').replace(/\.ts$/, ''), shapes.of(file));
});

it('packs a message into the bytes of this version', async () => {
  const [date, version] = ['2026-01-02T03:04:05.678Z', '5.3'];
  const header = {
    msg_id: 's_1_1',
    msg_type: 'push_request',
    username: 'ada',
    session: 's',
    date,
    version,
  } as const;
  const frames = { metadata: { retries: 2 }, content: {}, buffers: [Buffer.from('x'), Buffer.alloc(3, 7)] };
  const body = new Session('s').encode(
    { type: 'push_request', parent: Buffer.from('{"msg_id":"p"}'), ...frames },
    header,
  );
  const bytes = Buffer.concat(encodePacket({ channel: 'direct', id: 's_1_1', to: [0, 2] }, body));
  await isAsBefore('bytes', bytes.toString('latin1'));
});

it('has no golden files of a later version', () => {
  expect(Math.max(...readdirSync(versions).map(Number))).toBe(protocolVersion);
});
