import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { jobSettings, launcherSettings } from '../../../src/cluster/job-settings.js';
import { resurrect } from '../../../src/cluster/resurrect.js';
import { asStarted, enginesAsStarted, wordsAsStarted } from '../../../src/cluster/started-with.js';
import type { ClusterFile } from '../../../src/profile/cluster-file.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-started-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const place = { profile: 'default', profileFolder: folder, clusterId: '', workFolder: join(folder, 'work') };

/** The cluster file that a start with those settings writes. */
async function started(given: Record<string, string>, extra: string[] = []): Promise<ClusterFile> {
  const { values, launcher } = await launcherSettings(place, given);
  const { settings, launcherWord, launcherOptions: options, batch } = jobSettings(values, launcher, extra);
  const job = {
    launcher: launcherWord,
    ids: ['1'],
    jobDir: folder,
    options: [...options],
    role: 'engines' as const,
    count: 2,
  };
  return {
    version: 1,
    profile: 'default',
    clusterId: '',
    workFolder: folder,
    mark: 'x',
    launcher: launcherWord,
    engines: 2,
    started: '',
    host: hostname(),
    jobs: [job],
    settings,
    extra: batch.extra,
  };
}

describe('engines that are added', () => {
  const first = { launcher: 'pbs', time: '2h', partition: 'short', n: '64', nodes: '4', engine: 'python' };

  test(
    'are started as the cluster was: launcher, options, time, queue, words for ' + 'the scheduler',
    async () => {
      const file = await started({ ...first, launcherOptions: 'flavor=torque' }, ['-W', 'x=1']);
      const given = { time: '30m' };
      const { values, launcher } = await launcherSettings(place, asStarted(given, file));
      const settings = jobSettings(values, launcher, wordsAsStarted(undefined, given, file));
      expect(launcher.name).toBe('pbs');
      expect(settings.launcherOptions).toEqual(['flavor=torque']);
      expect(settings.batch).toMatchObject({
        extra: ['-W', 'x=1'],
        resources: { time: 1_800_000, queue: 'short', nodes: undefined },
      });
      expect(settings.program).toBeDefined();
    },
  );

  test('by a cluster file that says no more than the launcher, too', async () => {
    const { settings: _settings, extra: _extra, ...old } = await started(first);
    const elsewhere = { ...old, settings: { controller: 'host2' } } as typeof old;
    expect(enginesAsStarted({}, elsewhere)).toEqual({ launcher: 'pbs' });
    expect(asStarted({}, old)).toEqual({ launcher: 'pbs' });
  });

  test(
    'with another launcher take over what engines are, and nothing that was meant ' + 'for the first',
    async () => {
      const file = await started(first, ['-W', 'x=1']);
      expect(asStarted({ launcher: 'local' }, file)).toEqual({ launcher: 'local', engine: 'python' });
      expect(wordsAsStarted(undefined, { launcher: 'local' }, file)).toEqual([]);
    },
  );

  test('are not started on this machine by accident, where the cluster is on another', async () => {
    const file = { ...(await started({ launcher: 'local' })), host: 'elsewhere' };
    expect(() => asStarted({}, file)).toThrow(/run on elsewhere/);
    expect(asStarted({ launcher: 'local' }, file)).toEqual({ launcher: 'local' });
  });
});

test('a controller that is to be in a job is not started on the login node by --reuse', async () => {
  const file = await started({ launcher: 'pbs', controller: 'job' });
  const { values, launcher } = await launcherSettings(place, asStarted({}, file));
  const request = { ...jobSettings(values, launcher), place, count: 2, reuse: true };
  await expect(resurrect(request, file)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('--controller job'),
  });
});
