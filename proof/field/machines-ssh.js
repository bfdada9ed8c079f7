// Hosts, configurations of ssh and login shells as people have them. Needs root for the hosts.
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, chownSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../bed.js';
import { host, state } from '../ssh/scene.js';

const both = ['ssh2', 'openssh'];
const key = (scene, name) => scene.write(name, readFileSync(join(state, 'keys/hpc'), 'utf8'));
const strange = (scene, name) => {
  const path = join(scene.folder, name);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path], scene.user);
  return path;
};
/** A configuration that has nothing of the bed's but the keys of the hosts. */
const bare = (scene, ...lines) =>
  `config=${scene.write(
    'config',
    `${lines.join('\n')}\nHost *\n  UserKnownHostsFile ${state}/known_hosts\n  ` +
      'GSSAPIAuthentication no\n',
  )}`;

/** A home on a host that is this row's alone, with what its shell reads first. */
function shellOf(scene, name, bashrc) {
  const home = join(scene.folder, `home-${name}`);
  mkdirSync(home);
  scene.write(`home-${name}/.bashrc`, bashrc, 0o644);
  chownSync(home, scene.user.uid, scene.user.gid);
  host('exec', name, 'mount', '--bind', home, '/home/hpc');
  scene.later(() => host('exec', name, 'umount', '-l', '/home/hpc'));
  return home;
}

/** A start that must go well, and answer from its hosts. */
async function works(scene, hosts, options, engines = 4) {
  const begin = performance.now();
  const { error, engines: started } = await scene.start(
    hosts,
    ...options.flatMap((option) => ['-o', option]),
  );
  scene.is('engines', error ? `${error.code}: ${error.message}` : started, engines);
  return (performance.now() - begin) / 1000;
}

const failing = (what, code, words, prepare) =>
  both.map((transport) => ({
    name: `5 ${what} (${transport})`,
    expected: `${code}, with ssh's own words`,
    bed: 'ssh',
    quick: true,
    async run(scene) {
      const option = prepare(scene);
      const { error } = await scene.start('host1', '-o', `transport=${transport}`, '-o', option);
      scene.is('verdict', error?.verdict, code);
      scene.is('said', error?.message, words);
    },
  }));

const going = (number, line) =>
  both.map((transport) => ({
    name: `${number} ${line} (${transport})`,
    expected: 'it starts, as without',
    bed: 'ssh',
    quick: true,
    async run(scene) {
      const seconds = await works(scene, 'host[1-2]', [
        scene.config('Host *', `  ${line}`),
        `transport=${transport}`,
      ]);
      scene.is('it took long', seconds > 15, false);
    },
  }));

/** An agent of the user's with eight other keys and then the right one. */
async function agentOf(scene, ...names) {
  const socket = join(scene.folder, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { ...scene.user, stdio: 'ignore' });
  scene.later(() => agent.kill());
  const add = (path) =>
    execFileSync('ssh-add', ['-q', path], { ...scene.user, env: { ...scene.env, SSH_AUTH_SOCK: socket } });
  await until(() => execFileSync('ls', [scene.folder], { encoding: 'utf8' }).split('\n').includes('agent'));
  for (let index = 0; index < 8; index++) add(strange(scene, `other${index}`));
  for (const name of names) add(join(scene.folder, name));
  scene.env.SSH_AUTH_SOCK = socket;
}

const agents = (what, lines, lock = true) => ({
  name: `6 an agent of nine keys: ${what}`,
  expected: 'the right one is offered in time, as ssh does',
  bed: 'ssh',
  quick: true,
  async run(scene) {
    const good = key(scene, 'good');
    execFileSync('sh', ['-c', `ssh-keygen -y -f ${good} >${good}.pub`], scene.user);
    await agentOf(scene, 'good');
    if (lock) execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'secret', '-f', good], scene.user);
    await works(scene, 'host[1-2]', [bare(scene, 'Host host*', ...lines(good)), 'transport=ssh2']);
  },
});

const shells = (number, what, bashrc) =>
  both.map((transport) => ({
    name: `${number} ${what} (${transport})`,
    expected: 'start, exec and stop as without',
    bed: 'ssh',
    quick: true,
    async run(scene) {
      for (const name of ['host1', 'host2']) shellOf(scene, name, bashrc);
      const begin = performance.now();
      await works(scene, 'host[1-2]', [`transport=${transport}`]);
      scene.is('exec', (await scene.run('exec', '--targets', '0', '6*7')).out, /42/);
      scene.is('stop', (await scene.json('stop')).orderly, true);
      scene.is('it took long', (performance.now() - begin) / 1000 > 20, false);
    },
  }));

const oneHost = (scene, facts) => `@${scene.write('hosts', `host1 slots=2 ${facts}\nhost2 slots=2\n`)}`;

/** Addresses of IPv6 for the first hosts, at which their sshd listens as well. */
function newer(scene, only) {
  for (const index of [0, 1, 2]) {
    host('exec', `host${index}`, 'ip', 'addr', 'add', `fd00:124::${10 + index}/64`, 'dev', 'eth0', 'nodad');
    scene.later(() =>
      host('exec', `host${index}`, 'ip', 'addr', 'del', `fd00:124::${10 + index}/64`, 'dev', 'eth0'),
    );
  }
  for (const index of [1, 2])
    scene.sshd(`host${index}`, 'ListenAddress ::', `ListenAddress [fd00:124::${10 + index}]:2222`);
  for (const index of only ? [0, 1, 2] : []) {
    host('exec', `host${index}`, 'ip', '-4', 'addr', 'flush', 'dev', 'eth0');
    scene.later(() =>
      host('exec', `host${index}`, 'ip', 'addr', 'add', `10.124.0.${10 + index}/24`, 'dev', 'eth0'),
    );
  }
  const keyOf = (index) =>
    readFileSync(join(state, 'hosts', `host${index}`, 'hostkey.pub'), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ');
  const known = [1, 2].flatMap((index) => [
    `fd00:124::${10 + index} ${keyOf(index)}`,
    `[fd00:124::${10 + index}]:2222 ${keyOf(index)}`,
  ]);
  appendFileSync(scene.write('known', ''), `${known.join('\n')}\n`);
  return `config=${scene.write(
    'config',
    `Host *\n  IdentityFile ${state}/keys/hpc\n  IdentitiesOnly yes\n  UserKnownHostsFile ` +
      `${scene.folder}/known\n  GSSAPIAuthentication no\n`,
  )}`;
}

export const rows = [
  ...failing(
    'UseKeychain yes',
    'ssh-config',
    /ssh cannot read its configuration here \(.*line \d+: Bad configuration option: usekeychain\)/i,
    (scene) => scene.config('Host *', '  UseKeychain yes'),
  ),
  ...failing('a byte order mark', 'ssh-config', /ssh cannot read its configuration here/, (scene) =>
    scene.config('\ufeffHost x'),
  ),
  ...[
    'ForkAfterAuthentication yes',
    'StdinNull yes',
    'SessionType none',
    'RemoteCommand tmux attach',
    'RequestTTY force',
    'LogLevel QUIET',
  ].flatMap((line) => going('21', line)),
  {
    name: '21 LogLevel QUIET, and a host that is down (openssh)',
    expected: 'host-refused',
    bed: 'ssh',
    quick: true,
    async run(scene) {
      scene.disturb('kill', 'boot', 'host2');
      const { error } = await scene.start(
        'host2',
        '-o',
        'transport=openssh',
        '-o',
        scene.config('Host *', '  LogLevel QUIET'),
      );
      scene.is('verdict', error?.verdict, 'host-refused');
    },
  },
  agents('IdentityFile and IdentitiesOnly', (good) => [`  IdentityFile ${good}`, '  IdentitiesOnly yes']),
  agents('IdentityFile of the public half', (good) => [`  IdentityFile ${good}.pub`, '  IdentitiesOnly yes']),
  agents('without IdentitiesOnly', (good) => [`  IdentityFile ${good}`]),
  agents(
    'IdentityAgent none, and a plain key',
    (good) => [`  IdentityFile ${good}`, '  IdentityAgent none'],
    false,
  ),
  {
    name: '6 an agent of eight wrong keys',
    expected: 'host-auth, and what to write',
    bed: 'ssh',
    quick: true,
    async run(scene) {
      await agentOf(scene);
      const { error } = await scene.start(
        'host1',
        '-o',
        'transport=ssh2',
        '-o',
        bare(scene, 'Host host*', '  IdentityFile ~/.ssh/none'),
      );
      scene.is('verdict', error?.verdict, 'host-auth');
      scene.is('said', error?.message, /none of your keys is accepted|offered too many keys/);
    },
  },
  ...shells('8', 'a shell that prints without a newline', 'printf "\\033]0;%s\\007" "$HOSTNAME"\n'),
  ...shells('9', 'a shell that leaves something in the background', '(sleep 400 &)\n'),
  {
    name: '14 the umask of a host',
    expected: "that of the user's shell there",
    bed: 'ssh',
    quick: true,
    async run(scene) {
      shellOf(scene, 'host1', 'umask 002\n');
      await works(scene, 'host1', [], 4);
      scene.is(
        'umask',
        (await scene.run('exec', '--targets', '0', 'process.umask().toString(8)')).out.trim(),
        /'?2'?$/,
      );
    },
  },
  {
    name: '13 work-dir that is not there',
    expected: 'no-folder, by its name',
    bed: 'ssh',
    quick: true,
    async run(scene) {
      const { error } = await scene.start(oneHost(scene, 'work-dir=/home/hpc/nonexist'));
      scene.is('verdict', error?.verdict, 'no-folder');
      scene.is('said', error?.message, /host1: There is no folder \/home\/hpc\/nonexist/);
    },
  },
  {
    name: '13 work-dir below ~',
    expected: "engines run in the user's home there",
    bed: 'ssh',
    quick: true,
    async run(scene) {
      const home = shellOf(scene, 'host1', '');
      mkdirSync(join(home, 'scratch'));
      chownSync(join(home, 'scratch'), scene.user.uid, scene.user.gid);
      await works(scene, oneHost(scene, 'work-dir=~/scratch'), []);
      scene.is(
        'folder',
        (await scene.run('exec', '--targets', '0', 'process.cwd()')).out,
        /\/home\/hpc\/scratch/,
      );
    },
  },
  {
    name: '13 a start from a folder that hosts do not have',
    expected: 'said by its name; engines run in the home there, not in the folder of the job',
    bed: 'ssh',
    quick: true,
    async run(scene) {
      host('exec', 'host0', 'mkdir', '-m', '777', '/tmp/only-here');
      scene.later(() => host('exec', 'host0', 'rmdir', '/tmp/only-here'));
      const line =
        `cd /tmp/only-here && exec ${process.execPath} ${scene.root}/bin/ipcluster start --launcher ssh ` +
        '-o hosts=host1 -n 1 -d';
      const said = execFileSync(
        join(process.cwd(), 'test/beds/ssh/host'),
        ['exec', 'host0', '-u', 'hpc', 'bash', '-c', `${line} 2>&1`],
        { env: scene.env, encoding: 'utf8' },
      );
      scene.is(
        'said',
        said,
        /host1: there is no folder \/tmp\/only-here there; engines begin in your home folder/,
      );
      scene.is('folder', (await scene.run('exec', 'process.cwd()')).out, /\/home\/hpc/);
    },
  },
  ...both.map((transport) => ({
    name: `19 hosts by their addresses of IPv6 (${transport})`,
    expected: 'they start, with ports and engines',
    bed: 'ssh',
    quick: true,
    async run(scene) {
      const config = newer(scene, false);
      await works(scene, `[fd00:124::11]:2,hpc@[fd00:124::12]:2222:2`, [config, `transport=${transport}`]);
      scene.is('stop', (await scene.json('stop')).orderly, true);
    },
  })),
  ...['*', '::', 'private'].map((ip) => ({
    name: `19 hosts that have IPv6 alone, --ip ${ip}`,
    expected: 'they reach the controller',
    bed: 'ssh',
    quick: true,
    async run(scene) {
      const config = newer(scene, true);
      const { error, engines } = await scene.start('fd00:124::11,fd00:124::12', '-o', config, '--ip', ip);
      scene.is('engines', error ? `${error.code}: ${error.message}` : engines, 4);
      scene.is('exec', (await scene.run('exec', '--targets', '0', '6*7')).out, /42/);
      scene.is('stop', (await scene.json('stop')).orderly, true);
    },
  })),
  {
    name: '20 files of hosts of others',
    expected: 'lines for each core, $PE_HOSTFILE and max_slots are read',
    bed: 'ssh',
    quick: true,
    async run(scene) {
      await works(scene, `@${scene.write('cores', 'host1\nhost1\nhost2\nhost2\n')}`, []);
      await scene.run('stop');
      await works(
        scene,
        `@${scene.write('pe', 'host1 2 all.q@host1 UNDEFINED\nhost2 2 all.q@host2 <NULL>\n')}`,
        [],
      );
      await scene.run('stop');
      await works(
        scene,
        `@${scene.write('mpi', 'host1 slots=2 max_slots=4\nhost2 max-slots=2 sockets=2\n')}`,
        [],
      );
      await scene.run('stop');
      await works(scene, '2/hpc@host1:22,2*host2', []);
    },
  },
  {
    name: '22 sixteen hosts',
    expected: 'no warning of Node, at start and at stop',
    bed: 'ssh',
    async run(scene) {
      const { err, out } = await scene.run(
        'start',
        '--launcher',
        'ssh',
        '-o',
        'hosts=host[1-16]',
        '-n',
        '16',
        '-d',
      );
      scene.is('start', /Warning/.test(err + out), false);
      const stop = await scene.run('stop');
      scene.is('stop', [stop.code, /Warning/.test(stop.err + stop.out)], [0, false]);
    },
  },
  {
    name: 'a host that is off for good, and stop',
    expected: 'it is named and stays on the list; `stop --force` forgets it, and nothing finds it again',
    bed: 'ssh',
    quick: true,
    async run(scene) {
      await works(scene, 'host[1-2]', ['timeout=3s']);
      scene.disturb('kill', 'boot', 'host2');
      const first = await scene.run('stop');
      scene.is('stop', [first.code, /^host2: It answers, but no sshd/m.test(first.err)], [1, true]);
      scene.is('on the list', (await scene.json('list')).clusters.length, 1);
      scene.is('what to try', first.out, /`ipcluster stop --force` to forget it/);
      const second = await scene.run('stop', '--force');
      scene.is('stop --force', [second.code, /^host2: /m.test(second.err)], [0, true]);
      scene.is('list', (await scene.json('list')).clusters, []);
      scene.is('clean', /host2|queue/.test((await scene.run('clean')).out), false);
      scene.is('start', (await scene.start('host1')).engines, 4);
    },
  },
];
