import { expect, test } from 'vitest';
import { jobFailed } from '../../../src/cluster/jobs.js';
import type { Job, Launcher } from '../../../src/launcher-kit/contract.js';

test('a start that failed never says that it succeeded', async () => {
  const launcher = { name: 'pbs', reach: 'elsewhere', explain: () => undefined } as unknown as Launcher;
  const job = {
    ref: { launcher: 'pbs', ids: ['1'], jobDir: '/nonexistent' },
    status: { incarnation: 0, state: { state: 'succeeded' } },
    logTail: async () => [],
  } as unknown as Job;
  const { message } = await jobFailed(launcher, job, 'The engines');
  expect(message).not.toMatch(/succeeded/);
  expect(message).toMatch(/did not start.*exit code 0/);
});
