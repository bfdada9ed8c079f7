import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterStatus } from '../../src/cluster/status.js';
import { FakeScheduler } from '../fakes/install.js';
import { Home, until } from '../helpers.js';

/*
 * The systems that no package brings, on stand-ins that queue and run for real; and real Grid Engine, in
 * network namespaces.
 */

const cases: [string, ConstructorParameters<typeof FakeScheduler>[0], string[]][] = [
  ['pbs', 'openpbs', []],
  ['pbs', 'torque', ['-o', 'flavor=torque']],
  ['lsf', 'lsf', []],
];

describe.each(cases)('--launcher %s on a stand-in for %s', (launcher, system, options) => {
  let home: Home;
  let scheduler: FakeScheduler;

  beforeAll(() => {
    home = new Home();
    scheduler = new FakeScheduler(system);
    home.env['PATH'] = scheduler.path;
    home.env['USER'] = 'tester';
  });

  afterEach(async () => {
    scheduler.behave({});
    await home.run(['stop']);
  });

  afterAll(async () => {
    await home.leave();
    expect(scheduler.live()).toEqual([]);
    scheduler.remove();
  });

  const start = (...args: string[]) =>
    home.json<{ engines: number; ids: number[] }>('start', '--launcher', launcher, ...options, '-d', ...args);
  const nodes = async () =>
    new Set((await home.json<ClusterStatus>('status')).engines.map(({ node }) => node));

  test('64 engines, work on them, and an empty queue afterwards', async () => {
    expect(await start('-n', '64')).toMatchObject({ engines: 64 });
    expect((await home.run(['exec', '1'])).stdout.trim().split('\n')).toHaveLength(64);
    expect(
      (await home.run(['map', '--', 'echo', '{}', ':::', 'a', 'b', 'c'])).stdout.trim().split('\n').sort(),
    ).toEqual(['a', 'b', 'c']);
    expect(await home.json('stop')).toMatchObject({ orderly: true, killed: 0 });
    await until('an empty queue', () => scheduler.live().length === 0);
    expect(home.processes()).toEqual([]);
  });

  test('as an array, over nodes that were named, and with the controller in either place', async () => {
    expect(await start('-n', '5', '--shape', 'array', '--ntasks-per-node', '2')).toMatchObject({
      engines: 5,
      ids: [0, 1, 2, 3, 4],
    });
    expect(await nodes()).toEqual(new Set([0, 1, 2]));
    await home.run(['stop']);
    for (const place of ['job', 'in-job']) {
      expect(await start('-n', '4', '--nodes', '2', '--controller', place)).toMatchObject({ engines: 4 });
      expect(await nodes()).toEqual(new Set([0, 1]));
      await home.run(['stop']);
      await until('an empty queue', () => scheduler.live().length === 0);
    }
  });

  test('why it waits is said, and a queue that is too long is left', async () => {
    scheduler.behave({ hold: true });
    const { code, stderr } = await home.run([
      'start',
      '--launcher',
      launcher,
      ...options,
      '-n',
      '2',
      '-d',
      '--queue-timeout',
      '4s',
    ]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/has waited in the queue .* The job has not begun\./s);
    await until('an empty queue', () => scheduler.live().length === 0);
    expect((await home.json<{ findings: { code: string }[] }>('why')).findings[0]?.code).toMatch(/^pending/);
  });

  test('a queue that there is not, and a system that is down', async () => {
    const refused = await home.run([
      'start',
      '--launcher',
      launcher,
      ...options,
      '-n',
      '2',
      '-d',
      '--queue',
      'nosuch',
    ]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/There is no queue of that name\. The scheduler did not take the job/),
    ]);
    expect(home.processes()).toEqual([]);
  });
});

describe('a submit that goes wrong on the way', () => {
  let home: Home;
  let scheduler: FakeScheduler;

  beforeAll(() => {
    home = new Home();
    scheduler = new FakeScheduler('openpbs');
    home.env['PATH'] = scheduler.path;
  });

  afterAll(async () => {
    await home.run(['stop']);
    await home.leave();
    scheduler.remove();
  });

  test('a banner before the id is no id', async () => {
    scheduler.behave({ banner: { qsub: '*** 20261121: welcome, 12 nodes are down ***\n' } });
    expect(await home.json('start', '--launcher', 'pbs', '-n', '2', '-d')).toMatchObject({ engines: 2 });
    expect(await home.json('stop')).toMatchObject({ orderly: true });
  });

  test(
    'a profile’s template and directives, wrappers and surroundings are used, in ' + 'their order',
    async () => {
      scheduler.behave({});
      const trace = join(home.folder, 'trace');
      const wrapper = join(home.folder, 'wrap');
      writeFileSync(wrapper, `#!/bin/sh\necho "wrapped $1" >>${trace}\nexec "$@"\n`);
      chmodSync(wrapper, 0o755);
      execFileSync('mkdir', ['-p', home.path()]);
      writeFileSync(
        home.path('ipcluster_config.yaml'),
        [
          `prologue:\n  - echo "prologue $GREETING" >>${trace}`,
          `epilogue:\n  - echo epilogue >>${trace}`,
          'environment: {GREETING: "it\'s me"}',
          `engineWrapper: ${wrapper}`,
          `taskWrapper: ${wrapper}`,
          'directives: {"-l walltime": "00:10:00"}',
          '',
        ].join('\n'),
      );
      const { files } = await home.json<{ files: string[] }>('script', '--eject', 'pbs');
      const own = files.find((file) => file.endsWith('pbs/job.sh.hbs')) as string;
      writeFileSync(
        own,
        readFileSync(own, 'utf8').replace('#!/bin/bash\n', `#!/bin/bash\n# changed by me\n`),
      );
      expect(await home.json('start', '--launcher', 'pbs', '-n', '1', '-d')).toMatchObject({ engines: 1 });
      await home.run(['map', '--', 'echo', '{}', ':::', 'a']);
      const script = execFileSync('/bin/sh', ['-c', `cat ${home.path('default/jobs')}/*-engines/job.sh`], {
        encoding: 'utf8',
      });
      expect(script).toContain('# changed by me');
      expect(script).toContain('#PBS -l walltime=00:10:00\n');
      await home.run(['stop']);
      await until(
        'the epilogue',
        () => existsSync(trace) && readFileSync(trace, 'utf8').includes('epilogue'),
      );
      expect(readFileSync(trace, 'utf8').trim().split('\n')).toEqual([
        "prologue it's me",
        expect.stringMatching(/^wrapped .*node$/),
        'wrapped echo',
        'epilogue',
      ]);
    },
  );
});

describe.skipIf(process.getuid?.() !== 0)('real Grid Engine (needs root for its daemons)', () => {
  let home: Home;
  const bed = (verb: string, ...args: string[]): string =>
    execFileSync(resolve('test/beds/gridengine', verb), args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const qstat = (): string => bed('enter', '/usr/bin/qstat', '-u', '*').trim();

  /** Runs `ipcluster` on the head, as an ordinary user. */
  function onHead(...args: string[]): string {
    const variables = Object.entries({
      HOME: home.folder,
      IPYTHONDIR: join(home.folder, 'ipython'),
      USER: 'hpc',
    }).map(([key, value]) => `${key}=${value}`);
    return bed(
      'enter',
      '-u',
      'hpc',
      '/usr/bin/env',
      ...variables,
      process.execPath,
      resolve('bin/ipcluster'),
      ...args,
    );
  }

  beforeAll(() => {
    bed('up');
    home = new Home('hpc', '/var/tmp');
  }, 180_000);

  afterAll(async () => {
    onHead('kill');
    await home.leave();
    bed('down');
  });

  test('8 engines on two hosts of their own network, by the port; an empty queue afterwards', async () => {
    const started = JSON.parse(onHead('start', '--launcher', 'sge', '-n', '8', '-d', '--json')) as {
      engines: number;
    };
    expect(started.engines).toBe(8);
    const hosts = onHead('exec', 'require("os").hostname()')
      .trim()
      .split('\n')
      .map((line) => line.replace(/^\[\d+\] /, ''));
    expect(hosts).toHaveLength(8);
    for (const host of hosts) expect(host).toMatch(/^'?sge[12]'?$/);
    expect(JSON.parse(onHead('stop', '--json'))).toMatchObject({ orderly: true });
    await until('an empty queue', () => qstat() === '', 30_000);
  });

  test('as a gang in a parallel environment: one supervisor for each host', async () => {
    const args = ['start', '--launcher', 'sge', '-n', '8', '--shape', 'gang', '-o', 'pe=mpi', '-d', '--json'];
    expect(JSON.parse(onHead(...args))).toMatchObject({ engines: 8 });
    const { engines } = JSON.parse(onHead('status', '--json')) as ClusterStatus;
    expect(new Set(engines.map(({ host }) => host))).toEqual(new Set(['sge1', 'sge2']));
    expect(new Set(engines.map(({ supervisor }) => supervisor)).size).toBe(2);
    onHead('stop');
    await until('an empty queue', () => qstat() === '', 30_000);
  });
});

test('LSF: the end that bmod moves is known within a minute, what words after -- asked for ' +
  'is read back', async () => {
  const home = new Home();
  const scheduler = new FakeScheduler('lsf');
  home.env['PATH'] = scheduler.path;
  try {
    const { stderr } = await home.run([
      'start',
      '--launcher',
      'lsf',
      '-n',
      '1',
      '-d',
      '--',
      '-W',
      '0:30',
      '-P',
      'proj7',
      '-q',
      'short',
    ]);
    expect(stderr).toContain(
      'As the scheduler has taken it: account proj7, queue short, it ends after 30m 00s.',
    );
    const left = async () => {
      const { engines } = await home.json<ClusterStatus>('status');
      return (Date.parse(engines[0]?.deadline ?? '') - Date.now()) / 60_000;
    };
    await until('the end that LSF has', async () => (await left()) < 31, 60_000);
    execFileSync('bmod', ['-W', '0:10', '1'], { env: { ...process.env, PATH: scheduler.path } });
    await until('the end as it was moved', async () => (await left()) < 11, 60_000);
  } finally {
    await home.run(['stop']);
    await home.leave();
    scheduler.remove();
  }
}, 150_000);

test('a launcher from outside this package, with a template of its own, starts engines', async () => {
  const home = new Home();
  const scheduler = new FakeScheduler('lsf');
  home.env['PATH'] = scheduler.path;
  const folder = mkdtempSync(join(tmpdir(), 'ipcluster-own-'));
  try {
    const launcher = resolve('test/conformance/throw-away.mjs');
    expect(await home.json('start', '--launcher', launcher, '-n', '2', '-d')).toMatchObject({ engines: 2 });
    expect(await home.json('stop')).toMatchObject({ orderly: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await home.leave();
    scheduler.remove();
  }
});
