import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { jobSettings, launcherSettings } from '../../../src/cluster/job-settings.js';
import { prepare } from '../../../src/cluster/prepare.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-precedence-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

/** The submit of a start, and the line about what it asks for. */
async function asked(
  given: Record<string, string>,
  site: string,
  extra: string[] = [],
): Promise<[command: string, line: string]> {
  writeFileSync(join(folder, 'site.yaml'), site);
  vi.stubEnv('IPCLUSTER_SITE_FILE', join(folder, 'site.yaml'));
  const place = {
    profile: 'default',
    profileFolder: folder,
    clusterId: '',
    workFolder: join(folder, 'work'),
  };
  const { values, launcher } = await launcherSettings(place, { launcher: 'slurm', ...given });
  const { jobs } = await prepare({ ...jobSettings(values, launcher, extra), place, count: 2, reuse: false });
  const { spec } = jobs.find(({ role }) => role === 'engines') as (typeof jobs)[number];
  return [launcher.plan(spec).commands[0]?.argv.join(' ') ?? '', launcher.describe?.(spec) ?? ''];
}

describe('who says where a job goes, and for how long', () => {
  test.each([
    ['a flag', { partition: 'debug', account: 'proj1', time: '1h' }, '', 'debug', 'proj1', '01:00:00'],
    [
      'the site',
      {},
      'defaults: {partition: debug}\nenforce: {account: proj1, time: {max: 30m}}\n',
      'debug',
      'proj1',
      '00:30:00',
    ],
    ['the user’s variables', {}, '', 'gpu', 'proj2', '02:00:00'],
  ])('%s', async (_who, given, site, partition, account, time) => {
    vi.stubEnv('SBATCH_PARTITION', 'gpu');
    vi.stubEnv('SBATCH_ACCOUNT', 'proj2');
    vi.stubEnv('SBATCH_TIMELIMIT', '2:00:00');
    const [command, line] = await asked(given, site);
    expect(command).toContain(` --time=${time} --partition=${partition} --account=${account} `);
    expect(line).toContain(`account ${account}, queue ${partition}`);
  });

  test.each([
    ['debug', 'partition: debug', ['-p', 'other']],
    ['debug', 'partition: debug', ['--parti', 'other']],
    ['debug', 'time: {max: 30m}', ['--time=9:00:00']],
  ])('words after -- do not go past the site (%s, %s, %j)', async (partition, demand, extra) => {
    await expect(asked({ partition }, `enforce: {${demand}}\n`, extra)).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining(`\`${extra[0]}\` would go past it`),
    });
  });

  test('words after -- are the last where the site has no rule', async () => {
    const [command] = await asked({ partition: 'debug' }, 'enforce: {time: {max: 2h}}\n', ['-p', 'other']);
    expect(command).toMatch(/--partition=debug .*-p other/);
  });
});

describe('what a site enforces holds for the scheduler’s own words', () => {
  const site = 'enforce: {partition: debug, account: proj1, time: {max: 2h}}\n';

  async function submit(name: string, extra: string[], directives = ''): Promise<unknown> {
    writeFileSync(join(folder, 'site.yaml'), site);
    vi.stubEnv('IPCLUSTER_SITE_FILE', join(folder, 'site.yaml'));
    const place = {
      profile: 'default',
      profileFolder: folder,
      clusterId: '',
      workFolder: join(folder, 'work'),
    };
    const { values, launcher } = await launcherSettings(place, {
      launcher: name,
      ...(directives && { directives }),
    });
    return jobSettings(values, launcher, extra);
  }

  test.each([
    ['slurm', ['-p', 'gpu'], 'a rule for partition'],
    ['slurm', ['-pgpu'], 'a rule for partition'],
    ['slurm', ['--partition=debug', '--partition=gpu'], 'a rule for partition'],
    ['slurm', ['--account', 'proj2'], 'a rule for account'],
    ['slurm', ['--time=3:00:00'], 'a rule for time'],
    ['sge', ['-q', 'gpu'], 'a rule for partition'],
    ['sge', ['-A', 'proj2'], 'a rule for account'],
    ['sge', ['-l', 'gpu=1,h_rt=3:0:0'], 'a rule for time'],
  ])('%s -- %j', async (name, extra, words) => {
    await expect(submit(name, extra)).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining(words),
    });
  });

  test.each([
    ['slurm', '--partition=gpu', 'a rule for partition'],
    ['sge', '-q=gpu', 'a rule for partition'],
    ['sge', '-l h_rt=3:0:0', 'a rule for time'],
  ])('%s --directives %s', async (name, directives, words) => {
    await expect(submit(name, [], directives)).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining(words),
    });
  });

  test.each([
    ['slurm', ['--exclusive']],
    ['sge', ['-l', 'gpu=1', '-R', 'y']],
  ])('%s -- %j is nothing that the site has a rule for', async (name, extra) => {
    await expect(submit(name, extra)).resolves.toBeTruthy();
  });
});
