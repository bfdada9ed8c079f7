import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { configurationOf } from '../../../../src/launchers/ssh/configuration.js';
import { readHosts } from '../../../../src/launchers/ssh/hosts.js';

/* The system's own ssh reads a configuration here; nothing is connected to. */

let folder: string;
const before = { ...process.env };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ssh-config-'));
});
afterEach(() => {
  process.env = { ...before };
  rmSync(folder, { recursive: true, force: true });
});

const ask = (text: string, mode = 0o600) => {
  const file = join(folder, 'config');
  writeFileSync(file, text, { mode });
  return configurationOf(readHosts('n1')[0] as ReturnType<typeof readHosts>[0], file);
};

test('a word that ssh does not know is said, and what would be taken is not dropped', async () => {
  const wrong = ask('Host n1\n  UseKeychain yes\n  HostName real\n');
  await expect(wrong).rejects.toMatchObject({
    verdict: {
      code: 'ssh-config',
      sentence: expect.stringMatching(/line 2: Bad configuration option: usekeychain\)/),
      suggestions: expect.arrayContaining([expect.stringMatching(/IgnoreUnknown usekeychain/)]),
    },
  });
});

test('a byte order mark and a file that is not there are said', async () => {
  await expect(ask('\ufeffHost n1\n')).rejects.toMatchObject({ verdict: { code: 'ssh-config' } });
  await expect(configurationOf({ name: 'n1' } as never, join(folder, 'none'))).rejects.toMatchObject({
    verdict: { code: 'ssh-config' },
  });
});

test('without the program names mean what they say', async () => {
  process.env['PATH'] = folder;
  expect(await ask('Host n1\n  HostName real\n')).toMatchObject({ hostname: 'n1', overrides: [] });
});

test.each([
  ['ForkAfterAuthentication yes', 'forkafterauthentication=no'],
  ['StdinNull yes', 'stdinnull=no'],
  ['SessionType none', 'sessiontype=default'],
  ['RemoteCommand tmux attach', 'remotecommand=none'],
  ['ForwardX11 yes', 'forwardx11=no'],
])('%s is read, and taken back for commands of ours', async (line, override) => {
  expect(await ask(`Host n1\n  ${line}\n  HostName real\n  Port 2222\n`)).toMatchObject({
    hostname: 'real',
    port: 2222,
    overrides: ['-o', override],
  });
});

test('nothing is taken back that nobody has set', async () => {
  expect(await ask('Host n1\n  Port 2222\n')).toMatchObject({ overrides: [] });
});

test.each([
  ['IdentityAgent none', undefined],
  ['IdentityAgent SSH_AUTH_SOCK', '/run/agent'],
  ['IdentityAgent $OTHER', '/run/other'],
  ['IdentityAgent ${OTHER}', '/run/other'],
  ['IdentityAgent /run/mine', '/run/mine'],
  ['Port 22', '/run/agent'],
])('%s', async (line, agent) => {
  Object.assign(process.env, { SSH_AUTH_SOCK: '/run/agent', OTHER: '/run/other' });
  expect((await ask(`Host n1\n  ${line}\n`)).agent).toBe(agent);
});
