import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HostError } from '../../../../src/launchers/ssh/connection.js';
import { observeHosts } from '../../../../src/launchers/ssh/host-jobs.js';
import { readHosts } from '../../../../src/launchers/ssh/hosts.js';
import { Opener } from '../../../../src/launchers/ssh/opener.js';
import type { Seat } from '../../../../src/launchers/ssh/seats.js';

test('a host that takes long not to answer is asked once before that is said', async () => {
  const jobDir = mkdtempSync(join(tmpdir(), 'ipcluster-job-'));
  const options = { transport: 'auto', fanout: 64, timeout: 10_000 } as const;
  let asked = 0;
  class SilentOpener extends Opener {
    override async open(): Promise<never> {
      asked += 1;
      // Longer than the first pause between two questions.
      await new Promise((resolve) => setTimeout(resolve, 2200));
      throw new HostError({ code: 'host-timeout', sentence: 'It does not answer in time.', suggestions: [] });
    }
  }
  const [host] = readHosts('host1');
  const seat = { host, index: 0, shared: true } as unknown as Seat;
  const job = observeHosts(
    { launcher: 'ssh', ids: ['host1'], jobDir },
    { mark: '', options, seats: [seat] },
    new SilentOpener(options),
    true,
  );
  try {
    await job.seen;
    expect(job.status.state).toMatchObject({ state: 'unknown', cause: 'host1: It does not answer in time.' });
    expect(asked).toBe(1);
  } finally {
    await job[Symbol.asyncDispose]();
    rmSync(jobDir, { recursive: true });
  }
});
