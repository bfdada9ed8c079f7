import { expect, test } from 'vitest';
import { expandHosts } from '../../../src/base/host-list.js';

test.each([
  ['host1', ['host1']],
  ['a,b', ['a', 'b']],
  ['host[1-3]', ['host1', 'host2', 'host3']],
  ['n[08-11,20]', ['n08', 'n09', 'n10', 'n11', 'n20']],
  ['rack[1-2]n[1-2],login', ['rack1n1', 'rack1n2', 'rack2n1', 'rack2n2', 'login']],
  ['n[1-2]-ib:4', ['n1-ib:4', 'n2-ib:4']],
  ['user@h[1-2]:2222', ['user@h1:2222', 'user@h2:2222']],
])('%s is expanded', (text, names) => {
  expect(expandHosts(text)).toEqual(names);
});

test.each(['', 'host[1-', 'host[3-1]', 'host[a]', 'a b', 'host[1-99999999]', 'x]', 'a,,[b'])(
  '"%s" cannot be read',
  (text) => {
    expect(expandHosts(text)).toBeUndefined();
  },
);
