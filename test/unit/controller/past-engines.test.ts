import { expect, test } from 'vitest';
import type { Engine, Node } from '../../../src/controller/engine-table.js';
import { PastEngines } from '../../../src/controller/past-engines.js';

const node = (host: string, job: string | null, place = 0): Node => {
  const allocation = job === null ? null : { job, element: null, incarnation: 0, node: place, deadline: null };
  return { name: `${host}/1`, host, allocation } as Node;
};
const engine = (owner: Node, held: number, busy: number) => ({ node: owner, joined: Date.now() - held, busy }) as Engine;

test('engines that are over count for the job that they were of', () => {
  const past = new PastEngines();
  past.ended(engine(node('a', 'pbs:1.h'), 60_000, 10_000));
  past.ended(engine(node('b', 'pbs:1.h'), 60_000, 20_000));
  past.ended(engine(node('c', 'pbs:2.h'), 30_000, 5_000));
  expect(past.work.map(({ job, held, busy }) => [job, Math.round(held / 1000), busy])).toEqual([
    ['pbs:1.h', 120, 30_000],
    ['pbs:2.h', 30, 5_000],
  ]);
});

test('a supervisor that leaves with engines is lost, until it or another run of its place is there', () => {
  const past = new PastEngines();
  past.left(node('a', 'pbs:1.h', 0), []);
  expect(past.lost).toEqual([]);
  past.left(node('a', 'pbs:1.h', 0), [0, 1]);
  past.left(node('b', 'pbs:1.h', 1), [2]);
  expect(past.lost).toMatchObject([
    { host: 'a', job: 'pbs:1.h', node: 0, engines: [0, 1] },
    { host: 'b', node: 1, engines: [2] },
  ]);
  past.back(node('elsewhere', 'pbs:1.h', 0));
  expect(past.lost.map(({ host }) => host)).toEqual(['b']);
  past.back(node('b', null));
  expect(past.lost).toEqual([]);
});
