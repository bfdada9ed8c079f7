import { spawnSync } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { expandHome, homeFolder } from '../../../src/base/owner.js';
import { ipythonFolder } from '../../../src/profile/paths.js';

const { HOME } = process.env;
afterEach(() => {
  process.env['HOME'] = HOME;
});

test('the home is what HOME says, else what the list of users says', () => {
  process.env['HOME'] = '/h';
  expect([homeFolder(), expandHome('~/a'), expandHome('~'), expandHome('~b/a'), ipythonFolder({})]).toEqual([
    ...['/h', '/h/a', '/h', '~b/a'],
    '/h/.ipython',
  ]);
  for (const empty of [() => delete process.env['HOME'], () => (process.env['HOME'] = '')]) {
    empty();
    expect(homeFolder()).toBe(
      spawnSync('getent', ['passwd', String(process.getuid?.())], { encoding: 'utf8' }).stdout.split(':')[5],
    );
  }
  process.env['HOME'] = 'somewhere';
  expect(homeFolder).toThrow(
    expect.objectContaining({ code: 'FOLDER', message: expect.stringContaining('somewhere') }),
  );
  expect(ipythonFolder({ IPYTHONDIR: '/i' })).toBe('/i');
});
