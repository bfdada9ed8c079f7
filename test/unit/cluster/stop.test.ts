import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ensureFolder } from '../../../src/base/own-folder.js';
import { askedHours, endCluster, heldHours } from '../../../src/cluster/stop.js';
import { mayLive } from '../../../src/launchers/ssh/host-jobs.js';
import { writeSeating } from '../../../src/launchers/ssh/seats.js';
import {
  type ClusterFile,
  type RecordedJob,
  readClusterFile,
  writeClusterFile,
} from '../../../src/profile/cluster-file.js';
import { claimFolders } from '../../../src/profile/folders.js';
import type { EngineRecord } from '../../../src/protocol/messages.js';
import { FakeScheduler } from '../../fakes/install.js';

const fake = new FakeScheduler('openpbs');
const folder = mkdtempSync(join(tmpdir(), 'ipcluster-stop-'));
beforeAll(() => void vi.stubEnv('PATH', fake.path));
afterAll(() => {
  vi.unstubAllEnvs();
  fake.remove();
  rmSync(folder, { recursive: true, force: true });
});

const place = {
  profile: 'default',
  profileFolder: join(folder, 'profile'),
  clusterId: '',
  workFolder: join(folder, 'work'),
};
const job: RecordedJob = {
  launcher: 'pbs',
  ids: ['7.fakehead'],
  jobDir: join(folder, 'work/jobs/one'),
  name: 'ipc-x-e1',
  role: 'engines',
  count: 2,
};
const file: ClusterFile = {
  version: 1,
  profile: 'default',
  clusterId: '',
  workFolder: place.workFolder,
  mark: 'no-such-mark',
  launcher: 'pbs',
  engines: 2,
  started: '',
  host: 'login',
  jobs: [job],
};

test('a job of which nobody could make sure stays on the list, until it is sure', async () => {
  claimFolders(place);
  writeClusterFile(place, file);
  fake.behave({ down: true });
  const { unsure } = await endCluster(place, file, undefined);
  expect(unsure.join()).toContain('7.fakehead');
  expect((await readClusterFile(place))?.jobs).toEqual([job]);
  fake.behave({});
  expect((await endCluster(place, file, undefined)).unsure).toEqual([]);
  expect(await readClusterFile(place)).toBeUndefined();
});

test('what cannot be reached is forgotten where its user says so, and on no list then', async () => {
  const jobDir = join(place.workFolder, 'default', 'jobs', 'far');
  ensureFolder(jobDir);
  // Nobody answers at that port: as a host that is off.
  const host = { word: 'localhost:9', name: 'localhost', port: 9, environment: {}, setup: [] };
  const options = { transport: 'ssh2', fanout: 1, timeout: 1000 } as const;
  const seat = {
    index: 0,
    host,
    share: 1,
    shared: false,
    folder: '/tmp/none',
    scripts: '/tmp/none',
    process: '1@1',
  };
  writeSeating(jobDir, { mark: 'no-such-mark', options, seats: [seat] });
  const far: RecordedJob = {
    launcher: 'ssh',
    ids: ['localhost:9'],
    jobDir,
    name: 'ipc-x-e2',
    role: 'engines',
    count: 1,
  };
  const own = { ...file, launcher: 'ssh', jobs: [far] };
  writeClusterFile(place, own);
  const kept = await endCluster(place, own, undefined);
  expect([kept.unsure.join(), kept.forgotten]).toEqual([
    expect.stringMatching(/localhost:9: It answers, but no sshd/),
    false,
  ]);
  expect((await readClusterFile(place))?.jobs).toEqual([far]);
  const forced = await endCluster(place, own, undefined, true);
  expect([forced.unsure.join(), forced.forgotten]).toEqual([
    expect.stringMatching(/localhost:9: It answers, but no sshd/),
    true,
  ]);
  expect(await readClusterFile(place)).toBeUndefined();
  expect(await mayLive(jobDir)).toBe(false);
});

test('core-hours are asked for by each set’s own time and processors', () => {
  const hour = 3_600_000;
  const first = { ...job, limits: { time: hour, cpusPerTask: 1 } };
  const second = { ...job, count: 4, limits: { time: hour / 2, cpusPerTask: 2 } };
  expect(askedHours({ jobs: [first, second], limits: first.limits, engines: 6 })).toBe(6);
  expect(askedHours({ jobs: [{ ...job }], limits: first.limits, engines: 2 })).toBe(2);
});

test('core-hours are of each set with its own processors, and of engines that are over', () => {
  const set = (id: string, cpusPerTask: number) =>
    ({ launcher: 'pbs', ids: [id], jobDir: '', role: 'engines', count: 1, limits: { cpusPerTask } }) as const;
  const now = Date.now();
  const hour = 3_600_000;
  const engine = (job: string) =>
    ({ job, joined: new Date(now - hour).toISOString(), busy: hour / 2 }) as EngineRecord;
  const status = {
    engines: [engine('pbs:1.h'), engine('pbs:2.h')],
    past: [{ job: 'pbs:2.h', held: hour, busy: hour }],
  };
  const file = {
    jobs: [
      { ...set('1.h', 2), ids: ['1.h'] },
      { ...set('2.h', 8), ids: ['2.h'] },
    ],
  };
  expect(heldHours(file, status, now)).toEqual({ used: 2 + 8 + 8, busy: 1 + 4 + 8 });
});
