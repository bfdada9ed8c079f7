// The world of one round, as the first program of name spaces of its own (mounts, processes, network):
// nothing that happens here is felt by another round, and all of it is gone with the last process. Root makes
// it; everything in it is an ordinary user's.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const base = '/mnt';
const fakeTime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

/** What a round is made of: `folder` is the package that is tried. */
export class World {
  constructor({ folder, proofs, seed, disk }) {
    this.uid = 61_000 + (seed % 1000);
    this.home = join(base, 'home');
    this.work = join(base, 'work');
    this.journal = join(base, 'journal');
    this.package = join(base, 'package');
    this.proofs = join(base, 'chaos');
    this.clock = join(base, 'clock');
    mount('tmpfs', base, 'size=2g,mode=755');
    for (const name of ['home', 'work', 'journal', 'package', 'chaos', 'logs']) mkdirSync(join(base, name));
    execFileSync('mount', ['--bind', folder, this.package]);
    execFileSync('mount', ['--bind', proofs, this.proofs]);
    mount('tmpfs', '/tmp', 'size=512m,mode=1777');
    mount('tmpfs', '/dev/shm', 'size=1g,mode=1777');
    mount('tmpfs', this.work, `size=${disk}m,mode=700,uid=${this.uid}`);
    for (const name of ['home', 'journal', 'logs']) this.own(join(base, name));
    writeFileSync(this.clock, '+0d\n');
    chmodSync(this.clock, 0o644);
    // An entry for the user, who is nobody elsewhere.
    writeFileSync(
      join(base, 'passwd'),
      `${readFileSync('/etc/passwd', 'utf8')}chaos:x:${this.uid}:${this.uid}::${this.home}:/bin/sh\n`,
    );
    execFileSync('mount', ['--bind', join(base, 'passwd'), '/etc/passwd']);
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    const { PATH, LANG = 'C.UTF-8' } = process.env;
    this.env = {
      PATH,
      LANG,
      SHELL: '/bin/sh',
      HOME: this.home,
      IPYTHONDIR: join(this.home, 'ipython'),
      IPCLUSTER_WORK_DIR: this.work,
    };
  }

  growDisk() {
    execFileSync('mount', ['-o', 'remount,size=1g', this.work]);
  }

  own(path) {
    chownSync(path, this.uid, this.uid);
  }

  /**
   * Variables that set a program's clock: by a fixed shift such as `-8d`, or as the file of the world's clock
   * says.
   */
  clockOf(shift) {
    if (!existsSync(fakeTime)) return {};
    const steady = {
      LD_PRELOAD: fakeTime,
      FAKETIME_DISABLE_SHM: '1',
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    return shift === 'jumps'
      ? { ...steady, FAKETIME_TIMESTAMP_FILE: this.clock, FAKETIME_NO_CACHE: '1' }
      : { ...steady, FAKETIME: shift };
  }

  /** Starts one of our programs as the user. */
  spawn(argv, env = {}, stdio = /** @type {any} */ ('pipe')) {
    return spawn(process.execPath, argv, {
      env: { ...this.env, ...env },
      cwd: this.home,
      uid: this.uid,
      gid: this.uid,
      stdio,
    });
  }

  /** The user's living processes, oldest first. */
  processes() {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          const [status, command] = ['status', 'cmdline'].map((file) =>
            readFileSync(`/proc/${name}/${file}`, 'utf8'),
          );
          if (!status.includes(`\nUid:\t${this.uid}\t`) || /\nState:\t[ZX]/.test(status)) return [];
          const parent = Number(/\nPPid:\t(\d+)/.exec(status)?.[1]);
          return [
            {
              pid: Number(name),
              parent,
              command: command.replaceAll('\0', ' ').trim(),
              role: roleOf(command),
              stopped: /\nState:\tT/.test(status),
            },
          ];
        } catch {
          return [];
        }
      })
      .sort((a, b) => a.pid - b.pid);
  }

  /** What a round leaves in a file system: files that must be gone after `stop`. */
  remains() {
    const all = [this.home, '/tmp', '/dev/shm', this.work].flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) =>
        join(entry.parentPath ?? entry.path, entry.name),
      ),
    );
    return all.filter(
      (path) =>
        !path.includes('faketime') &&
        /security\/.|cluster\/.|\.sock$|\.tmp$|^\/dev\/shm\/.|registered\.json$/.test(path),
    );
  }
}

function roleOf(command) {
  const words = command.split('\0').slice(0, 8);
  const program = words.map((word) => /programs\/(\w+)\.c?js$/.exec(word)?.[1]).find(Boolean);
  if (program)
    return { ipcontroller: 'controller', ipengine: 'supervisor', engine: 'engine' }[program] ?? program;
  return words.some((word) => word.endsWith('chaos/client.js')) ? 'client' : 'other';
}

function mount(type, path, options) {
  execFileSync('mount', ['-t', type, '-o', options, 'none', path]);
}

/** Milliseconds of the clock that journals use. */
export const now = () => Number(process.hrtime.bigint() / 1_000_000n);
