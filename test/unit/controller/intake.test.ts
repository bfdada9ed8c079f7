import { afterEach, expect, test, vi } from 'vitest';
import { Intake } from '../../../src/controller/intake.js';
import type { Link } from '../../../src/transport/link.js';

afterEach(() => void vi.useRealTimers());

test('beyond the limits a client is still heard for a while, then no more until there is room', () => {
  vi.useFakeTimers();
  let tasks = 10;
  const intake = new Intake({ tasks: 10, bytes: 1e9 }, () => ({ tasks, bytes: 0, backlog: 0 }));
  const link = { pause: vi.fn(), resume: vi.fn() };
  const submit = (size: number): void => intake.submitted(link as unknown as Link, size);
  for (let count = 0; count < 500; count++) submit(300);
  expect(link.pause).not.toHaveBeenCalled();
  submit(4 * 1024 * 1024);
  expect(link.pause).toHaveBeenCalledWith('intake');
  vi.advanceTimersByTime(200);
  expect(link.resume).not.toHaveBeenCalled();
  tasks = 5;
  vi.advanceTimersByTime(200);
  expect(link.resume).toHaveBeenCalledWith('intake');
  intake.close();
});
