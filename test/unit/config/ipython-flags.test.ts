import { expect, test } from 'vitest';
import { fromIpython } from '../../../src/config/ipython-flags.js';

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
  expect(fromIpython('ipcontroller', given)).toEqual({ argv, ignored });
});

test.each([
  [['--profile=P', '--location=head', '--timeout=60'], ['--profile=P', '--timeout=60'], ['--location=head']],
  [['--debug', '--IPEngine.timeout=5'], ['--log-level=debug'], ['--IPEngine.timeout=5']],
  [['--controller', '--', '--location=head', '--debug'], ['--controller', '--', '--location=head', '--debug'], []],
  [['--ssh=gate'], ['--ssh=gate'], []],
])('of ipengine: %j', (given, argv, ignored) => {
  expect(fromIpython('ipengine', given)).toEqual({ argv, ignored });
});
