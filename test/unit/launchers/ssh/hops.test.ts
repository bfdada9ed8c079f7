import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { configurationOf, interpret } from '../../../../src/launchers/ssh/configuration.js';
import { failureOf, type Hop, hopsOf, wayCommand } from '../../../../src/launchers/ssh/hops.js';
import { jumpOf } from '../../../../src/launchers/ssh/hosts.js';

const folder = mkdtempSync(join(tmpdir(), 'ssh-hops-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the system's ssh makes of a configuration; nothing is connected to. */
async function hopsIn(text: string): Promise<Hop[]> {
  const file = join(folder, 'config');
  writeFileSync(file, text, { mode: 0o600 });
  return hopsOf(await configurationOf(jumpOf('far'), file), file);
}

test(
  'gates come nearest first, each with its own configuration, and the first one’s own ' + 'gates before it',
  async () => {
    const hops = await hopsIn(
      'Host far\n ProxyJump one,two\nHost one\n User a\n Port 2201\n ProxyJump zero\nHost two\n ProxyJump ' +
        'elsewhere\n IdentityFile /k/two\n',
    );
    expect(hops.map(({ host }) => host.word)).toEqual(['zero', 'one', 'two']);
    expect(hops[1]?.configuration).toMatchObject({ user: 'a', port: 2201 });
    expect(hops[2]?.configuration.identityFiles).toEqual(['/k/two']);
  },
);

test.each([
  // ssh sees this one itself.
  ['Host *\n ProxyJump gate\n', /jumphost loop via gate/],
  [
    'Host far\n ProxyJump one\nHost one\n ProxyJump two\nHost two\n ProxyJump one\n',
    /^The way to it leads back to one/,
  ],
])('a way that leads back to itself is refused: %j', async (text, words) => {
  await expect(hopsIn(text)).rejects.toMatchObject({
    verdict: { code: 'ssh-config', sentence: expect.stringMatching(words) },
  });
});

const gate = (word: string): Hop => ({ host: jumpOf(word), configuration: interpret(jumpOf(word), '') });
const gates = [gate('bob@one'), gate('two')];

test(
  'a way is a command in which every host is told what ours are told, and tokens are for the ssh that ' +
    'they are meant for',
  () => {
    expect(wayCommand([], [], 5, undefined)).toBeUndefined();
    expect(wayCommand(gates.slice(0, 1), ['-T'], 5, '/c')).toBe(
      "ssh -T -o ConnectTimeout=5 -W '[%h]:%p' -F /c -l bob one",
    );
    const both = wayCommand(gates, ['-T'], 5, undefined) ?? '';
    expect(both).toMatch(
      /^ssh -T -o ConnectTimeout=6 -o 'ProxyCommand=ssh -T -o ConnectTimeout=5 -W .*\[%%h\]:%%p.* -l bob one' -W '\[%h\]:%p' two$/,
    );
  },
);

/**
 * What each ssh says whose way ended before the host at its end said anything (recorded from OpenSSH 9.2).
 */
const ended =
  'kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535\n';

test.each([
  [
    `bob@10.0.0.1: Permission denied (publickey).\n${ended}${ended}`,
    'host-auth',
    /^On the way to it, bob@one: It does not let you in/,
  ],
  [
    `me@10.0.0.2: Permission denied (publickey).\n${ended}`,
    'host-auth',
    /^On the way to it, two: It does not let you in/,
  ],
  ['me@far: Permission denied (publickey).\n', 'host-auth', /^It does not let you in/],
  [
    `channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\n${ended}${ended}`,
    'host-refused',
    /^On the way to it, two: From bob@one: It answers, but no sshd/,
  ],
  [
    `channel 0: open failed: connect failed: No route to host\nstdio forwarding failed\n${ended}`,
    'host-unreachable',
    /^From two: There is no way to it/,
  ],
  [
    `channel 0: open failed: administratively prohibited: open failed\nstdio forwarding failed\n${ended}`,
    'gate-refused',
    /^On the way to it, two: It lets nobody through/,
  ],
  [
    'Connection timed out during banner exchange\nConnection to UNKNOWN port 65535 timed out\n',
    'host-timeout',
    /^On the way to it, two: It does not answer/,
  ],
])('the host that failed is named: %j', (said, code, sentence) => {
  const { verdict } = failureOf(said, gates);
  expect(verdict).toMatchObject({ code, sentence: expect.stringMatching(sentence) });
});

test('without gates it is the command of ProxyCommand that failed', () => {
  const said =
    '/bin/sh: line 1: /no/such: No such file or directory\nbanner exchange: Connection to UNKNOWN port ' +
    '65535: Broken pipe\n';
  expect(failureOf(said, []).message).toMatch(
    /^The ProxyCommand of its configuration fails: .*\/no\/such: No such file/,
  );
});
