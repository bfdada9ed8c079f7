// What each kind of fault does to the world of a round. All of them are undone after their time; `pids` are
// the processes that were hit.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { now } from './world.js';

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/**
 * Plays a fault; answers what became of it: `{ kind, role, pids, begin, end }` in milliseconds of the
 * journals' clock.
 */
export async function play(fault, round) {
  const [verb, ...rest] = fault.kind.split(' ');
  const act = {
    kill: signal('SIGKILL'),
    term: signal('SIGTERM'),
    stop,
    limit,
    delete: remove,
    fill,
    'read-only': readOnly,
    clock: jump,
    cut: network('cut'),
    stall: network('stall'),
    slow: network('slow'),
  }[verb];
  const role = fault.role ?? rest[0];
  const done = { kind: fault.kind, role, pids: [], begin: now(), end: Infinity };
  round.played.push(done);
  await act(round, { ...fault, role, rest: rest.join(' ') }, done);
  done.end = now();
}

/**
 * One process of that role, by the share that the fault names. With an engine its supervisor is written down:
 * what was on its way to the engine runs on the one that is started in its place.
 */
function victim({ world }, { role, pick }, done) {
  const all = world.processes().filter((one) => one.role === role && !one.stopped);
  const hit = all[Math.floor(pick * all.length)];
  if (hit) done.pids.push(hit.pid, ...(role === 'engine' ? [hit.parent] : []));
  return hit?.pid;
}

function send(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

function signal(name) {
  return async (round, fault, done) => {
    const pid = victim(round, fault, done);
    if (pid === undefined) return;
    send(pid, name);
  };
}

async function stop(round, fault, done) {
  const pid = victim(round, fault, done);
  if (pid === undefined) return;
  send(pid, 'SIGSTOP');
  await Promise.race([sleep(fault.for), round.quiet]);
  send(pid, 'SIGCONT');
}

/** Limits as they are for everything in this world before somebody changes them. */
const usual = { nofile: '65536:65536', nproc: 'unlimited:unlimited', fsize: 'unlimited:unlimited' };

function prlimit(pid, name, value) {
  try {
    execFileSync('prlimit', [`--pid=${pid}`, `--${name}=${value}`], { stdio: 'ignore' });
  } catch {
    // It has ended.
  }
}

/** A limit on a live process, taken back from everything that may have inherited it. */
async function limit(round, fault, done) {
  const name = { descriptors: 'nofile', processes: 'nproc', 'file sizes': 'fsize' }[fault.rest];
  const pid = victim(round, fault, done);
  if (pid === undefined) return;
  const value = { nofile: fault.strict ? 3 : openFiles(pid) + 1, nproc: 1, fsize: fault.strict ? 0 : 65_536 }[
    name
  ];
  prlimit(pid, name, `${value}:`);
  await Promise.race([sleep(fault.for), round.quiet]);
  for (const { pid: each } of round.world.processes()) prlimit(each, name, usual[name]);
}

const openFiles = (pid) => {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 3;
  }
};

/** The disk of workDir is filled to its last block. */
async function fill({ world, quiet }, fault) {
  const path = join(world.work, `filler-${fault.at}`);
  try {
    const descriptor = openSync(path, 'w');
    try {
      for (const size of [1 << 20, 4096]) for (;;) if (!wrote(descriptor, size)) break;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // It was full, or cannot be written, before.
  }
  await Promise.race([sleep(fault.for), quiet]);
  rmSync(path, { force: true });
}

function wrote(descriptor, size) {
  try {
    return writeSync(descriptor, Buffer.alloc(size)) === size;
  } catch {
    return false;
  }
}

/**
 * The disk lets nobody write any more, as after an error of its hardware; files that are open for writing
 * too.
 */
async function readOnly({ world, quiet }, fault) {
  const remount = (how) => {
    try {
      execFileSync('mount', ['-o', `remount,${how}`, world.work], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };
  // A disk with files that are open for writing cannot be made read-only: then it has no room instead, for
  // not even one file.
  if (!remount('ro')) remount('size=4k,nr_inodes=1');
  await Promise.race([sleep(fault.for), quiet]);
  remount('rw');
}

/** The clock of the supervisor that was started by hand, and of its engines. */
async function jump({ world }, { pick }) {
  writeFileSync(world.clock, `${pick < 0.5 ? '-' : '+'}${1 + Math.floor(pick * 10)}d\n`);
}

function network(mode) {
  return async ({ cluster, quiet, world }, fault, done) => {
    done.pids.push(
      ...world
        .processes()
        .filter(({ command }) => command.includes('--controller-port'))
        .map(({ pid }) => pid),
    );
    cluster.proxy.become(mode);
    await Promise.race([sleep(fault.for), quiet]);
    cluster.proxy.become('well');
  };
}

/** What a cleaner of temporary files, or a user, may delete. */
async function remove({ world, cluster }, { rest }) {
  const within = (folder, pattern) => {
    const all = (() => {
      try {
        return readdirSync(folder, { recursive: true });
      } catch {
        return [];
      }
    })();
    return all
      .map(String)
      .filter((name) => pattern.test(name))
      .map((name) => join(folder, name));
  };
  const paths = {
    'connection files': () => within(cluster.security, /-(client|engine)\.json$/),
    'registered file': () => within(world.work, /registered\.json$/),
    sockets: () => within('/tmp', /\.sock$/),
    'memory files': () => within('/dev/shm', /ipcluster/),
    logs: () => within(world.work, /(\.log|stdout|stderr)$/),
    key: () => within(cluster.security, /-key\.json$/),
    'write-ahead log': () => within(world.work, /-wal$/),
  }[rest]();
  for (const path of paths) rmSync(path, { recursive: true, force: true });
}
