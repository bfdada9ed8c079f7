import { once } from 'node:events';
import { expect, test } from 'vitest';
import { interpret } from '../../../../src/launchers/ssh/configuration.js';
import { openProxyCommand } from '../../../../src/launchers/ssh/proxy-command.js';

test('tokens of a ProxyCommand are what ssh makes of them', () => {
  const text =
    'hostname real\nport 2222\nuser bob\nhostkeyalias known\nproxycommand nc -x %h:%p %r@%n %k 100%%\n';
  const host = { word: 'alias', name: 'alias', environment: {}, setup: [] };
  expect(interpret(host, text).proxyCommand).toBe('nc -x real:2222 bob@alias known 100%');
});

test('its streams are the connection, both ways', async () => {
  const way = await openProxyCommand('cat');
  way.stream.write('hello');
  expect(String((await once(way.stream, 'data'))[0])).toBe('hello');
  expect(await way.failure()).toBeUndefined();
  way.close();
});

test('one that ends before anything came says why', async () => {
  const way = await openProxyCommand('/no/such/program');
  expect((await way.failure())?.message).toMatch(
    /^The ProxyCommand of its configuration fails: .*\/no\/such\/program/,
  );
});
