import { describe, expect, test } from 'vitest';
import { advance, describeState, isFinal, type State } from '../../../src/launcher-kit/states.js';

const at = (state: State, incarnation = 0) => ({ incarnation, state });
const running: State = { state: 'running' };
const queued: State = { state: 'queued' };
const lost: State = { state: 'lost', reason: 'x' };

describe('states', () => {
  test('a step back is dropped, a step on is taken', () => {
    expect(advance(at(running), at(queued))).toEqual(at(running));
    expect(advance(at(queued), at(running))).toEqual(at(running));
  });

  test('a final state stays', () => {
    expect(advance(at({ state: 'succeeded' }), at(lost))).toEqual(at({ state: 'succeeded' }));
    expect(advance(at({ state: 'expired' }), at(running))).toEqual(at({ state: 'expired' }));
  });

  test('a requeue opens a new incarnation, and old news of the last one is nothing', () => {
    expect(advance(at({ state: 'preempted' }), at(queued, 1))).toEqual(at(queued, 1));
    expect(advance(at(queued, 1), at({ state: 'succeeded' }, 0))).toEqual(at(queued, 1));
  });

  test('unknown is never final', () => {
    const unknown: State = { state: 'unknown', since: '', cause: 'FUNNY' };
    expect(isFinal(unknown)).toBe(false);
    expect(advance(at(unknown), at(running))).toEqual(at(running));
    expect(describeState(unknown)).toBe('unknown (FUNNY)');
  });
});
