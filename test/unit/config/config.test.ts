import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { nearest } from '../../../src/config/nearest.js';
import { type Given, resolveSettings } from '../../../src/config/resolve.js';
import { type Setting, settings, variableOf } from '../../../src/config/settings.js';
import { configTemplate } from '../../../src/config/template.js';
import type { Place } from '../../../src/profile/paths.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let number = 0;

/** A profile with that settings file, and a site with that file. */
function place(profile: string, site = ''): { place: Place; env: NodeJS.ProcessEnv } {
  const profileFolder = join(folder, `profile_${++number}`);
  mkdirSync(profileFolder);
  writeFileSync(join(profileFolder, 'ipcluster_config.yaml'), profile);
  writeFileSync(join(profileFolder, 'site.yaml'), site);
  return {
    place: { profile: 'p', profileFolder, clusterId: '', workFolder: profileFolder },
    env: { IPCLUSTER_SITE_FILE: join(profileFolder, 'site.yaml') },
  };
}

function resolved(
  key: string,
  given: { profile?: string; site?: string; env?: NodeJS.ProcessEnv; flags?: Given },
) {
  const { place: where, env } = place(given.profile ?? '', given.site);
  const found = resolveSettings(where, given.flags, { ...env, ...given.env }, { n: '4' }).all.find(
    (one) => one.key === key,
  );
  return [found?.text, found?.source.replace(where.profileFolder, '')];
}

describe('precedence', () => {
  const everything = {
    profile: 'lease: 2m\n',
    site: 'defaults:\n  lease: 3m\n',
    env: { IPCLUSTER_LEASE: '4m' },
    flags: { lease: '5m' },
  };

  test('flag, environment, profile, site, default: the first that says something', () => {
    expect(resolved('lease', everything)).toEqual(['5m', 'flag --lease']);
    expect(resolved('lease', { ...everything, flags: {} })).toEqual(['4m', 'environment IPCLUSTER_LEASE']);
    expect(resolved('lease', { ...everything, flags: {}, env: {} })).toEqual([
      '2m',
      '/ipcluster_config.yaml, line 1',
    ]);
    expect(resolved('lease', { site: everything.site })).toEqual(['3m', '/site.yaml, line 2']);
    expect(resolved('lease', {})).toEqual(['60s', 'default']);
    expect(resolved('n', {})).toEqual(['4', 'default']);
  });

  test('every setting has a variable of its own', () => {
    for (const { key } of settings)
      expect(resolved(key, { env: { [variableOf(key)]: valueFor(key) } })[1]).toBe(
        `environment ${variableOf(key)}`,
      );
  });

  test("paths of files count from the profile, and ~ is the user's home", () => {
    expect(resolved('workDir', { profile: 'workDir: scratch\n' })[0]).toBe(
      join(folder, `profile_${number}`, 'scratch'),
    );
    expect(resolved('urlFile', { profile: 'urlFile: ~/engine.json\n' })[0]).toMatch(/^\/.*\/engine\.json$/);
  });

  test('options of launchers are a map or a list', () => {
    expect(resolved('launcherOptions', { profile: 'launcherOptions:\n  cwd: /tmp\n  a: 1\n' })[0]).toBe(
      'cwd=/tmp\na=1',
    );
    expect(resolved('launcherOptions', { profile: 'launcherOptions: [cwd=/tmp]\n' })[0]).toBe('cwd=/tmp');
  });
});

function valueFor(key: string): string {
  const { kind, choices } = settings.find((setting) => setting.key === key) as Setting;
  return (
    choices?.[0] ??
    {
      count: '1',
      duration: '1s',
      bytes: '1M',
      ports: '1',
      words: 'a=b',
      lines: 'x',
      limit: '1h',
      text: 'x',
      path: '/x',
    }[kind]
  );
}

describe('what a site enforces', () => {
  const site = 'enforce:\n  n: {max: 8}\n  lease: {min: 30s}\n  launcher: slurm\n';

  test('bounds refuse who asked for more, and say where they stand', () => {
    expect(resolved('n', { site, flags: { n: '8', launcher: 'slurm' } })).toEqual(['8', 'flag -n']);
    expect(() => resolved('n', { site, flags: { n: '9' } })).toThrow(
      /n is 9 \(flag -n\), but this site allows at most 8/,
    );
    expect(() => resolved('lease', { site, profile: 'lease: 5s\n' })).toThrow(/wants at least 30s/);
    expect(() => resolved('launcher', { site, env: { IPCLUSTER_LAUNCHER: 'ssh' } })).toThrow(/wants slurm/);
  });

  test('where nobody asked, the site decides', () => {
    expect(resolved('launcher', { site })).toEqual(['slurm', '/site.yaml, line 4 (enforced)']);
    expect(resolved('n', { site: 'enforce: {n: {max: 2}}\n' })).toEqual([
      '2',
      '/site.yaml, line 1 (enforced)',
    ]);
  });
});

describe('mistakes are named with their line', () => {
  test.each([
    [
      'lease: 60s\nlauncer: pbs\n',
      /ipcluster_config\.yaml, line 2: there is no setting "launcer"; did you mean launcher\?/,
    ],
    ['n: many\n', /line 1: n is "many", but must be a whole number/],
    ['\n\nrestart: sometimes\n', /line 3: restart is "sometimes", but must be one of on-crash, never/],
    ['lease: 5 parsecs\n', /line 1: lease is "5 parsecs", which is no duration/],
    ['n: [1\n', /line \d: /],
    ['- n\n', /line 1: it must hold settings/],
    ['somethingElse: 1\n', /line 1: there is no setting "somethingElse"\./],
  ])('%j', (profile, message) => {
    expect(() => resolved('n', { profile })).toThrow(
      expect.objectContaining({ code: 'CONFIG', message: expect.stringMatching(message) }),
    );
  });

  test('of a site file too', () => {
    expect(() => resolved('n', { site: 'default: {}\n' })).toThrow(
      /site\.yaml, line 1: there is no "default" here/,
    );
    expect(() => resolved('n', { site: 'enforce:\n  n: {most: 3}\n' })).toThrow(
      /line 2: n has min and max, not "most"/,
    );
  });

  test('a flag and a variable by their names', () => {
    expect(() => resolved('n', { flags: { n: 'x' } })).toThrow(/-n is "x"/);
    expect(() => resolved('n', { env: { IPCLUSTER_N: 'x' } })).toThrow(/IPCLUSTER_N is "x"/);
  });
});

test("a new profile's file names every setting with its default, and sets nothing", () => {
  const text = configTemplate();
  const { place: where, env } = place(text);
  expect(resolveSettings(where, {}, env).all.every(({ source }) => source === 'default')).toBe(true);
  for (const { key } of settings) expect(text).toContain(`\n#${key}:`);
  const { place: all, env: other } = place(text.replaceAll(/^#(\w+: .+)$/gm, '$1'));
  expect(resolveSettings(all, {}, other).text('lease')).toBe('60s');
});

test('the nearest name', () => {
  expect(nearest('leese', ['lease', 'n'])).toBe('lease');
  expect(nearest('workdir', ['workDir', 'n'])).toBe('workDir');
  expect(nearest('completely', ['lease', 'n'])).toBeUndefined();
});
