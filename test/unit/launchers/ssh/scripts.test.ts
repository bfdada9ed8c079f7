import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { programFile } from '../../../../src/base/package.js';
import type { JobSpec } from '../../../../src/launcher-kit/contract.js';
import { readHosts } from '../../../../src/launchers/ssh/hosts.js';
import {
  endScript,
  isWhole,
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
  name: 'ipc-1',
  count: 4,
  jobDir: "/work/it's/jobs/one",
  needs: "/work/it's/jobs/one/join.json",
  argv: ['/opt/node', programFile('ipengine'), '--file', "/work/it's/jobs/one/join.json"],
  env: { IPCLUSTER_MARK: 'mark', IPP_PROFILE_DIR: '/home/a', IPCLUSTER_WORK_DIR: '/home/a' },
};
const seat: Seat = {
  index: 3,
  host,
  share: 2,
  shared: false,
  folder: '/tmp/ip $x/f',
  scripts: '/tmp/ip $x/f',
};
const files = seatFiles(spec, seat);

test.each([
  ['look', lookScript(host, '/probe', 'nonce', spec)],
  ['start', startScript(seat, '2,2', files)],
  [
    'start, with a look at the controller',
    startScript(seat, '2,2', files, { addresses: ['10.0.0.1', 'head'], port: 10_000 }),
  ],
  ['state', stateScript(seat)],
  ['signal', signalScript(seat, 'SIGUSR2')],
  ['end', endScript(seat, 'mark')],
])('the script %s is one for every shell', (_name, text) => {
  const { status, stdout } = spawnSync('shellcheck', ['-s', 'dash', '-e', 'SC2016', '-'], {
    input: text,
    encoding: 'utf8',
  });
  expect([status, stdout]).toEqual([0, '']);
});

test(
  'answers are found behind what a login shell prints, whether or not it ends its line, and are whole ' +
    'at their end',
  () => {
    const noise = "printf '\\033]0;%s\\007' host1 over=yes\n";
    const { stdout } = spawnSync('/bin/sh', ['-s'], {
      input: `${noise}${lookScript(host, '/none', 'nonce', spec)}`,
      encoding: 'utf8',
    });
    expect(readAnswers(stdout)?.get('user')).toBe(String(process.getuid?.()));
    expect(isWhole(stdout)).toBe(true);
    expect(isWhole(stdout.replace('over=yes\n', ''))).toBe(false);
    expect(isWhole('over=yes\n\nipcluster-answers\nuser=1\n')).toBe(false);
  },
);

test('a folder in the home of a host is that of its user there, and is said to be there or not', () => {
  const look = (workDir: string, cwd: string) => {
    const input = lookScript({ ...host, workDir }, '/none', 'nonce', { ...spec, cwd });
    const { stdout } = spawnSync('/bin/sh', ['-s'], {
      input,
      encoding: 'utf8',
      env: { ...process.env, HOME: '/var' },
    });
    const answers = readAnswers(stdout);
    return [answers?.get('base'), answers?.get('folder'), answers?.get('cwd')];
  };
  expect(look('~/tmp', '/none')).toEqual(['/var/tmp', 'yes', undefined]);
  expect(look('~', '/tmp')).toEqual(['/var', 'yes', 'yes']);
  expect(look('~/none', '/tmp')).toEqual(['/var/none', undefined, 'yes']);
  expect(look('/none/$(id)', '/')).toEqual(['/none/$(id)', undefined, 'yes']);
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
  const own = {
    ...host,
    node: '/n/node',
    package: '/pkg',
    setup: ['module load x'],
    environment: { A: 'b c' },
  };
  const [job, node] = seatFiles(spec, { ...seat, host: own });
  expect(node?.text).toContain('run /n/node /pkg/dist/programs/ipengine.js');
  expect(node?.text).toContain('/n/node /pkg/dist/programs/sweep.js');
  expect(job?.text).toMatch(/^module load x$/m);
  expect(job?.text).toContain("export A='b c'");
});

test('what the start script puts there is what was meant, whatever is in it', () => {
  const text = `it's "$HOME" \`id\` \\ %s\n`;
  const script = startScript({ ...seat, folder: '/tmp', scripts: '/tmp' }, '2', [
    { path: '/dev/stdout', text, mode: 0o600 },
  ]);
  const put = script.split('\n').findIndex((line) => line.startsWith('put /dev/stdout'));
  const shell = `put() { printf '%s' "$3"; }\n${script.split('\n').slice(put).join('\n').split('setsid')[0]}`;
  expect(spawnSync('/bin/sh', ['-c', shell], { encoding: 'utf8' }).stdout).toBe(text);
});

test('a process that is not there is not called alive', () => {
  const { stdout } = spawnSync('/bin/sh', ['-s'], {
    input: stateScript({ ...seat, folder: '/nonexistent' }),
    encoding: 'utf8',
  });
  expect(readAnswers(stdout)?.has('alive')).toBe(false);
});

describe('a folder on a host’s own disk', () => {
  let base: string;
  beforeEach(() => {
    base = mkdtempSync('/tmp/ipcluster-scripts-');
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));
  const ask = (script: string): ReadonlyMap<string, string> | undefined =>
    readAnswers(spawnSync('/bin/sh', ['-s'], { input: script, encoding: 'utf8' }).stdout);
  const start = (folder: string): ReadonlyMap<string, string> | undefined =>
    ask(
      startScript({ ...seat, folder, scripts: folder }, '2', [
        { path: join(folder, 'job.sh'), text: 'exit 0', mode: 0o700 },
      ]),
    );
  const end = (folder: string): void =>
    void ask(endScript({ ...seat, folder }, 'no such mark').replace('seq 80', 'seq 1'));

  test('is made closed, and taken away in the end', () => {
    const folder = join(base, 'a', 'job');
    expect(start(folder)?.get('pid')).toMatch(/^\d+$/);
    expect([statSync(folder).mode & 0o777, statSync(join(base, 'a')).mode & 0o777]).toEqual([0o700, 0o700]);
    expect(start(folder)?.get('failed')).toBeUndefined();
    end(folder);
    expect(existsSync(folder)).toBe(false);
  });

  test('is refused where anybody can write, and nothing is put or removed there', () => {
    const open = join(base, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    expect(start(join(open, 'job'))?.get('failed')).toMatch(/others can write it/);
    expect(start(join(open, 'below', 'job'))?.get('failed')).toMatch(/others can write it/);
    expect(existsSync(join(open, 'job'))).toBe(false);
    mkdirSync(join(open, 'job'));
    end(join(open, 'job'));
    expect(existsSync(join(open, 'job'))).toBe(true);
    chmodSync(open, 0o1777);
    expect(start(join(open, 'job'))?.get('failed')).toBeUndefined();
  });

  test.skipIf(process.getuid?.() !== 0)(
    'is refused where another user was first, and what he wrote down is not believed',
    () => {
      const his = join(base, 'his');
      mkdirSync(join(his, 'job'), { recursive: true });
      writeFileSync(
        join(his, 'job', 'host-3.json'),
        JSON.stringify({ pid: process.pid, began: 1, boot: 'x' }),
      );
      for (const path of [his, join(his, 'job')]) chownSync(path, 65_534, 65_534);
      expect(start(join(his, 'job'))?.get('failed')).toMatch(/belongs to another user/);
      expect(ask(stateScript({ ...seat, folder: join(his, 'job') }))?.has('alive')).toBe(false);
      end(join(his, 'job'));
      expect(existsSync(join(his, 'job'))).toBe(true);
      chownSync(his, 0, 0);
      expect(start(join(his, 'job'))?.get('failed')).toMatch(/belongs to another user/);
    },
  );
});
