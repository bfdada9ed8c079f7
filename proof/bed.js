// A cluster in a profile folder of its own, for the proofs, and ways to look at its processes from outside.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '../dist/index.js';

const root = resolve(fileURLToPath(import.meta.url), '../..');

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

let installed;

/** Where an ordinary user can read this package: here, or a copy, where the checkout is closed to others. */
export function packageFor(user) {
  if (installed) return installed;
  installed = root;
  if (spawnSync('test', ['-r', join(root, 'dist/programs/ipcluster.js')], user).status === 0) return root;
  installed = mkdtempSync('/var/tmp/ipcluster-proof-package-');
  for (const name of ['bin', 'dist', 'templates', 'package.json', 'node_modules'])
    cpSync(join(root, name), join(installed, name), { recursive: true });
  execFileSync('chmod', ['-R', 'a+rX', installed]);
  process.once('exit', () => rmSync(installed, { recursive: true, force: true }));
  return installed;
}

/** Resident bytes of a process; 0 when it is gone. */
export function memoryOf(pid) {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Processor time of a process so far, in seconds. */
export function cpuOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Waits until something is so; answers whether it came to be. */
export async function until(probe, timeout = 10_000) {
  for (const end = performance.now() + timeout; performance.now() < end; await sleep(50))
    if (await probe()) return true;
  return false;
}

/** A profile folder, and clusters in it. */
export class Bed {
  constructor(name) {
    this.folder = mkdtempSync(join(tmpdir(), `ipcluster-proof-${name}-`));
    this.env = { ...process.env, IPYTHONDIR: this.folder, HOME: this.folder };
    for (const variable of ['IPP_PROFILE_DIR', 'IPP_CLUSTER_ID', 'IPCLUSTER_WORK_DIR', 'NODE_OPTIONS'])
      delete this.env[variable];
  }

  /** Starts a cluster there and connects to it. */
  static async start(name, { n = 2, args = [], env = {}, reconnect = undefined } = {}) {
    const bed = new Bed(name);
    Object.assign(bed.env, env);
    await bed.start(n, args, reconnect);
    return bed;
  }

  async start(n, args = [], reconnect = undefined) {
    const { code, text } = await this.run('start', '-n', String(n), '-d', ...args);
    if (code !== 0) throw new Error(text);
    this.client = await this.connect(reconnect);
  }

  connect(reconnect) {
    const file = this.path('security', 'ipcontroller-client.json');
    return Client.connect({ file, ...(reconnect === undefined ? {} : { reconnect }) });
  }

  path(...names) {
    return join(this.folder, 'profile_default', ...names);
  }

  /** Starts `ipcluster`; the caller sees to its end. */
  spawn(...args) {
    return spawn(process.execPath, [join(root, 'bin/ipcluster'), ...args], {
      env: this.env,
      cwd: this.folder,
    });
  }

  /** Runs `ipcluster` to its end, at most a minute. */
  async run(...args) {
    const child = this.spawn(...args);
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.stderr.on('data', (chunk) => (text += chunk));
    const code = await new Promise((done) => child.once('close', done));
    clearTimeout(timer);
    return { code, text };
  }

  /** Living processes that carry a mark of this folder. */
  processes() {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const mark = readFileSync(`/proc/${pid}/environ`, 'utf8')
            .split('\0')
            .find((entry) => entry.startsWith(`IPCLUSTER_MARK=${this.folder}`));
          const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
          if (!mark || /^\) [ZX]/.test(stat.slice(stat.lastIndexOf(')')))) return [];
          const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
          return [{ pid: Number(pid), command }];
        } catch {
          return [];
        }
      });
  }

  pidsOf(program) {
    return this.processes().flatMap(({ pid, command }) =>
      command.includes(`programs/${program}.`) ? [pid] : [],
    );
  }

  pidOf(program) {
    return this.pidsOf(program)[0] ?? -1;
  }

  /** Ends everything and removes the folder; answers how many processes had been there. */
  async end() {
    await this.client?.close().catch(() => {});
    await this.run('nuke');
    const left = this.processes();
    for (const { pid } of left) process.kill(pid, 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
    return left.length;
  }
}

/** The commit that is measured, and the day. */
export function provenance() {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: root,
    encoding: 'utf8',
  }).trim();
  return `${new Date().toISOString().slice(0, 10)}, commit ${commit}, Node ${process.version}`;
}
