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

test.each(['', 'host1,host1', '-oProxyCommand=x', 'a b', 'host1:0', 'host1:4:4', 'host$(id)'])(
  '"%s" is refused',
  (text) => {
    expect(() => readHosts(text)).toThrow(expect.objectContaining({ code: 'LAUNCHER_OPTIONS' }));
  },
);

test('a file of hosts says more of each', () => {
  const file = join(folder, 'hosts');
  writeFileSync(
    file,
    '# the lab\nhost1 slots=4 node=/opt/node/bin/node work-dir=/scratch # fast\n\nhost[2-3] env=A=b=c ' +
      `env=D=1 setup='module load node'\n`,
  );
  expect(readHosts(`@${file}`)).toEqual([
    expect.objectContaining({
      word: 'host1',
      slots: 4,
      node: '/opt/node/bin/node',
      workDir: '/scratch',
      setup: [],
    }),
    expect.objectContaining({
      word: 'host2',
      environment: { A: 'b=c', D: '1' },
      setup: ['module load node'],
    }),
    expect.objectContaining({ word: 'host3' }),
  ]);
  writeFileSync(file, 'host1\nhost2 slot=4\n');
  expect(() => readHosts(`@${file}`)).toThrow(/line 2: "slot=4"/);
  writeFileSync(file, '# none\n');
  expect(() => readHosts(`@${file}`)).toThrow(/names none/);
  expect(() => readHosts(`@${file}.not`)).toThrow(/cannot be read/);
});

const fileOf = (text: string) => {
  const file = join(folder, 'of-others');
  writeFileSync(file, text);
  return readHosts(`@${file}`).map(({ word, name, user, port, slots }) => [word, name, user, port, slots]);
};

test.each([
  ['fd00:124::16', ['fd00:124::16', 'fd00:124::16', undefined, undefined, undefined]],
  ['[fd00:124::16]', ['fd00:124::16', 'fd00:124::16', undefined, undefined, undefined]],
  ['[fd00:124::16]:4', ['fd00:124::16', 'fd00:124::16', undefined, undefined, 4]],
  ['u@[fd00:124::16]:22', ['u@[fd00:124::16]:22', 'fd00:124::16', 'u', 22, undefined]],
  ['u@[fd00:124::16]:22:8', ['u@[fd00:124::16]:22', 'fd00:124::16', 'u', 22, 8]],
  ['u@::1', ['u@::1', '::1', 'u', undefined, undefined]],
  ['fe80::1%eth0', ['fe80::1%eth0', 'fe80::1%eth0', undefined, undefined, undefined]],
  ['4/u@host:22', ['u@host:22', 'host', 'u', 22, 4]],
  ['2*u@host', ['u@host', 'host', 'u', undefined, 2]],
  ['8/host', ['host', 'host', undefined, undefined, 8]],
])('%s is one host, alone, in a list and in a file', (text, host) => {
  const read = ({ word, name, user, port, slots }: ReturnType<typeof readHosts>[0]) => [
    word,
    name,
    user,
    port,
    slots,
  ];
  expect(readHosts(text).map(read)).toEqual([host]);
  expect(readHosts(`a[1-2],${text}`).map(read)[2]).toEqual(host);
  expect(fileOf(`${text}\n`)).toEqual([host]);
});

test.each(['[fd00::16]x', '[host1]', '[::1', '4/host:4', '4*', 'fd00::1::2', '-l@host'])(
  '%s is no host',
  (text) => {
    expect(() => readHosts(text)).toThrow(expect.objectContaining({ code: 'LAUNCHER_OPTIONS' }));
  },
);

test('files of hosts as other programs write them', () => {
  const of = (name: string, slots?: number, user?: string) => [
    user ? `${user}@${name}` : name,
    name,
    user,
    undefined,
    slots,
  ];
  // One line for each core.
  expect(fileOf('n1\nn1\nn2\nn1\n')).toEqual([of('n1', 3), of('n2')]);
  expect(fileOf('n1 slots=2\nn1 slots=2\n')).toEqual([of('n1', 4)]);
  // mpirun's.
  expect(fileOf('n1 slots=2 max_slots=4\nn2 max-slots=3 sockets=2\nn3 cpu=2 user=alice\n')).toEqual([
    ...[of('n1', 2), of('n2', 3)],
    of('n3', 2, 'alice'),
  ]);
  // Grid Engine's.
  expect(fileOf('n1 4 all.q@n1 UNDEFINED\nn2 2 all.q@n2 <NULL>\nn3 1 all.q@n3 0,0:0,1\n')).toEqual([
    ...[of('n1', 4), of('n2', 2)],
    of('n3', 1),
  ]);
  expect(fileOf('n1 4\n')).toEqual([of('n1', 4)]);
  expect(() => fileOf('n1 work-dir=/a\nn1 work-dir=/b\n')).toThrow(/n1 twice/);
  expect(() => fileOf('n1 4 5 6 7\n')).toThrow(/"5"/);
});

test('a host on the way is read as ProxyJump has it', () => {
  expect(jumpOf('bob@[fd00::1]:2200')).toMatchObject({ user: 'bob', name: 'fd00::1', port: 2200 });
  expect(jumpOf('fd00::1')).toMatchObject({ name: 'fd00::1', port: undefined });
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
  expect(spread.map((share, index) => Math.abs(share - (shares[index] ?? 0)) <= 1)).toEqual(
    shares.map(() => true),
  );
});
