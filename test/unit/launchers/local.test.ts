import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { JobSpec } from '../../../src/launcher-kit/contract.js';
import local from '../../../src/launchers/local.js';

const spec = {
  name: 'ipc-1',
  argv: ['/bin/true'],
  count: 1,
  env: {},
  jobDir: '/jobs/1',
} as unknown as JobSpec;
const plan = (cwd: string | undefined) => local.create({ cwd }).plan(spec).files[0]?.text;

test.each(['/none/such', '~/none-such', 'none-such', '/etc/passwd'])(
  'a working folder %s that is not there is refused by name',
  (cwd) => {
    expect(() => plan(cwd)).toThrow(
      expect.objectContaining({
        code: 'LAUNCHER_OPTIONS',
        exitCode: 2,
        message: expect.stringContaining(cwd.replace('~', '')),
      }),
    );
  },
);

test('one that is there is entered, and one that has gone meanwhile is said in the log of the job', () => {
  expect(plan('src')).toContain(`{ cd ${resolve('src')} && /bin/true; } >>/jobs/1/stdout 2>>/jobs/1/stderr`);
  expect(plan('~')).toContain(`cd ${process.env['HOME']} && `);
  expect(plan(undefined)).not.toContain('cd ');
});
