import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  awaitConnectionFile,
  type ConnectionFile,
  readConnectionFile,
  writeConnectionFile,
} from '../../../src/profile/connection-file.js';
import { findPlace, pathsOf, profileNameOf, socketPath } from '../../../src/profile/paths.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-profile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('places', () => {
  test("are IPython's own", () => {
    const place = findPlace({}, { IPYTHONDIR: '/i' });
    expect(pathsOf(place)).toMatchObject({
      clientFile: '/i/profile_default/security/ipcontroller-client.json',
      clusterFile: '/i/profile_default/cluster/default.json',
      store: '/i/profile_default/default/store.sqlite',
    });
    expect(pathsOf(findPlace({ profile: 'p', clusterId: 'c' }, { IPYTHONDIR: '/i' })).engineFile).toBe(
      '/i/profile_p/security/ipcontroller-c-engine.json',
    );
  });

  test('come from the environment where nothing is said', () => {
    expect(
      findPlace(
        {},
        { IPP_PROFILE_DIR: '/x/profile_mine', IPP_CLUSTER_ID: 'k', IPCLUSTER_WORK_DIR: '/scratch' },
      ),
    ).toEqual({
      profile: 'mine',
      profileFolder: '/x/profile_mine',
      clusterId: 'k',
      workFolder: '/scratch',
    });
    expect(
      findPlace({ profile: 'other' }, { IPP_PROFILE_DIR: '/x/profile_mine', IPYTHONDIR: '/i' }).profileFolder,
    ).toBe('/i/profile_other');
  });

  test.each(['../up', 'a b', '', '.hidden', 'x/y'])('"%s" cannot be a profile', (profile) => {
    expect(() => findPlace({ profile }, {})).toThrow(expect.objectContaining({ code: 'PROFILE' }));
  });
});

describe('connection files', () => {
  const file: ConnectionFile = {
    kind: 'ipcluster',
    protocol: 1,
    role: 'client',
    clusterId: '',
    addresses: ['127.0.0.1'],
    port: 1,
    socket: '',
    memory: '',
    host: 'h',
    boot: '',
    pid: 1,
    nonce: 'n',
    certificate: 'c',
    fingerprint: 'f',
    token: 't',
    location: 'h',
    cluster: 'c',
    lease: 60_000,
  };
  /** As ipyparallel 7.1 wrote it. */
  const ipyparallel = (role: string): string =>
    readFileSync(`test/fixtures/ipyparallel/ipcontroller-${role}.json.txt`, 'utf8');
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  test('come back as they were written', () => {
    const path = join(folder, 'good.json');
    writeConnectionFile(path, file);
    expect(readConnectionFile(path)).toEqual(file);
  });

  test.each([
    ['absent', () => join(folder, 'none'), /is not there/],
    ['cut off', () => write('cut', '{"kind": "ipclu'), /no JSON/],
    ['empty', () => write('empty', ''), /no JSON/],
    ['of something else', () => write('else', '{"a": 1}'), /lacks what makes/],
    ["Python's for clients", () => write('python-client', ipyparallel('client')), /Python's/],
    ["Python's for engines", () => write('python-engine', ipyparallel('engine')), /Python's/],
    ['without a token', () => write('tokenless', JSON.stringify({ ...file, token: undefined })), /lacks/],
  ])('one that is %s gets a sentence', (_what, make, sentence) => {
    expect(() => readConnectionFile(make())).toThrow(
      expect.objectContaining({ code: 'CONNECTION_FILE', message: expect.stringMatching(sentence) }),
    );
  });

  test.skipIf(process.getuid?.() !== 0)('one of another user is refused (needs root to make one)', () => {
    const path = write('foreign', JSON.stringify(file));
    chownSync(path, 12_345, 12_345);
    const own = process.getuid;
    process.getuid = () => 999;
    try {
      expect(() => readConnectionFile(path)).toThrow(/another user/);
    } finally {
      process.getuid = own as () => number;
    }
    chmodSync(path, 0o600);
  });

  test('waiting takes half-written as not yet, and has an end', async () => {
    const path = write('later', '{"kind"');
    setTimeout(() => writeConnectionFile(path, file), 30);
    expect(await awaitConnectionFile(path, 2000)).toEqual(file);
    await expect(awaitConnectionFile(join(folder, 'none'), 30)).rejects.toMatchObject({
      code: 'CONNECTION_FILE_TIMEOUT',
    });
    await expect(awaitConnectionFile(write('wrong', '{}'), 2000)).rejects.toMatchObject({
      code: 'CONNECTION_FILE',
    });
  });
});

test('paths of Windows are read as they are written there', () => {
  expect(profileNameOf('C:\\Users\\me\\.ipython\\profile_parallel')).toBe('parallel');
  expect(profileNameOf('/home/me/.ipython/profile_parallel')).toBe('parallel');
  expect(socketPath('one', 'win32')).toMatch(/^\\\\\.\\pipe\\ipcluster-[0-9a-f]{16}$/);
  expect(socketPath('one')).toMatch(/\/ipcluster-\d+\/[0-9a-f]{16}\.sock$/);
});
