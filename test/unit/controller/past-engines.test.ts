import { expect, test } from 'vitest';
import type { Engine } from '../../../src/controller/engine.js';
import { PastEngines } from '../../../src/controller/past-engines.js';
import type { Supervisor } from '../../../src/controller/supervisor.js';

const supervisor = (host: string, job: string | null, place = 0): Supervisor => {
  const allocation =
    job === null ? null : { job, element: null, incarnation: 0, node: place, deadline: null };
  return { name: `${host}/1`, host, allocation } as Supervisor;
};
const engine = (owner: Supervisor, held: number, busy: number) =>
  ({ supervisor: owner, joined: Date.now() - held, busy }) as Engine;

test('engines that are over count for the job that they were of', () => {
  const past = new PastEngines();
  past.ended(engine(supervisor('a', 'pbs:1.h'), 60_000, 10_000));
  past.ended(engine(supervisor('b', 'pbs:1.h'), 60_000, 20_000));
  past.ended(engine(supervisor('c', 'pbs:2.h'), 30_000, 5_000));
  expect(past.work.map(({ job, held, busy }) => [job, Math.round(held / 1000), busy])).toEqual([
    ['pbs:1.h', 120, 30_000],
    ['pbs:2.h', 30, 5_000],
  ]);
});

test('a supervisor that leaves with engines is lost, until it or another run of its place is there', () => {
  const past = new PastEngines();
  past.left(supervisor('a', 'pbs:1.h', 0), []);
  expect(past.lost).toEqual([]);
  past.left(supervisor('a', 'pbs:1.h', 0), [0, 1]);
  past.left(supervisor('b', 'pbs:1.h', 1), [2]);
  expect(past.lost).toMatchObject([
    { host: 'a', job: 'pbs:1.h', node: 0, engines: [0, 1] },
    { host: 'b', node: 1, engines: [2] },
  ]);
  past.back(supervisor('elsewhere', 'pbs:1.h', 0));
  expect(past.lost.map(({ host }) => host)).toEqual(['b']);
  past.back(supervisor('b', null));
  expect(past.lost).toEqual([]);
});
