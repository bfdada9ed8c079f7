import { expect, test } from 'vitest';
import { phase, Slots } from '../../../src/engine/slots.js';

test('a request that has not begun is removed, and then does not begin', () => {
  const slots = new Slots();
  expect(slots.aim(5)).toBe('removed');
  expect(slots.begin(5)).toBe(false);
  expect(slots.begin(6)).toBe(true);
});

test('a running request that was aimed at cannot be left', () => {
  const slots = new Slots();
  slots.begin(1);
  expect(slots.aim(1)).toBe('running');
  expect(slots.advance(1, phase.running, phase.done)).toBe(false);
  expect(slots.isIn(1, phase.signalled)).toBe(true);
});

test('a request that has ended is not hit, nor the next in its slot', () => {
  const slots = new Slots();
  slots.begin(1);
  slots.advance(1, phase.running, phase.done);
  expect(slots.aim(1)).toBe('finished');
  expect(slots.begin(65)).toBe(true);
  expect(slots.isIn(65, phase.running)).toBe(true);
});

test('one that awaits is told apart', () => {
  const slots = new Slots();
  slots.begin(2);
  slots.advance(2, phase.running, phase.awaiting);
  expect(slots.aim(2)).toBe('awaiting');
  expect(slots.advance(2, phase.awaiting, phase.signalled)).toBe(true);
  expect(slots.advance(2, phase.awaiting, phase.done)).toBe(false);
});

test('the gate is shut only while nobody is inside, at whatever depth', () => {
  const slots = new Slots();
  slots.inside(() => {
    slots.inside(() => {});
    expect(slots.shut()).toBe(false);
    slots.outside(() => {
      expect(slots.shut()).toBe(true);
      slots.reopen();
      slots.inside(() => expect(slots.shut()).toBe(false));
      expect(slots.shut()).toBe(true);
      slots.reopen();
    });
    expect(slots.shut()).toBe(false);
  });
  expect(slots.shut()).toBe(true);
});
