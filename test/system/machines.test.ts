import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { Home } from '../helpers.js';

/* Programs as people's shells, users and folders have them: `bin/` is run as it is, by its first line. */

const home = new Home();
const bin = resolve('bin');
const root = process.getuid?.() === 0;
const bash = (line: string, env: NodeJS.ProcessEnv = {}) =>
  home.runOn(undefined, ['bash', '-c', `PATH="${bin}:$PATH"\n${line}`], env);

afterEach(async () => {
  await home.run(['stop']);
});
afterAll(() => home.leave());

describe('signals that a program was started to ignore', () => {
  const security = home.path('security');
  test.each([
    ['ipcontroller', 'ipcontroller'],
    ['ipcluster', 'ipcluster start -n 1'],
    [
      'ipengine',
      `ipcontroller & while [ ! -s ${security}/ipcontroller-engine.json ]; do sleep 0.1; done; ipengine -n 1`,
    ],
    [
      'ipgateway',
      `ipcontroller & while [ ! -s ${security}/ipcontroller-client.json ]; do sleep 0.1; done; ` +
        `ipgateway --controller ${security}/ipcontroller-client.json --file '${home.folder}/g.json'`,
    ],
  ])('%s lives on when its terminal goes, and ends when it is told to', async (_name, line) => {
    const words = line.split(' & ').length === 1 ? line : line.slice(line.lastIndexOf('; ') + 2);
    const before = line === words ? '' : line.slice(0, line.lastIndexOf('; ') + 2);
    const { stdout, stderr } = await bash(`
      ${before}
      nohup ${words} >'${home.folder}/out' 2>&1 & pid=$!
      sleep 2.5
      grep -q "^Name:.node" /proc/$pid/status && kill -HUP $pid
      sleep 1
      kill -0 $pid && echo lives
      kill -TERM $pid
      for _ in $(seq 100); do kill -0 $pid 2>/dev/null || break; sleep 0.1; done
      kill -0 $pid 2>/dev/null && echo stays
      kill %1 2>/dev/null; wait`);
    expect([stdout, readFileSync(join(home.folder, 'out'), 'utf8')], stderr).toEqual([
      'lives\n',
      expect.not.stringContaining('SIGHUP'),
    ]);
  });

  test('without nohup it ends', async () => {
    const { stdout } = await bash(`
      ipcontroller >/dev/null 2>&1 & pid=$!
      sleep 2
      kill -HUP $pid
      wait $pid; echo $?`);
    expect(stdout).toBe('0\n');
  });
});

describe.skipIf(!root)('a user that no list of users has (needs root to be one)', () => {
  const folder = join(home.folder, 'x');
  const as = (env: string, line: string) =>
    bash(`mkdir -p '${folder}'; chmod 711 '${home.folder}'; chown 12345 '${folder}'; cd '${folder}'
      setpriv --reuid 12345 --regid 12345 --clear-groups env -i PATH="$PATH" ${env} bash -c '${line}'`);

  test.each([
    ['HOME', `HOME='${folder}'`],
    ['HOME, and an empty SHELL', `HOME='${folder}' SHELL=`],
    ['IPYTHONDIR alone', `IPYTHONDIR='${folder}/i'`],
    ['IPYTHONDIR, and an empty HOME', `HOME= IPYTHONDIR='${folder}/i'`],
  ])('starts, runs and stops with %s', async (_what, env) => {
    const { stdout, stderr } = await as(
      env,
      'ipcluster start -n 1 -d >/dev/null && ipcluster exec "process.getuid()" && ipcluster stop >/dev/null',
    );
    expect(stdout, stderr).toMatch(/12345/);
  });

  test.each(['ipcluster start -n 1 -d', 'ipcluster status', 'ipcontroller', 'ipengine'])(
    '%s without any home is told what to set',
    async (line) => {
      const { stdout, stderr } = await as('A=1', `${line}; echo $?`);
      expect(stdout).toBe('2\n');
      expect(stderr).toMatch(/HOME is not set, and no list of users has 12345/);
      expect(stderr).toMatch(/IPYTHONDIR/);
      expect(stderr).not.toMatch(/\n {4}at /);
    },
  );

  test('a home that cannot be written is said by name', async () => {
    const { stdout, stderr } = await as('HOME=/', 'ipcluster start -n 1 -d; echo $?');
    expect(stdout).toBe('2\n');
    expect(stderr).toMatch(/\/\.ipython.* cannot be made/);
  });
});

describe('folders that are not there', () => {
  test('-o cwd, ipengine --work-dir, and the folder that one is in', async () => {
    expect(await home.run(['start', '-n', '1', '-d', '-o', 'cwd=/none/such'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no folder /none/such'),
    });
    expect(home.processes()).toEqual([]);
    expect(await home.run(['-n', '1', '--work-dir', '/none/such'], { program: 'ipengine' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no folder /none/such'),
    });
    const gone = join(home.folder, 'gone');
    mkdirSync(gone);
    const { stdout, stderr } = await bash(`cd '${gone}'; rmdir '${gone}'; ipcluster start -n 1 -d; echo $?`);
    expect([stdout, stderr]).toEqual([
      '2\n',
      expect.stringContaining('The folder that you are in has been removed.'),
    ]);
    expect(() => rmdirSync(gone)).toThrow();
  });

  test.each([
    ['too long', `/tmp/${'t'.repeat(130)}`],
    ['missing', '/none/such'],
    ['relative', 'here'],
    ['empty', ''],
    ['a file', '/etc/passwd'],
  ])('TMPDIR %s', async (_what, TMPDIR) => {
    const { stdout, stderr } = await bash(
      'ipcluster start -n 1 -d >/dev/null && ipcluster exec 6*7 && ipcluster stop >/dev/null; echo $?',
      { TMPDIR },
    );
    expect(stdout, stderr).toMatch(/42(?:.|\n)*\n0\n/);
  });
});
