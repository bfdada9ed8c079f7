// Ways to a host that fail at one of its gates: the sentence must name which. All of them, and one host that
// goes well, in one start.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { state } from '../ssh/scene.js';
import { causes } from './hosts.js';
import { judgeSome } from './judge.js';

const keys = join(state, 'varied/keys');
const gate1 = ['HostName 10.124.0.27', 'User hpc2', `IdentityFile ${keys}/gate1`];
const gate2 = ['HostName 10.126.0.28', `IdentityFile ${keys}/gate2`];

/** Hosts of the configuration that are gates, each wrong in its own way. */
const gates = {
  'first-key': [
    'HostName 10.124.0.27',
    'Port 2201',
    'User hpc2',
    'HostKeyAlias first',
    `IdentityFile ${keys}/wrong`,
  ],
  'first-port': [...gate1, 'Port 2299'],
  'first-unknown': [...gate1, 'Port 2201', 'HostKeyAlias nobody'],
  'second-key': ['HostName 10.126.0.28', 'Port 2202', `IdentityFile ${keys}/wrong`],
  'second-port': [...gate2, 'Port 2299'],
  'second-changed': [...gate2, 'Port 2202', 'HostKeyAlias host12'],
  round: ['ProxyJump again'],
  again: ['ProxyJump round'],
};

/** Ways to host5, what must be said of each, and (where it ends at all) what ssh itself says. */
const ways = {
  w1: {
    what: 'the first gate refuses the key',
    way: 'ProxyJump first-key,gate2',
    expected: 'host-auth',
    words: /On the way to it, first-key: It does not let you in/,
  },
  w2: {
    what: 'nothing listens at the first gate',
    way: 'ProxyJump first-port,gate2',
    expected: 'host-refused',
    words: /On the way to it, first-port: It answers, but no sshd/,
  },
  w3: {
    what: 'the key of the first gate is not known',
    way: 'ProxyJump first-unknown,gate2',
    expected: 'host-key-unknown',
    words: /On the way to it, first-unknown: Its host key is not known/,
  },
  w4: {
    what: 'the first gate is off',
    way: 'ProxyJump host13,gate2',
    expected: 'host-unreachable',
    words: /On the way to it, host13: There is no way to it/,
  },
  w5: {
    what: 'the first gate accepts and says nothing',
    way: 'ProxyJump host14,gate2',
    expected: 'host-timeout',
    words: /On the way to it, host14: It does not answer in time/,
  },
  w6: {
    what: 'the second gate refuses the key',
    way: 'ProxyJump gate1,second-key',
    expected: 'host-auth',
    words: /On the way to it, second-key: It does not let you in/,
  },
  w7: {
    what: 'nothing listens at the second gate',
    way: 'ProxyJump gate1,second-port',
    expected: 'host-refused',
    words: /On the way to it, second-port: From gate1: It answers, but no sshd/,
  },
  w8: {
    what: 'the key of the second gate is another',
    way: 'ProxyJump gate1,second-changed',
    expected: 'host-key-changed',
    words: /On the way to it, second-changed: Its host key is not the one/,
  },
  w9: {
    what: 'a gate that lets nobody through',
    way: 'ProxyJump host1',
    expected: 'gate-refused',
    words: /On the way to it, host1: It lets nobody through/,
  },
  w10: {
    what: 'the host cannot be reached from the last gate',
    way: 'ProxyJump gate1,gate2',
    name: '10.125.0.99',
    expected: 'host-unreachable',
    words: /^w10: From gate2: There is no way to it/,
  },
  w11: {
    what: 'the gates are right, the key of the host is not known',
    way: 'ProxyJump gate1,gate2',
    alias: 'nobody',
    expected: 'host-key-unknown',
    words: /^w11: Its host key is not known/,
  },
  w12: {
    what: 'gates that lead back to each other',
    way: 'ProxyJump round',
    expected: 'ssh-config',
    words: /^w12: The way to it leads back to round/,
    endless: true,
  },
  w13: {
    what: 'a ProxyCommand whose gate refuses',
    way:
      `ProxyCommand ssh -F none -o BatchMode=yes -o UserKnownHostsFile=${state}/varied/known -i ` +
      `${keys}/wrong -W [%h]:%p host1`,
    expected: 'host-auth',
    words: /^w13: The ProxyCommand of its configuration fails: It does not let you in/,
  },
  w14: {
    what: 'a ProxyCommand that is not there',
    way: 'ProxyCommand /nonexistent/program %h',
    expected: 'host-failed',
    words: /^w14: The ProxyCommand of its configuration fails: .*\/nonexistent\/program/,
  },
};
const own = { ...causes, 'gate-refused': /administratively prohibited/, 'host-failed': /No such file/ };

/** Lines of a configuration. */
const block = (name, lines) => [`Host ${name}`, ...lines.map((line) => `  ${line}`)];
const wayLines = ({ way, name = '10.125.0.15', alias = 'behind' }) => [
  `HostName ${name}`,
  `HostKeyAlias ${alias}`,
  `IdentityFile ${keys}/plain`,
  way,
];

export async function playGates(scene, transport) {
  const blocks = [
    ...Object.entries(gates),
    ...Object.entries(ways).map(([name, way]) => [name, wayLines(way)]),
  ];
  const lines = blocks.flatMap(([name, said]) => block(name, said));
  const config = scene.write(
    'config',
    `${lines.join('\n')}\n${readFileSync(join(state, 'varied/config'), 'utf8')}`,
  );
  const names = Object.keys(ways);
  // ssh itself starts one gate after the other for a way without an end.
  const finite = names.filter((name) => !ways[name].endless);
  const said = await judgeSome(scene, finite, config);
  const judged = names.map(
    (name) => said[finite.indexOf(name)] ?? { words: 'it goes round for ever', ssh: 'out' },
  );
  const file = scene.write('hosts', `${['host2', ...names].map((name) => `${name} slots=1`).join('\n')}\n`);
  const options = ['-o', `transport=${transport}`, '-o', `config=${config}`, '-o', 'timeout=5s'];
  const started = await scene.run(
    'start',
    '--launcher',
    'ssh',
    '-o',
    `hosts=@${file}`,
    ...options,
    '-n',
    String(names.length + 1),
    '--min-engines',
    '1',
    '-d',
  );
  const { findings = [] } = await scene.json('why');
  await scene.run('stop');
  const rows = names.map((name, index) => {
    const { what, expected, words, endless } = ways[name];
    const finding = findings.find(({ sentence }) => sentence.startsWith(`${name}: `));
    const problems = [];
    if (judged[index].ssh !== 'out' || (!endless && !own[expected].test(judged[index].said)))
      problems.push(`ssh itself: ${judged[index].said}`);
    if (finding?.code !== expected || !words.test(finding.sentence))
      problems.push(`${finding?.code}: ${finding?.sentence}`);
    return {
      name,
      what,
      transport,
      expected,
      ssh: judged[index].words,
      seen: `${finding?.code}: ${finding?.sentence.replace(`${name}: `, '')}`,
      problems,
    };
  });
  if (started.code !== 0) rows[0].problems.push(`start ended with ${started.code}: ${started.err}`);
  return rows;
}
