import { expect, test } from 'vitest';
import { fromIpython } from '../../../src/controller/ipython-flags.js';

test.each([
  [['--profile=x', '--ip=*'], ['--profile=x', '--ip=*'], []],
  [['--log-level=10'], ['--log-level=debug'], []],
  [['--log-level=WARNING'], ['--log-level=warn'], []],
  [['--log-level', 'debug'], ['--log-level', 'debug'], []],
  [['--debug', '--quiet'], ['--log-level=debug', '--log-level=error'], []],
  [['--dictdb', '--ping=250'], ['--ping=250'], ['--dictdb']],
  [['--IPController.registration_timeout=3', '--scheme=lru'], [], ['--IPController.registration_timeout=3', '--scheme=lru']],
  [['--reuse', '--nothing'], ['--reuse', '--nothing'], []],
])('%j', (given, argv, ignored) => {
  expect(fromIpython(given)).toEqual({ argv, ignored });
});
