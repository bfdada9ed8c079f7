import { expect, test } from 'vitest';
import { linkPair } from '../../../src/transport/pair.js';

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

test('what one end sends the other hears, in order, and not while it reads nothing', async () => {
  const [one, other] = linkPair();
  const heard: string[] = [];
  other.onPacket(({ body }) => heard.push(String(body)));
  for (const text of ['a', 'b', 'c']) one.send({ channel: 'hub' }, [Buffer.from(text)]);
  await turn();
  expect(heard).toEqual(['a', 'b', 'c']);
  other.pause('test');
  one.send({ channel: 'hub' }, [Buffer.alloc(100_000)]);
  await turn();
  expect([heard.length, one.backlog > 100_000]).toEqual([3, true]);
  other.resume('test');
  await turn();
  expect([heard.length, one.backlog]).toEqual([4, 0]);
});

test('an end that closes is heard after what it said before', async () => {
  const [one, other] = linkPair();
  const heard: string[] = [];
  other.onPacket(({ body }) => heard.push(String(body)));
  void other.closed.then(() => heard.push('closed'));
  one.send({ channel: 'hub' }, [Buffer.from('last')]);
  one.close();
  await turn();
  expect([heard, one.open, other.open]).toEqual([['last', 'closed'], false, false]);
});
