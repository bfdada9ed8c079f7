import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { interpret } from '../../../../src/launchers/ssh/configuration.js';
import { hostError, isPassing } from '../../../../src/launchers/ssh/failures.js';
import { readHosts } from '../../../../src/launchers/ssh/hosts.js';
import { judgeKey, parseKnownKeys, wantedAlgorithms } from '../../../../src/launchers/ssh/known-hosts.js';
import { readAnswers } from '../../../../src/launchers/ssh/scripts.js';

const fixture = (name: string): string => readFileSync(resolve('test/fixtures/ssh', name), 'utf8');
const host = (word: string) => readHosts(word)[0] as ReturnType<typeof readHosts>[0];

/** What OpenSSH 9.2 said, as it was recorded, by the command that it said it to. */
const recorded = new Map(
  fixture('errors.txt')
    .split(/^\$ /m)
    .slice(1)
    .map((part) => [
      part.slice(0, part.indexOf('\n')),
      part.slice(part.indexOf('\n') + 1).replace(/^\[rc=.*/m, ''),
    ]),
);

test.each([
  ['ssh nohost true', 'host-unknown'],
  ['ssh host2 true', 'host-refused'],
  ['ssh -o ConnectTimeout=3 host3 true', 'host-timeout'],
  ['ssh -o ConnectTimeout=3 host4 true', 'host-timeout'],
  ['ssh -F /dev/null -o BatchMode=yes host5 true', 'host-key-unknown'],
  ['ssh nosuchuser@host5 true', 'host-auth'],
  ['ssh -o UserKnownHostsFile=/run/testbed-ssh/kh2 host6 true', 'host-key-changed'],
  ['ssh -o ServerAliveInterval=1 -o ServerAliveCountMax=2 host8 sleep 30', 'host-timeout'],
])('what `%s` said means %s', (command, code) => {
  expect(recorded.has(command)).toBe(true);
  expect(hostError(recorded.get(command) ?? '').verdict.code).toBe(code);
});

test.each([
  ['getaddrinfo ENOTFOUND nohost', 'host-unknown'],
  ['connect ECONNREFUSED 10.0.0.1:22', 'host-refused'],
  ['connect EHOSTUNREACH 10.0.0.1:22', 'host-unreachable'],
  ['Timed out while waiting for handshake', 'host-timeout'],
  ['All configured authentication methods failed', 'host-auth'],
  ['/home/a/.ssh/id has a passphrase\nAll configured authentication methods failed', 'key-encrypted'],
  [
    'bad permissions: /home/a/.ssh/id may be read by others\nAll configured authentication methods failed',
    'key-file',
  ],
  ['The ssh-ed25519 host key has changed', 'host-key-changed'],
  ['No ssh-ed25519 host key is known', 'host-key-unknown'],
  ['The ssh-ed25519 host key is revoked', 'host-key-revoked'],
  ['remote port forwarding failed: Unable to bind', 'tunnel-refused'],
  ['gremlins', 'host-failed'],
  ['', 'host-failed'],
])('our library says "%s": %s', (said, code) => {
  expect(hostError(said).verdict.code).toBe(code);
});

test('dropped connections are tried again, refusals are not', () => {
  expect(isPassing(hostError('kex_exchange_identification: Connection closed by remote host'))).toBe(true);
  expect(isPassing(hostError('read ECONNRESET'))).toBe(true);
  expect(isPassing(hostError('Permission denied (publickey).'))).toBe(false);
});

test('what `ssh -G` resolves is what connections are made with', () => {
  const configuration = interpret(host('bob@alias:2200'), fixture('config-jump.txt'));
  expect(configuration).toMatchObject({
    hostname: 'far.example',
    user: 'bob',
    port: 2200,
    identitiesOnly: true,
    keyName: '[far.example]:2200',
    jumps: ['gate1', 'bob@gate2:2201'],
    needs: undefined,
  });
  expect(configuration.identityFiles).toContain('/keys/bob@far.example');
  // An alias stands for the host at any port.
  expect(interpret(host('host1'), 'port 2201\nhostkeyalias first\n').keyName).toBe('first');
  expect(interpret(host('host1'), '')).toMatchObject({
    hostname: 'host1',
    port: 22,
    jumps: [],
    keyName: 'host1',
  });
});

test.each([
  ['proxycommand nc %h %p', 'ProxyCommand'],
  ['hostbasedauthentication yes', 'HostbasedAuthentication'],
  ['certificatefile ~/.ssh/id-cert.pub', 'a certificate'],
  ['proxycommand none', undefined],
  ['proxyusefdpass yes', 'ProxyUseFdpass'],
])('%s needs %s', (line, needs) => {
  expect(interpret(host('host1'), `hostname host1\n${line}\n`).needs).toBe(needs);
});

test('a host key is known, changed, revoked or unknown', () => {
  const known = parseKnownKeys(
    '# Host h found: line 1\nh ssh-ed25519 AAAA\n# Host h found: line 2\n|1|x|y ssh-rsa BBBB\n@revoked ' +
      'h ssh-ed25519 CCCC\n',
  );
  expect(judgeKey(known, 'ssh-ed25519', 'AAAA')).toBeUndefined();
  expect(judgeKey(known, 'ssh-ed25519', 'CCCC')).toMatch(/revoked/);
  expect(judgeKey(known, 'ssh-ed25519', 'DDDD')).toMatch(/changed/);
  expect(judgeKey([], 'ssh-ed25519', 'AAAA')).toMatch(/No .* known/);
  expect(wantedAlgorithms(known)).toEqual(['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256']);
  expect(wantedAlgorithms([])).toBeUndefined();
  // What the configuration allows goes before what is known, and a kind that our library cannot judge is not
  // asked for.
  expect(wantedAlgorithms(known, ['rsa-sha2-256', 'sk-ssh-ed25519@openssh.com'])).toEqual(['rsa-sha2-256']);
  expect(wantedAlgorithms(known, ['ecdsa-sha2-nistp256'])).toEqual(['ecdsa-sha2-nistp256']);
  expect(
    wantedAlgorithms([{ type: 'sk-ssh-ed25519@openssh.com', key: 'EEEE', revoked: false }]),
  ).toBeUndefined();
});

test('answers stand below their line, whatever a login shell says before it', () => {
  expect(readAnswers('Welcome!\nPATH=x\nipcluster-answers\na=1\nb=x=y\n')).toEqual(
    new Map([
      ['a', '1'],
      ['b', 'x=y'],
    ]),
  );
  expect(readAnswers('Welcome!\n')).toBeUndefined();
});
