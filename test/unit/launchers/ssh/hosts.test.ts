import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { jumpOf, readHosts } from '../../../../src/launchers/ssh/hosts.js';
import { spreadEngines } from '../../../../src/launchers/ssh/spread.js';

const folder = mkdtempSync(join(tmpdir(), 'ipcluster-hosts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('names, engines, users and ports are told apart', () => {
  expect(readHosts('host[1-2]:4,alice@far:2222,alice@far:2223:8')).toMatchObject([
    { word: 'host1', name: 'host1', slots: 4, user: undefined, port: undefined },
    { word: 'host2', name: 'host2', slots: 4 },
    { word: 'alice@far:2222', name: 'far', user: 'alice', port: 2222, slots: undefined },
    { word: 'alice@far:2223', name: 'far', port: 2223, slots: 8 },
  ]);
});

test.each(['', 'host1,host1', '-oProxyCommand=x', 'a b', 'host1:0', 'host1:4:4', 'host$(id)'])('"%s" is refused', (text) => {
  expect(() => readHosts(text)).toThrow(expect.objectContaining({ code: 'LAUNCHER_OPTIONS' }));
});

test('a file of hosts says more of each', () => {
  const file = join(folder, 'hosts');
  writeFileSync(
    file,
    `# the lab\nhost1 slots=4 node=/opt/node/bin/node work-dir=/scratch # fast\n\nhost[2-3] env=A=b=c env=D=1 setup='module load node'\n`,
  );
  expect(readHosts(`@${file}`)).toEqual([
    expect.objectContaining({ word: 'host1', slots: 4, node: '/opt/node/bin/node', workDir: '/scratch', setup: [] }),
    expect.objectContaining({ word: 'host2', environment: { A: 'b=c', D: '1' }, setup: ['module load node'] }),
    expect.objectContaining({ word: 'host3' }),
  ]);
  writeFileSync(file, 'host1\nhost2 slot=4\n');
  expect(() => readHosts(`@${file}`)).toThrow(/line 2: "slot=4"/);
  writeFileSync(file, '# none\n');
  expect(() => readHosts(`@${file}`)).toThrow(/names none/);
  expect(() => readHosts(`@${file}.not`)).toThrow(/cannot be read/);
});

test('a host on the way is read as ProxyJump has it', () => {
  expect(jumpOf('bob@gate:2200')).toMatchObject({ user: 'bob', name: 'gate', port: 2200 });
  expect(jumpOf('gate:2200')).toMatchObject({ user: undefined, name: 'gate', port: 2200 });
});

test.each([
  [64, [4, 4, 4, 4], [16, 16, 16, 16]],
  [7, [4, 4], [4, 3]],
  [10, [8, 4, 4, 4], [4, 2, 2, 2]],
  [2, [1, 1, 1], [1, 1, 0]],
  [12, [4, undefined, 8], [3, 4, 5]],
  [3, [undefined, undefined, undefined], [1, 1, 1]],
])('%i engines over %j', (count, sizes, shares) => {
  const spread = spreadEngines(
    count,
    sizes.map((size) => ({ size })),
  );
  expect(spread.reduce((a, b) => a + b, 0)).toBe(count);
  expect(spread.map((share, index) => Math.abs(share - (shares[index] ?? 0)) <= 1)).toEqual(shares.map(() => true));
});
