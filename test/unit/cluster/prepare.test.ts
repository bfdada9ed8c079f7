import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { jobSettings, launcherSettings } from '../../../src/cluster/job-settings.js';
import { foldersOfJobs } from '../../../src/cluster/logs.js';
import { describeStart, prepare } from '../../../src/cluster/prepare.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-prepare-'));

afterEach(() => {
  vi.unstubAllGlobals();
  rmSync(folder, { recursive: true, force: true });
});

test('the folders of a start belong together, whatever the clock does meanwhile', async () => {
  const place = {
    profile: 'default',
    profileFolder: folder,
    clusterId: '',
    workFolder: join(folder, 'work'),
  };
  const { values, launcher } = await launcherSettings(place, { launcher: 'local' });
  let now = Date.now();
  class LeapingDate extends Date {
    constructor() {
      now += 1000;
      super(now);
    }
  }
  vi.stubGlobal('Date', LeapingDate);
  const { jobs } = await prepare({ ...jobSettings(values, launcher), place, count: 1, reuse: false });
  const folders = jobs.map(({ spec }) => spec.jobDir);
  for (const path of folders) mkdirSync(path, { recursive: true });
  expect(folders.length).toBe(2);
  expect((await foldersOfJobs(place)).sort()).toEqual([...folders].sort());
});

test.each([
  ['1m', true],
  ['10m', false],
])('with %s for all, it is said at the start whether tasks of the queue can begin', async (time, isShort) => {
  const place = {
    profile: 'default',
    profileFolder: folder,
    clusterId: '',
    workFolder: join(folder, 'work'),
  };
  const { values, launcher } = await launcherSettings(place, { launcher: 'pbs', time });
  const request = { ...jobSettings(values, launcher), place, count: 2, reuse: false };
  const said = describeStart(await prepare(request), request).join(' ');
  expect(/No task from the queue .* `--time`/.test(said)).toBe(isShort);
});
