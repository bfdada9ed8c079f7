import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { IpclusterError } from '../../../src/base/errors.js';
import { type LaunchRequest, launchAndRecord } from '../../../src/cluster/launch.js';
import type { PreparedJob } from '../../../src/cluster/prepare.js';
import type { Job, Launcher } from '../../../src/launcher-kit/contract.js';
import type { RecordedJob } from '../../../src/profile/cluster-file.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-launch-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const jobDir = join(folder, 'engines-2');
const request = (launcher: Launcher): LaunchRequest =>
  ({
    launcher,
    launcherWord: '/home/me/queue.js',
    launcherOptions: ['flavor=old'],
    count: 4,
    batch: { resources: { time: 60_000, cpusPerTask: 2 } },
  }) as unknown as LaunchRequest;

const prepared = (launcher: Launcher, role: PreparedJob['role'] = 'engines'): PreparedJob =>
  ({ launcher, role, spec: { name: 'ipc-abcdef-e123', jobDir } }) as unknown as PreparedJob;

const launcherThat = (launch: () => Promise<Job>): Launcher =>
  ({ name: 'queue', launch }) as unknown as Launcher;

async function recordsOf(job: PreparedJob, asked: LaunchRequest): Promise<[RecordedJob[], unknown]> {
  const records: RecordedJob[] = [];
  const error = await launchAndRecord(job, asked, (one) => void records.push(one), undefined).then(
    () => undefined,
    (thrown) => thrown,
  );
  return [records, error];
}

test('a set of engines is written down with all that finds it again', async () => {
  const launcher = launcherThat(
    async () => ({ ref: { launcher: 'queue', ids: ['7'], jobDir } }) as unknown as Job,
  );
  const [records] = await recordsOf(prepared(launcher), request(launcher));
  const limits = { time: 60_000, cpusPerTask: 2 };
  expect(records).toEqual([
    {
      launcher: '/home/me/queue.js',
      options: ['flavor=old'],
      ids: ['7'],
      jobDir,
      role: 'engines',
      count: 4,
      limits,
    },
  ]);
});

test('a controller by another launcher has none of the options that were meant for engines', async () => {
  const local = launcherThat(
    async () => ({ ref: { launcher: 'queue', ids: ['8'], jobDir } }) as unknown as Job,
  );
  const [[record]] = await recordsOf(
    prepared(local, 'controller'),
    request(launcherThat(local.launch as never)),
  );
  expect(record).toMatchObject({ launcher: 'queue', options: [], role: 'controller', count: 1 });
});

test('a submit without an answer stays on the list by its name', async () => {
  const silent = new IpclusterError('SUBMIT_REFUSED', 'It is not known.', { verdict: 'scheduler-silent' });
  const launcher = launcherThat(() => Promise.reject(silent));
  const [records, error] = await recordsOf(prepared(launcher), request(launcher));
  expect(error).toBe(silent);
  expect(records).toMatchObject([
    { ids: [], name: 'ipc-abcdef-e123', jobDir, launcher: '/home/me/queue.js' },
  ]);
});

test('a job that was refused is on no list', async () => {
  const launcher = launcherThat(() =>
    Promise.reject(new IpclusterError('SUBMIT_REFUSED', 'No.', { verdict: 'bad-account' })),
  );
  const [records] = await recordsOf(prepared(launcher), request(launcher));
  expect(records).toEqual([]);
});
