// What is induced on hosts, and the code of the verdict that must come of it: written down before anything
// was run.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, until } from '../bed.js';
import { host, state } from './scene.js';

/**
 * A start that must fail, with a line for the host; both transports must say the same of what is between here
 * and there.
 */
const failing = (name, expected, prepare, { transports = ['ssh2', 'openssh'] } = {}) =>
  transports.map((transport) => ({
    name: transports.length > 1 ? `${name} (${transport})` : name,
    expected,
    async run(scene) {
      const [hosts, ...options] = await prepare(scene);
      const { error } = await scene.start(
        hosts,
        '-o',
        `transport=${transport}`,
        ...options.flatMap((option) => ['-o', option]),
      );
      scene.check(
        `the start fails with HOSTS_FAILED, not ${JSON.stringify(error)?.slice(0, 300)}`,
        error?.code === 'HOSTS_FAILED',
      );
      scene.check(`its verdict is the same: ${error?.verdict}`, error?.verdict === expected);
      scene.check(
        'one line names the host',
        new RegExp(`^  ${hosts.split(',').at(-1).replace(/:\d$/, '')}: `, 'm').test(error?.message ?? '') ||
          hosts.startsWith('@'),
      );
    },
  }));

const keyOf = (name) =>
  readFileSync(join(state, 'hosts', name, 'hostkey.pub'), 'utf8')
    .split(' ')
    .slice(0, 2)
    .join(' ');
const newKey = (scene) => {
  const path = join(scene.folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path], scene.user);
  return path;
};
/** The bed's own key in a file of the user's; `ssh-keygen` may change it. */
const ownKey = (scene, mode = 0o600) =>
  scene.write('key', readFileSync(join(state, 'keys/hpc'), 'utf8'), mode);
/** A configuration in which host2 has another key than the others, and nothing of the bed's. */
const withKey = (scene, path) =>
  `config=${scene.write(
    'config',
    `Host host2\n  IdentityFile ${path}\nHost host1\n  IdentityFile ${state}/keys/hpc\nHost *\n  ` +
      `UserKnownHostsFile ${state}/known_hosts\n  IdentitiesOnly yes\n  GSSAPIAuthentication no\n`,
  )}`;
const hostfile = (scene, line) => `@${scene.write('hosts', `host1 slots=2\nhost2 slots=2 ${line}\n`)}`;

export const rows = [
  ...failing('no host of that name', 'host-unknown', () => ['host1,nohost']),
  ...failing('powered off, its address answers', 'host-refused', (scene) => {
    scene.disturb('kill', 'boot', 'host2');
    return ['host1,host2'];
  }),
  ...failing('its cable is out', 'host-unreachable', (scene) => {
    scene.disturb('cut', 'join', 'host2');
    // Who has just spoken to it believes for a while that it is there.
    host('exec', 'host0', 'ip', 'neigh', 'flush', 'all');
    return ['host1,host2'];
  }),
  ...failing('it hangs', 'host-timeout', (scene) => {
    scene.disturb('freeze', 'thaw', 'host2');
    return ['host1,host2', 'timeout=4s'];
  }),
  ...failing('nothing listens at that port', 'host-refused', () => ['host1,hpc@host2:2222']),
  ...failing('its host key is not known', 'host-key-unknown', (scene) => [
    'host1,host2',
    scene.config(
      'Host host2',
      `  UserKnownHostsFile ${scene.folder}/none`,
      '  StrictHostKeyChecking accept-new',
    ),
  ]),
  ...failing('its host key is another than the known one', 'host-key-changed', (scene) => {
    const file = scene.write('known', `host2 ${keyOf('host3')}\n`);
    return [
      'host1,host2',
      scene.config('Host host2', `  UserKnownHostsFile ${file}`, '  StrictHostKeyChecking no'),
    ];
  }),
  ...failing('its host key is revoked', 'host-key-revoked', (scene) => {
    const file = scene.write('known', `@revoked host2 ${keyOf('host2')}\nhost2 ${keyOf('host2')}\n`);
    return ['host1,host2', scene.config('Host host2', `  UserKnownHostsFile ${file}`)];
  }),
  ...failing('none of the keys is accepted', 'host-auth', (scene) => [
    'host1,host2',
    withKey(scene, newKey(scene)),
  ]),
  ...failing('no such account', 'host-auth', () => ['host1,nobody-there@host2']),
  ...failing('the key may be read by others', 'key-file', (scene) => [
    'host1,host2',
    withKey(scene, ownKey(scene, 0o644)),
  ]),
  ...failing('the key has a passphrase, and no terminal is there', 'key-encrypted', (scene) => {
    const path = ownKey(scene);
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'secret', '-f', path], scene.user);
    return ['host1,host2', withKey(scene, path)];
  }),
  ...failing('it drops every connection', 'host-busy', async (scene) => {
    await scene.serve('host2', "require('net').createServer((socket) => socket.destroy()).listen(2200)");
    return ['host1,hpc@host2:2200', 'timeout=3s'];
  }),
  ...failing('it answers and says nothing', 'host-timeout', async (scene) => {
    await scene.serve('host2', "require('net').createServer(() => {}).listen(2201)");
    return ['host1,hpc@host2:2201', 'timeout=3s'];
  }),
  ...failing(
    'the host on the way is down',
    'host-refused',
    (scene) => {
      scene.disturb('kill', 'boot', 'host3');
      return ['host1,host2', scene.config('Host host2', '  ProxyJump host3')];
    },
    { transports: ['ssh2'] },
  ),
  ...failing(
    'a login shell that runs nothing',
    'host-shell',
    (scene) => {
      scene.sshd('host2', 'ForceCommand echo This account is closed; exit 1');
      return ['host1,host2'];
    },
    { transports: ['ssh2'] },
  ),
  ...failing('Node is not there', 'node-missing', (scene) => [hostfile(scene, 'node=/opt/none/node')], {
    transports: ['ssh2'],
  }),
  ...failing(
    'Node is too old',
    'node-too-old',
    (scene) => [hostfile(scene, `node=${scene.write('node18', '#!/bin/sh\necho v18.20.4\n', 0o755)}`)],
    { transports: ['ssh2'] },
  ),
  ...failing('ipcluster is not there', 'package-missing', (scene) => [hostfile(scene, 'package=/opt/none')], {
    transports: ['ssh2'],
  }),
  ...failing(
    'ipcluster is another version there',
    'wrong-version',
    (scene) => {
      mkdirSync(join(scene.folder, 'other'));
      scene.write('other/package.json', '{\n  "name": "ipcluster",\n  "version": "0.0.9"\n}\n', 0o644);
      return [hostfile(scene, `package=${scene.folder}/other`)];
    },
    { transports: ['ssh2'] },
  ),
  ...failing(
    'its disk is full',
    'disk-full',
    (scene) => {
      host('exec', 'host2', 'mount', '-t', 'tmpfs', '-o', 'size=1M,mode=1777', 'small', '/mnt');
      scene.later(() => host('exec', 'host2', 'umount', '-l', '/mnt'));
      host('exec', 'host2', 'bash', '-c', 'head -c 2M /dev/zero >/mnt/full 2>/dev/null || true');
      return [hostfile(scene, 'work-dir=/mnt')];
    },
    { transports: ['ssh2'] },
  ),
  ...failing('too few open files', 'limits', (scene) => [hostfile(scene, "setup='ulimit -n 32'")], {
    transports: ['ssh2'],
  }),
  ...failing('it can neither reach the controller nor have a tunnel', 'tunnel-refused', (scene) => {
    scene.sshd('host2', 'AllowTcpForwarding no');
    scene.disturb('wall', 'unwall', 'host2');
    return ['host1,host2'];
  }),
  {
    name: 'it cannot reach the controller, and tunnels are forbidden by the user',
    expected: 'unreachable',
    async run(scene) {
      scene.disturb('wall', 'unwall', 'host2');
      const { error } = await scene.start('host1,host2', '-o', 'tunnel=never', '--timeout', '8s');
      scene.check(
        `the start ends with REGISTRATION_TIMEOUT, not ${error?.code}`,
        error?.code === 'REGISTRATION_TIMEOUT',
      );
    },
  },
  {
    name: 'a supervisor is killed',
    expected: 'supervisor-killed',
    async run(scene) {
      await scene.start('host[1-2]', '--lease', '5s');
      host('exec', 'host2', 'pkill', '-KILL', '-f', 'programs/ipengine');
      await until(async () => (await scene.json('status')).engines?.length === 2, 20_000);
    },
  },
  {
    name: 'a host is powered off while engines run',
    expected: 'unknown-state',
    async run(scene) {
      await scene.start('host[1-2]', '--lease', '3s');
      scene.disturb('kill', 'boot', 'host2');
      await until(async () => (await scene.json('status')).engines?.length === 2, 30_000);
      scene.verdict = await scene.why();
    },
  },
  {
    name: 'a host was started again while engines ran',
    expected: 'lost',
    async run(scene) {
      await scene.start('host[1-2]', '--lease', '3s');
      host('kill', 'host2');
      host('boot', 'host2');
      await until(async () => (await scene.json('status')).engines?.length === 2, 30_000);
      await sleep(500);
    },
  },
  {
    name: 'a tunnel breaks and is made again under work',
    expected: 'none',
    async run(scene) {
      scene.disturb('wall', 'unwall', 'host2');
      const started = await scene.start('host[1-2]');
      scene.check(`all four are there: ${JSON.stringify(started).slice(0, 200)}`, started.engines === 4);
      host('exec', 'host2', 'bash', '-c', 'pkill -KILL -u hpc -x sshd || true');
      await until(async () => (await scene.json('status')).engines?.length < 4, 5000);
      scene.check(
        'all four come back',
        await until(async () => (await scene.json('status')).engines?.length === 4, 30_000),
      );
      const { out } = await scene.run('exec', '6 * 7');
      scene.check(`all four work: ${out}`, (out.match(/42/g) ?? []).length === 4);
    },
  },
];
