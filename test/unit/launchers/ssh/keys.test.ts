import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { poll } from '../../../../src/base/wait.js';
import { keysOfAgent } from '../../../../src/launchers/ssh/agent.js';
import { interpret } from '../../../../src/launchers/ssh/configuration.js';
import { openKeys } from '../../../../src/launchers/ssh/keys.js';
import { publicKeyOf } from '../../../../src/launchers/ssh/public-key.js';

/* A real agent that holds three keys: two that nobody has named, and one that is encrypted on disk. */

const folder = mkdtempSync(join(tmpdir(), 'ssh-keys-'));
const socket = join(folder, 'agent');
const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  for (const name of ['other1', 'other2', 'plain', 'good'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  await poll(
    () => (execFileSync('ls', [folder], { encoding: 'utf8' }).includes('agent') ? true : undefined),
    { timeout: 5000 },
  );
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  for (const name of ['other1', 'other2', 'good']) execFileSync('ssh-add', ['-q', at(name)], { env });
  execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'secret', '-f', at('good')]);
});
afterAll(() => {
  agent.kill();
  rmSync(folder, { recursive: true, force: true });
});

const blobOf = (name: string): Buffer => {
  const parsed = ssh2.utils.parseKey(readFileSync(at(`${name}.pub`)));
  if (parsed instanceof Error) throw parsed;
  return parsed.getPublicSSH();
};
const offer = (lines: readonly string[], own = socket) =>
  openKeys(
    interpret(
      { word: 'n1', name: 'n1', environment: {}, setup: [] },
      [...lines, `identityagent ${own}`].join('\n'),
    ),
  );
const names = (keys: readonly { blob: Buffer }[]): string[] =>
  keys.map(({ blob }) => ['other1', 'other2', 'good'].find((name) => blobOf(name).equals(blob)) ?? '?');

test('the public half of a key is known without its passphrase', () => {
  expect(publicKeyOf(at('good'))).toEqual(blobOf('good'));
  expect(publicKeyOf(at('good.pub'))).toEqual(blobOf('good'));
  rmSync(at('plain.pub'));
  expect(publicKeyOf(at('plain'))?.length).toBeGreaterThan(40);
  expect(publicKeyOf(at('none'))).toBeUndefined();
});

test('with IdentitiesOnly the agent offers the keys that are named, and no other', async () => {
  expect(await keysOfAgent(socket)).toHaveLength(3);
  const only = await offer([`identityfile ${at('good')}`, 'identitiesonly yes']);
  expect({ ...only, fromAgent: names(only.fromAgent) }).toEqual({ keys: [], fromAgent: ['good'], said: [] });
  const none = await offer([`identityfile ${at('plain')}`, 'identitiesonly yes']);
  expect(names(none.fromAgent)).toEqual([]);
  expect(none.keys).toMatchObject([{ path: at('plain'), passphrase: undefined }]);
});

test('without it the keys that are named come first', async () => {
  expect(names((await offer([`identityfile ${at('good')}`])).fromAgent)).toEqual([
    'good',
    'other1',
    'other2',
  ]);
});

test('a public key chooses one of the agent, and may be read by others', async () => {
  chmodSync(at('good.pub'), 0o644);
  const chosen = await offer([`identityfile ${at('good.pub')}`, 'identitiesonly yes']);
  expect({ ...chosen, fromAgent: names(chosen.fromAgent) }).toEqual({
    keys: [],
    fromAgent: ['good'],
    said: [],
  });
  const alone = await offer([`identityfile ${at('good.pub')}`], 'none');
  expect(alone.said).toEqual([expect.stringMatching(/good.pub is a public key, and no agent/)]);
});

test('IdentityAgent none leaves the agent alone', async () => {
  process.env['SSH_AUTH_SOCK'] = socket;
  const plain = await offer([`identityfile ${at('plain')}`], 'none');
  delete process.env['SSH_AUTH_SOCK'];
  expect(plain).toMatchObject({ keys: [{ path: at('plain') }], fromAgent: [], said: [] });
});

test('a private key that others may read is refused', async () => {
  chmodSync(at('plain'), 0o644);
  expect((await offer([`identityfile ${at('plain')}`], 'none')).said).toEqual([
    expect.stringMatching(/bad permissions/),
  ]);
});
