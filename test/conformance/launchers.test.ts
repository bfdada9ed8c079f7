import { expect, test } from 'vitest';
import { openLauncher, ownLaunchers } from '../../src/launcher-kit/registry.js';
import { groups, stageOf } from './stages.js';

/* That none is left out; what each promises is in promises.ts, tried in a file for each group. */

test('every launcher of this package is tried', () => {
  const tried = Object.values(groups).flat();
  expect(ownLaunchers().filter((name) => !tried.includes(name))).toEqual([]);
  expect(tried.filter((candidate) => stageOf(candidate) === undefined)).toEqual([]);
});

test('a launcher that there is not is refused with the list of those that there are', async () => {
  await expect(openLauncher('torpedo')).rejects.toMatchObject({
    code: 'LAUNCHER_UNKNOWN',
    message: expect.stringContaining('local'),
  });
  await expect(openLauncher('./package.json')).rejects.toMatchObject({ code: 'LAUNCHER_UNKNOWN' });
});
