import { describe, expect, test } from 'vitest';
import { readAllocation } from '../../../src/supervisor/allocation.js';

const on = (node: number, layout: string, total: number) =>
  readAllocation({
    IPCLUSTER_JOB: 'slurm:1',
    IPCLUSTER_NODE_INDEX: String(node),
    IPCLUSTER_LAYOUT: layout,
    IPCLUSTER_COUNT: String(total),
  });

describe("a node's share of a job", () => {
  test.each([
    [0, '16(x4)', 64, 16, 0],
    [3, '16(x4)', 64, 16, 48],
    [1, '7,1', 8, 1, 7],
    [2, '2(x2),1', 5, 1, 4],
    // More places than engines: the last node has fewer, or none.
    [2, '22(x3)', 64, 20, 44],
    [3, '4(x4)', 8, 0, 12],
    // More engines than places.
    [1, '1(x4)', 8, 2, 2],
    [3, '1(x4)', 7, 1, 6],
  ])('node %i of %s for %i engines', (node, layout, total, count, before) => {
    expect(on(node, layout, total)).toMatchObject({ count, before, node });
  });

  test('run, element and deadline come along; what is not said is unknown', () => {
    const env = {
      IPCLUSTER_JOB: 'pbs:1[].h',
      IPCLUSTER_ELEMENT: '3',
      IPCLUSTER_INCARNATION: '2',
      IPCLUSTER_DEADLINE: '1795255888',
    };
    expect(readAllocation(env)).toMatchObject({
      job: 'pbs:1[].h',
      element: '3',
      incarnation: 2,
      deadline: 1_795_255_888_000,
    });
    expect(
      readAllocation({ IPCLUSTER_JOB: 'pbs:1.h', IPCLUSTER_ELEMENT: '', IPCLUSTER_DEADLINE: '' }),
    ).toMatchObject({
      element: null,
      deadline: null,
    });
    expect(readAllocation({})).toBeUndefined();
  });

  test('a layout that is none is refused', () => {
    expect(() => on(0, '4x2', 8)).toThrow(/IPCLUSTER_LAYOUT/);
  });
});
