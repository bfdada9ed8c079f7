import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { programFile } from '../../../../src/base/package.js';
import type { JobSpec } from '../../../../src/launcher-kit/contract.js';
import { readHosts } from '../../../../src/launchers/ssh/hosts.js';
import {
  endScript,
  lookScript,
  readAnswers,
  seatFiles,
  signalScript,
  startScript,
  stateScript,
} from '../../../../src/launchers/ssh/scripts.js';
import type { Seat } from '../../../../src/launchers/ssh/seats.js';

const [host] = readHosts('alice@far:2222') as [ReturnType<typeof readHosts>[0] & object];
const spec: JobSpec = {
  ...{ name: 'ipc-1', count: 4, jobDir: "/work/it's/jobs/one", needs: "/work/it's/jobs/one/join.json" },
  argv: ['/opt/node', programFile('ipengine'), '--file', "/work/it's/jobs/one/join.json"],
  env: { IPCLUSTER_MARK: 'mark', IPP_PROFILE_DIR: '/home/a', IPCLUSTER_WORK_DIR: '/home/a' },
};
const seat: Seat = { index: 3, host, share: 2, shared: false, folder: '/tmp/ip $x/f', scripts: '/tmp/ip $x/f' };
const files = seatFiles(spec, seat);

test.each([
  ['look', lookScript(host, '/probe', 'nonce', spec)],
  ['start', startScript(seat, '2,2', files)],
  ['start, with a look at the controller', startScript(seat, '2,2', files, { addresses: ['10.0.0.1', 'head'], port: 10_000 })],
  ['state', stateScript(seat)],
  ['signal', signalScript(seat, 'SIGUSR2')],
  ['end', endScript(seat, 'mark')],
])('the script %s is one for every shell', (_name, text) => {
  const { status, stdout } = spawnSync('shellcheck', ['-s', 'dash', '-e', 'SC2016', '-'], { input: text, encoding: 'utf8' });
  expect([status, stdout]).toEqual([0, '']);
});

test('a host that does not share our disk has everything in a folder of its own', () => {
  const [job, node] = files.map(({ text }) => text);
  expect(files.map(({ path }) => path)).toEqual(['/tmp/ip $x/f/job.sh', '/tmp/ip $x/f/node.sh']);
  expect(job).toContain("IPP_PROFILE_DIR='/tmp/ip $x/f/profile'");
  expect(node).toContain("--file '/tmp/ip $x/f/join.json'");
  expect(`${job}${node}`).not.toContain('/work/it');
});

test('a tunnel changes the address and nothing else', () => {
  const [, node] = seatFiles(spec, { ...seat, tunnel: 40_000 });
  expect(node?.text).toContain('--controller-ip 127.0.0.1 --controller-port 40000');
});

test("a host's own Node, package and setup are used there", () => {
  const own = { ...host, node: '/n/node', package: '/pkg', setup: ['module load x'], environment: { A: 'b c' } };
  const [job, node] = seatFiles(spec, { ...seat, host: own });
  expect(node?.text).toContain('run /n/node /pkg/dist/programs/ipengine.js');
  expect(node?.text).toContain('/n/node /pkg/dist/programs/sweep.js');
  expect(job?.text).toMatch(/^module load x$/m);
  expect(job?.text).toContain("export A='b c'");
});

test('what the start script puts there is what was meant, whatever is in it', () => {
  const text = `it's "$HOME" \`id\` \\ %s\n`;
  const script = startScript({ ...seat, folder: '/tmp', scripts: '/tmp' }, '2', [{ path: '/dev/stdout', text, mode: 0o600 }]);
  const put = script.split('\n').findIndex((line) => line.startsWith('put /dev/stdout'));
  const shell = `put() { printf '%s' "$3"; }\n${script.split('\n').slice(put).join('\n').split('setsid')[0]}`;
  expect(spawnSync('/bin/sh', ['-c', shell], { encoding: 'utf8' }).stdout).toBe(text);
});

test('a process that is not there is not called alive', () => {
  const { stdout } = spawnSync('/bin/sh', ['-s'], { input: stateScript({ ...seat, folder: '/nonexistent' }), encoding: 'utf8' });
  expect(readAnswers(stdout)?.has('alive')).toBe(false);
});
