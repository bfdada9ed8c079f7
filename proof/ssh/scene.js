// One row of the table of SSH failures while it is played: an ordinary user's home on the shared disk of the
// bed, and commands on host0.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFor, sleep, until } from '../bed.js';

export const root = resolve(fileURLToPath(import.meta.url), '../../..');
export const state = '/var/tmp/ipcluster-bed-ssh';
const numberOf = (flag) => Number(execFileSync('id', [flag, 'hpc'], { encoding: 'utf8' }));
export const bed = (verb, ...args) =>
  execFileSync(join(root, 'test/beds/ssh', verb), args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
export const host = (verb, name, ...args) => bed('host', verb, name, ...args);
const allHosts = Array.from({ length: 17 }, (_unused, index) => `host${index}`);

export class Scene {
  #undo = [];
  constructor() {
    this.user = { uid: numberOf('-u'), gid: numberOf('-g') };
    this.root = packageFor(this.user);
    this.folder = mkdtempSync(join(state, 'shared', 'ipcluster-proof-'));
    chownSync(this.folder, this.user.uid, this.user.gid);
    this.env = {
      ...process.env,
      HOME: this.folder,
      HOME_OF_USER: this.folder,
      IPYTHONDIR: join(this.folder, 'ipython'),
    };
    for (const name of ['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS', 'SSH_AUTH_SOCK']) delete this.env[name];
    this.problems = [];
    /** What `why` said at the moment that a row chose; undefined for the end. */
    this.verdict = undefined;
  }

  check(what, holds) {
    if (!holds) this.problems.push(`not so: ${what}`);
  }

  /** Writes a file of the user's. */
  write(name, text, mode = 0o600) {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode });
    chownSync(path, this.user.uid, this.user.gid);
    return path;
  }

  /** A configuration of ssh in place of the bed's own: its lines go before those. */
  config(...lines) {
    return `config=${this.write('config', `${lines.join('\n')}\n${readFileSync(join(state, 'ssh_config'), 'utf8')}`)}`;
  }

  /** Something is done to a host, and undone at the end. */
  disturb(verb, back, name) {
    host(verb, name);
    this.#undo.push(() => host(back, name));
  }

  later(undo) {
    this.#undo.push(undo);
  }

  /** Gives a host's sshd other settings; it is started again with them. */
  sshd(name, ...lines) {
    const file = join(state, 'hosts', name, 'sshd_config');
    const before = readFileSync(file, 'utf8');
    const again = (text) => {
      writeFileSync(file, text);
      host('kill', name);
      host('boot', name);
      for (let tries = 0; tries < 50; tries++)
        if (spawnSync('ssh-keyscan', ['-T', '1', name]).stdout.length > 0) return;
    };
    again(`${lines.join('\n')}\n${before}`);
    this.#undo.push(() => again(before));
  }

  /** Runs a command in a host until the row is over. */
  serve(name, code) {
    const child = spawn(join(root, 'test/beds/ssh/host'), ['exec', name, process.execPath, '-e', code], {
      stdio: 'ignore',
    });
    this.#undo.push(() => host('exec', name, 'bash', '-c', `pkill -f 'node[ ]-e' || true`) && child.kill());
    return sleep(400);
  }

  async run(...args) {
    const child = spawn(
      join(root, 'test/beds/ssh/host'),
      ['exec', 'host0', '-u', 'hpc', process.execPath, join(this.root, 'bin/ipcluster'), ...args],
      { env: this.env, cwd: this.folder },
    );
    const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (err += chunk));
    const code = await new Promise((done) => child.once('close', done));
    clearTimeout(timer);
    return { code, out, err };
  }

  async json(...args) {
    const { out, err } = await this.run(...args, '--json');
    try {
      return JSON.parse(out.trim().split('\n').at(-1));
    } catch {
      return { error: { code: 'NO_JSON', message: `${out} ${err}` } };
    }
  }

  start(hosts, ...args) {
    return this.json('start', '--launcher', 'ssh', '-o', `hosts=${hosts}`, '-n', '4', '-d', ...args);
  }

  async why() {
    const { findings = [], error } = await this.json('why');
    const [verdict] = findings;
    return {
      code: verdict?.code ?? (error ? error.code : 'none'),
      sentence: verdict?.sentence ?? error?.message ?? '',
      findings,
    };
  }

  /** Everything of this home that still runs, on whatever host: this machine sees them all. */
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

  /**
   * Undoes what was done to hosts, ends what is there as a user would, and answers how many processes and
   * files are left.
   */
  async end(bystander = []) {
    for (const undo of this.#undo.splice(0).reverse()) undo();
    await this.run('stop');
    const files = () =>
      allHosts.flatMap((name) =>
        host('exec', name, 'find', '/tmp', '/dev/shm', '-user', 'hpc')
          .trim()
          .split('\n')
          .filter((line) => line && !bystander.includes(`${name} ${line}`)),
      );
    await until(() => this.processes().length === 0 && files().length === 0, 20_000);
    const left = [...this.processes(), ...files()];
    this.left = left.map((one) => (/^\d+$/.test(one) ? `${one} ${commandOf(one)}` : one));
    for (const pid of this.processes()) process.kill(Number(pid), 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
    return left.length;
  }
}

function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '(gone)';
  }
}

/** Files of the user's on the disks of all hosts, each with the name of its host. */
export const filesNow = () =>
  allHosts.flatMap((name) =>
    host('exec', name, 'find', '/tmp', '/dev/shm', '-user', 'hpc')
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => `${name} ${line}`),
  );
