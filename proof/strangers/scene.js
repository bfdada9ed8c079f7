// Two ordinary users of one machine: whose cluster it is, and a stranger who wants in. Needs root, to become
// both.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
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
import { packageFor } from '../bed.js';

/** The ids of a user, who is made when there is none. */
function userNamed(name) {
  if (spawnSync('id', ['-u', name]).status !== 0) execFileSync('useradd', ['-M', '-s', '/bin/bash', name]);
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8' })),
  );
  return { uid, gid };
}

export const owner = userNamed('ipc-owner');
const stranger = userNamed('ipc-stranger');

/** Words that belong into no sentence for people. */
const ugly =
  /\bat \S+ \(.*:\d+:\d+\)|TypeError|undefined|\[object|\b(EACCES|EPERM|ENOTDIR|ELOOP|EEXIST|EISDIR|ENXIO|ENOTEMPTY): |INTERNAL|Please report/;

/** What the owner holds dear; the stranger may neither read nor change it. */
const thesis = { 'data/results.txt': 'three years of work\n', 'draft.tex': 'almost done\n' };

export class Scene {
  constructor() {
    this.folder = mkdtempSync('/var/tmp/ipcluster-strangers-');
    chmodSync(this.folder, 0o755);
    this.home = this.#make('home', owner, 0o700);
    /** Folders of the machine that all may write into: with the sticky bit, and without. */
    this.sticky = this.#make('scratch', { uid: 0, gid: 0 }, 0o1777);
    this.open = this.#make('open', { uid: 0, gid: 0 }, 0o777);
    this.lair = this.#make('lair', stranger, 0o777);
    this.thesis = join(this.home, 'thesis');
    mkdirSync(join(this.thesis, 'data'), { recursive: true });
    for (const [name, text] of Object.entries(thesis)) writeFileSync(join(this.thesis, name), text);
    execFileSync('chown', ['-R', `${owner.uid}:${owner.gid}`, this.home]);
    this.env = {
      PATH: process.env.PATH,
      LANG: 'C.UTF-8',
      HOME: this.home,
      IPYTHONDIR: join(this.home, 'ipython'),
    };
    this.said = [];
    this.problems = [];
    this.strangers = [];
  }

  #make(name, { uid, gid }, mode) {
    const path = join(this.folder, name);
    mkdirSync(path);
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    return path;
  }

  wrong(problem) {
    this.problems.push(problem);
  }

  /**
   * Runs `ipcluster` as the owner, at most a minute; `inside` are words that put it elsewhere (unshare …).
   */
  ipcluster(...args) {
    return this.run([process.execPath, join(packageFor(owner), 'bin/ipcluster'), ...args], args[0]);
  }

  async run(argv, name = argv[0]) {
    const child = spawn(argv[0], argv.slice(1), { env: this.env, cwd: this.home, ...owner });
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    child.stdin.end();
    const code = await new Promise((done) => child.once('close', done));
    clearTimeout(timer);
    if (code === null) this.wrong(`${name} did not end in a minute`);
    if (ugly.test(text)) this.wrong(`${name} says what nobody understands: ${text.slice(0, 300)}`);
    if (code !== 0) this.said.push(`${name} ${code}: ${text.trim().split('\n')[0]}`);
    return { code, text };
  }

  /** Runs a function of plain Node as the stranger, with what it is given; answers what it answers. */
  asStranger(action, given = {}) {
    const { child, answer } = this.#stranger(action, given);
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
    return answer.finally(() => clearTimeout(timer));
  }

  /** The same, for one that stays: its end comes with the scene's, or with `stop`. */
  letStranger(action, given = {}) {
    const { child, answer, ready } = this.#stranger(action, given);
    this.strangers.push(child);
    const stop = () => {
      child.stdin.end();
      return answer;
    };
    return { ready, stop };
  }

  #stranger(action, given) {
    const source = `const given = ${JSON.stringify(given)}; const fs = require('fs'), path = require('path'), net = require('net');
      const ended = new Promise((done) => process.stdin.on('end', done).resume());
      const ready = () => process.stderr.write('ready');
      (${action})(given, { fs, path, net, ended, ready }).then((answer) => { console.log(JSON.stringify(answer ?? null)); process.exit(0); });`;
    const child = spawn(process.execPath, ['-e', source], {
      ...stranger,
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
    });
    const [out, wrong] = [[], []];
    child.stdout.on('data', (chunk) => out.push(chunk));
    const ready = new Promise((done) =>
      child.stderr.on('data', (chunk) => {
        wrong.push(chunk);
        done();
      }),
    );
    const answer = new Promise((done) =>
      child.once('close', () =>
        done(
          out.length > 0 ? JSON.parse(String(Buffer.concat(out))) : { failed: String(Buffer.concat(wrong)) },
        ),
      ),
    );
    return { child, answer, ready };
  }

  /** Names of ours, whoever made them, in the places where all may write. */
  traces() {
    const list = (folder, pattern) =>
      readdirSync(folder)
        .filter((name) => pattern.test(name))
        .map((name) => join(folder, name));
    return ['/tmp', '/dev/shm'].flatMap((folder) => list(folder, new RegExp(`^ipcluster-${owner.uid}(-|$)`)));
  }

  /** Living processes of the owner; a zombie waits for its parent, and is none. */
  pids() {
    const { stdout } = spawnSync('ps', ['-o', 'pid=,stat=', '-u', String(owner.uid)], { encoding: 'utf8' });
    return stdout
      .split('\n')
      .flatMap((line) => (/^\s*(\d+)\s+[^ZX\s]/.exec(line) ? [Number.parseInt(line, 10)] : []));
  }

  /**
   * As after the machine went down: no process, nothing in /tmp and /dev/shm; answers the names that had been
   * there.
   */
  reboot() {
    // Ends all of them at once: one by one, a supervisor starts an engine anew meanwhile.
    spawnSync('pkill', ['-KILL', '-u', String(owner.uid)]);
    const names = this.traces();
    for (const name of names) rmSync(name, { recursive: true, force: true });
    return names;
  }

  /** A day's work of the owner: all of it must go as if nobody else were there. */
  async work(...args) {
    await this.#must(['start', '-n', '1', '-d', ...args], /1 engines? |engine 0|registered|ready|started/i);
    await this.#must(['exec', '6 * 7', ...where(args)], /42/);
    const source = `import { Client } from '${packageFor(owner)}/dist/index.js'; const client = await Client.connect();
      for (let round = 0; round < 5; round++) { const sent = new Float64Array(300_000).fill(round + 0.5); await client.direct('all').push({ sent });
        const sum = await client.direct(client.ids[0]).apply((name) => globalThis[name].reduce((a, b) => a + b, 0), 'sent'); if (sum !== 300_000 * (round + 0.5)) throw new Error('replaced: ' + sum); }
      await client.close(); console.log('pushed');`;
    const { text } = await this.run([process.execPath, '--input-type=module', '-e', source], 'push');
    if (!/pushed/.test(text)) this.wrong(`push: ${text.slice(0, 300)}`);
    await this.tidy(...where(args));
  }

  /** The commands that put away. */
  async tidy(...args) {
    for (const command of ['stop', 'clean', 'nuke']) await this.#must([command, ...args], /./);
  }

  async #must(args, pattern) {
    const { code, text } = await this.ipcluster(...args);
    if (code !== 0 || !pattern.test(text))
      this.wrong(`${args.join(' ')} ends with ${code}: ${text.slice(0, 300)}`);
  }

  /** A start that must be refused with a sentence, before anything is there. */
  async refused(args, pattern) {
    const { code, text } = await this.ipcluster('start', '-n', '1', '-d', ...args);
    if (code !== 2 || !pattern.test(text))
      this.wrong(
        `start ${args.join(' ')} ends with ${code} and not with 2 and ${pattern}: ${text.slice(0, 300)}`,
      );
    if (this.pids().length > 0) this.wrong('processes were started');
  }

  /** What must hold whatever was done; ends everything and removes it. */
  async end() {
    for (const child of this.strangers) child.kill('SIGKILL');
    for (const [name, text] of Object.entries(thesis))
      if (!existsSync(join(this.thesis, name)) || readFileSync(join(this.thesis, name), 'utf8') !== text)
        this.wrong(`the owner's ${name} was harmed`);
    for (const name of ['pwned', 'stolen', 'read'])
      if (existsSync(join(this.lair, name)))
        this.wrong(`${name}: ${readFileSync(join(this.lair, name), 'utf8').slice(0, 200)}`);
    const left = this.pids();
    if (left.length > 0) this.wrong(`${left.length} processes are left`);
    this.reboot();
    // What he has put where all may write.
    for (const folder of ['/tmp', '/dev/shm'])
      spawnSync('find', [
        folder,
        '-maxdepth',
        '1',
        '-uid',
        String(stranger.uid),
        '-exec',
        'rm',
        '-rf',
        '{}',
        '+',
      ]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Words that say which cluster is meant, of those of a start. */
const where = (args) => args.flatMap((word, index) => (word === '--work-dir' ? [word, args[index + 1]] : []));
