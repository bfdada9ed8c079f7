import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionFile } from '../../src/profile/connection-file.js';
import { Home, until } from '../helpers.js';

/*
 * Another user of this machine takes names of ours before we do. Both are real: he is the uid of "nobody",
 * the victim an ordinary user, so that nothing holds because we are root.
 */
const nobody = 65_534;
const victim = 'hpc';

/** What the other user does, in words of sh. */
const asStranger = (script: string): string =>
  execFileSync('/bin/sh', ['-c', script], { uid: nobody, gid: nobody, cwd: '/', encoding: 'utf8' });

describe.skipIf(process.getuid?.() !== 0 || !existsSync('/dev/shm'))(
  'another user who was there before us',
  () => {
    let home: Home;
    /** A place where everybody makes folders: /tmp and scratch of a machine of its own. */
    let shared: string;
    let env: NodeJS.ProcessEnv;
    const ours = (name: string): string => `ipcluster-${home.user?.uid}${name}`;
    const inMemory = (end: string): string => {
      const owner = createHash('sha256').update(`${home.path()}##`).digest('hex').slice(0, 8);
      return join('/dev/shm', ours(`-${owner}-${end}`));
    };
    const connection = (): ConnectionFile =>
      JSON.parse(readFileSync(home.path('security', 'ipcontroller-client.json'), 'utf8')) as ConnectionFile;
    const succeed = async (...args: string[]): Promise<void> => {
      const { code, stderr } = await home.run(args, { env });
      expect(code, `${args.join(' ')}: ${stderr}`).toBe(0);
    };

    beforeAll(() => {
      execFileSync('/bin/bash', ['-c', `. test/beds/packages.sh; need_users ${victim}`]);
      home = new Home(victim);
      shared = mkdtempSync('/var/tmp/ipcluster-shared-');
      chmodSync(shared, 0o1777);
      env = { TMPDIR: shared };
    });
    afterEach(() => {
      for (const name of readdirSync('/dev/shm').filter((each) => each.startsWith(ours('-'))))
        rmSync(join('/dev/shm', name), { recursive: true, force: true });
      for (const name of readdirSync(shared)) rmSync(join(shared, name), { recursive: true, force: true });
    });
    afterAll(async () => {
      rmSync(shared, { recursive: true, force: true });
      await home.leave();
    });

    test(
      'his folders stop nothing, nothing of ours is in them, and nothing behind his ' + 'links is removed',
      async () => {
        const thesis = join(home.folder, 'thesis', 'data');
        mkdirSync(thesis, { recursive: true });
        writeFileSync(join(thesis, 'results.txt'), 'years of work');
        execFileSync('chown', ['-R', victim, join(home.folder, 'thesis')]);
        const [swapped, denied, link] = ['zzzzzz', 'deny', 'link'].map(inMemory) as [string, string, string];
        asStranger(`
      mkdir -m 777 ${swapped} ${swapped}/d ${swapped}/d/thesis; touch ${swapped}/d/thesis/x
      for n in $(seq 500); do : >${swapped}/d/$n; done
      mkdir -m 755 ${denied}; touch ${denied}/x; ln -s ${home.folder} ${link}
      mkdir -m 777 ${shared}/${ours('')}`);
        const racer = spawn(
          '/bin/sh',
          [
            '-c',
            `while :; do mv ${swapped}/d ${swapped}/e && ln -s ${home.folder} ${swapped}/d; rm ` +
              `${swapped}/d; mv ${swapped}/e ${swapped}/d; done 2>/dev/null`,
          ],
          { uid: nobody, gid: nobody, cwd: '/', stdio: 'ignore' },
        );
        try {
          await succeed('start', '-n', '1', '-d', '--work-dir', shared);
          expect(connection().memory).not.toBe('');
          expect(connection().socket).toMatch(new RegExp(`^${shared}/${ours('-')}.{6}/`));
          // Where its jobs lie is the cluster's, whoever asks.
          await succeed('engines', 'add', '-n', '1');
          expect(readdirSync(join(shared, 'default', 'jobs'))).toHaveLength(3);
          expect(existsSync(home.path('default'))).toBe(false);
          await succeed('exec', 'process.pid');
          await succeed('stop');
          for (const command of ['clean', 'nuke']) await succeed(command);
        } finally {
          racer.kill('SIGKILL');
        }
        expect(readFileSync(join(thesis, 'results.txt'), 'utf8')).toBe('years of work');
        expect(readdirSync(denied)).toEqual(['x']);
        expect(readdirSync(join(shared, ours('')))).toEqual([]);
        expect(readdirSync(shared).filter((name) => name.startsWith(ours('-')))).toEqual([]);
      },
    );

    test('a folder in memory that he made again after a reboot is not used', async () => {
      await succeed('start', '-n', '1', '-d');
      const { memory } = connection();
      for (const { pid } of home.processes()) process.kill(pid, 'SIGKILL');
      await until('all is gone', () => home.processes().length === 0);
      rmSync(memory, { recursive: true });
      asStranger(`mkdir -m 777 ${memory}`);
      await succeed('start', '-n', '1', '-d', '--reuse');
      expect(connection().memory).not.toBe(memory);
      await succeed('exec', '1');
      await succeed('stop');
      expect(readdirSync(memory)).toEqual([]);
    });

    test(
      'a work folder in which he was first, or that anybody can write, is refused before ' +
        'anything is started',
      async () => {
        asStranger(
          `mkdir -p -m 777 ${shared}/default && mkdir -m 777 ${shared}/default/jobs; mkdir -m 700 ` +
            `${shared}/his; ln -s ${shared}/his ${shared}/link`,
        );
        const open = join(home.folder, 'open');
        mkdirSync(open);
        chownSync(open, home.user?.uid ?? 0, home.user?.gid ?? 0);
        chmodSync(open, 0o777);
        const places: [string, RegExp][] = [
          [shared, /default belongs to another user \(uid 65534\)/],
          [join(shared, 'his'), /his belongs to another user/],
          [join(shared, 'link'), /link belongs to another user/],
          [open, /open can be written by everybody[\s\S]*chmod o-w/],
          ['/dev/null', /null is no folder/],
        ];
        for (const [place, sentence] of places) {
          const { code, stderr } = await home.run(['start', '-n', '1', '-d', '--work-dir', place], { env });
          expect([code, stderr], place).toEqual([2, expect.stringMatching(sentence)]);
        }
        expect(home.processes()).toEqual([]);
        expect(readdirSync(join(shared, 'default', 'jobs'))).toEqual([]);
        expect(readdirSync(open)).toEqual([]);
      },
    );

    test('settings that are a pipe, endless, or in a folder of everybody’s are refused at once', async () => {
      const settings = home.path('ipcluster_config.yaml');
      mkdirSync(home.path(), { recursive: true });
      execFileSync('chown', ['-R', `${victim}:`, join(home.folder, 'ipython')]);
      for (const make of [`mkfifo ${settings}`, `ln -s /dev/zero ${settings}`, `mkdir ${settings}`]) {
        execFileSync('/bin/sh', ['-c', make], home.user);
        const { code, stderr } = await home.run(['config', 'show'], { env });
        expect([code, stderr], make).toEqual([2, expect.stringMatching(/it is no file of text/)]);
        rmSync(settings, { recursive: true });
      }
      chmodSync(home.path(), 0o777);
      writeFileSync(settings, 'launcher: /tmp/his.mjs\n');
      chownSync(settings, nobody, nobody);
      const { code, stderr } = await home.run(['start', '-n', '1', '-d'], { env });
      expect([code, stderr]).toEqual([2, expect.stringMatching(/can be written by everybody/)]);
      chmodSync(home.path(), 0o755);
      const his = await home.run(['config', 'show'], { env });
      expect([his.code, his.stderr]).toEqual([2, expect.stringMatching(/belongs to another user/)]);
      rmSync(settings);
    });

    test('a temporary folder whose name is too long for a socket is passed over', async () => {
      const long = join(shared, 'x'.repeat(110));
      mkdirSync(long);
      chmodSync(long, 0o1777);
      env = { TMPDIR: long };
      await succeed('start', '-n', '1', '-d');
      expect(connection().socket).toMatch(new RegExp(`^/tmp/${ours('')}`));
      await succeed('exec', '1');
      await succeed('stop');
      expect(readdirSync(long)).toEqual([]);
    });
  },
);
