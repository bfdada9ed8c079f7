// One row of the table of batch failures while it is played: an ordinary user's home, and the commands in it.
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
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFor, sleep, until } from '../bed.js';

const root = resolve(fileURLToPath(import.meta.url), '../../..');
const numberOf = (flag) => Number(execFileSync('id', [flag, 'hpc'], { encoding: 'utf8' }));

export const bed = (name, verb, ...args) =>
  execFileSync(join(root, 'test/beds', name, verb), args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Jobs that Slurm lists for the user: `id state name`. */
export const queue = () =>
  spawnSync('squeue', ['-h', '-u', 'hpc', '-o', '%A %T %j'], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n')
    .filter((line) => line && !line.endsWith(' plain'));

export class Scene {
  constructor({ onHead = false } = {}) {
    this.user = { uid: numberOf('-u'), gid: numberOf('-g') };
    this.root = packageFor(this.user);
    this.onHead = onHead;
    this.folder = mkdtempSync(join(onHead ? '/var/tmp' : tmpdir(), 'ipcluster-proof-batch-'));
    this.bin = join(this.folder, 'bin');
    mkdirSync(this.bin);
    chmodSync(this.folder, 0o755);
    chownSync(this.folder, this.user.uid, this.user.gid);
    this.env = {
      HOME: this.folder,
      IPYTHONDIR: join(this.folder, 'ipython'),
      USER: 'hpc',
      LOGNAME: 'hpc',
      PATH: `${this.bin}:/usr/local/bin:/usr/bin:/bin`,
    };
    this.problems = [];
    /** What `why` said at the moment that a row chose; undefined for the end.
     * @type {Awaited<ReturnType<Scene['why']>> | undefined} */
    this.chosen = undefined;
    /** The work folder, where it is not the profile's.
     * @type {string | undefined} */
    this.work = undefined;
  }

  check(what, holds) {
    if (!holds) this.problems.push(`not so: ${what}`);
  }

  /** Puts a command before the system's own; `$real` in it is the system's. */
  wrap(command, script) {
    const real = execFileSync('/bin/sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).trim();
    const path = join(this.bin, command);
    writeFileSync(path, `#!/bin/bash\nreal=${real}\n${script}\n`);
    chmodSync(path, 0o755);
  }

  unwrap(command) {
    rmSync(join(this.bin, command), { force: true });
  }

  /** Starts `ipcluster` as the user; the caller sees to its end. */
  spawn(...args) {
    const argv = [process.execPath, join(this.root, 'bin/ipcluster'), ...args];
    if (!this.onHead) return spawn(argv[0], argv.slice(1), { cwd: this.folder, env: this.env, ...this.user });
    const variables = Object.entries(this.env).map(([key, value]) => `${key}=${value}`);
    return spawn(
      join(root, 'test/beds/gridengine/enter'),
      ['-u', 'hpc', '/usr/bin/env', ...variables, ...argv],
      { cwd: this.folder },
    );
  }

  /** Runs `ipcluster` to its end, at most three minutes. */
  async run(...args) {
    const child = this.spawn(...args);
    const timer = setTimeout(() => child.kill('SIGKILL'), 180_000);
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err += chunk));
    const code = await new Promise((done) => child.once('close', done));
    clearTimeout(timer);
    return { code, out, err };
  }

  async json(...args) {
    const cut = args.indexOf('--');
    const words = cut < 0 ? [...args, '--json'] : [...args.slice(0, cut), '--json', ...args.slice(cut)];
    const { out, err } = await this.run(...words);
    try {
      return JSON.parse(out.trim().split('\n').at(-1));
    } catch {
      return { error: { code: 'NO_JSON', message: `${out} ${err}` } };
    }
  }

  start(...args) {
    return this.json('start', '--launcher', this.onHead ? 'sge' : 'slurm', '-d', ...args);
  }

  /** What `why` says: the code of its verdict, and all it found. */
  async why() {
    const { findings = [], error } = await this.json('why');
    const [verdict] = findings;
    return {
      code: verdict?.code ?? (error ? error.code : 'none'),
      sentence: verdict?.sentence ?? error?.message ?? '',
      findings,
    };
  }

  engines() {
    return this.json('status').then(({ engines = [] }) => engines.length);
  }

  /** The folder of the newest job of that kind. */
  jobFolder(kind = 'engines') {
    const jobs = join(this.work ?? join(this.folder, 'ipython/profile_default'), 'default/jobs');
    if (!existsSync(jobs)) return undefined;
    const name = readdirSync(jobs)
      .filter((one) => one.endsWith(`-${kind}`))
      .sort()
      .at(-1);
    return name && join(jobs, name);
  }

  /** Everything of this home that still runs. */
  processes() {
    const mine = (pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(this.folder);
      } catch {
        return false;
      }
    };
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && mine(name));
  }

  /** Ends what is there, as a user would; answers what is left then. */
  async end() {
    await this.run('stop');
    await until(() => this.processes().length === 0 && (this.onHead || queue().length === 0), 20_000);
    const left = this.processes().length + (this.onHead ? 0 : queue().length);
    for (const pid of this.processes()) process.kill(Number(pid), 'SIGKILL');
    await sleep(50);
    rmSync(this.folder, { recursive: true, force: true });
    return left;
  }
}
