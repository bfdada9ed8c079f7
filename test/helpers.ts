import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { expect } from 'vitest';
import { poll } from '../src/base/wait.js';
import { findMarked } from '../src/processes/table.js';

/** What a program did. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** An IPython folder of a test's own, and our programs in it. */
export class Home {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Whose programs they are; those of this process's user when absent. */
  readonly user: { uid: number; gid: number } | undefined;
  readonly #name: string | undefined;
  /** The host of the bed of ssh that they run on; this machine when absent. */
  readonly #host: string | undefined;

  /** `base` is where its folder is made: one that all hosts of a bed see. */
  constructor(user?: string, base = tmpdir(), host?: string) {
    this.#name = user;
    this.#host = host;
    this.folder = mkdtempSync(join(base, 'ipcluster-home-'));
    this.user = user === undefined ? undefined : identityOf(user);
    if (this.user) chownSync(this.folder, this.user.uid, this.user.gid);
    this.env = { ...process.env, IPYTHONDIR: join(this.folder, 'ipython'), HOME: this.folder };
    if (user) Object.assign(this.env, { USER: user, LOGNAME: user });
    for (const name of [
      'IPP_PROFILE_DIR',
      'IPP_CLUSTER_ID',
      'IPCLUSTER_N',
      'IPCLUSTER_WORK_DIR',
      'NODE_OPTIONS',
    ])
      delete this.env[name];
  }

  /** Makes clients and clusters of this very process use the folder too. */
  enter(): void {
    Object.assign(process.env, { IPYTHONDIR: this.env['IPYTHONDIR'] });
  }

  path(...names: string[]): string {
    return join(this.folder, 'ipython', 'profile_default', ...names);
  }

  /** Starts one of our programs. */
  spawn(
    program: string,
    args: readonly string[],
    { env = {}, cwd = this.folder }: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
  ) {
    return this.spawnOn(this.#host, [process.execPath, join(this.root, 'bin', program), ...args], {
      env,
      cwd,
    });
  }

  /** Where this package is, for its user. */
  get root(): string {
    return this.user ? packageFor(this.user.uid) : resolve('.');
  }

  /** Starts any command as the user, on a host of the bed of ssh or on this machine. */
  spawnOn(
    host: string | undefined,
    argv: readonly string[],
    { env = {}, cwd = this.folder }: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
  ) {
    const all = { ...this.env, ...env };
    const [program = '', ...rest] = host
      ? [resolve('test/beds/ssh/host'), 'exec', host, '-u', this.#name ?? 'root', ...argv]
      : argv;
    return host
      ? spawn(program, rest, { env: { ...all, HOME_OF_USER: this.folder }, cwd })
      : spawn(program, rest, { env: all, cwd, ...this.user });
  }

  /** Runs `ipcluster` to its end; killed after a minute. */
  async run(
    args: readonly string[],
    options: { input?: string; env?: NodeJS.ProcessEnv; cwd?: string; program?: string } = {},
  ): Promise<Outcome> {
    return this.#finish(this.spawn(options.program ?? 'ipcluster', args, options), options.input);
  }

  /** Runs any command to its end, on a host of the bed of ssh or on this machine. */
  async runOn(
    host: string | undefined,
    argv: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<Outcome> {
    return this.#finish(this.spawnOn(host, argv, { env }));
  }

  async #finish(child: ReturnType<Home['spawnOn']>, input = ''): Promise<Outcome> {
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // A program may end without having read anything: its exit code says how that was meant.
    child.stdin.on('error', () => {}).end(input);
    const code = await new Promise<number | null>((done) => child.once('close', done));
    clearTimeout(timer);
    return { code, stdout, stderr };
  }

  /** Runs a command with --json and answers the object. */
  async json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    const { stdout, stderr } = await this.run([...args, '--json']);
    expect(stdout.trim().split('\n'), stderr).toHaveLength(1);
    return JSON.parse(stdout) as T;
  }

  /** Everything of ours in that folder. */
  processes() {
    return findMarked((mark) => mark.startsWith(this.folder));
  }

  /** Those of one of our programs, such as `engine`. */
  processesOf(program: string) {
    return this.processes().filter(({ command }) => command.includes(`programs/${program}.`));
  }

  /** The end of a suite: no process, no socket and no file of security may be left. */
  async leave(): Promise<void> {
    await poll(() => (this.processes().length === 0 ? true : undefined), { timeout: 5000 });
    const left = this.processes().map(({ pid, command }) => `${pid} ${command}`);
    for (const { pid } of this.processes()) process.kill(pid, 'SIGKILL');
    const profiles = join(this.folder, 'ipython');
    const files = (existsSync(profiles) ? readdirSync(profiles, { recursive: true }) : [])
      .map(String)
      .filter((name) => /security\/.|cluster\/.|\.sock$|\.tmp$/.test(name));
    rmSync(this.folder, { recursive: true, force: true });
    expect(left).toEqual([]);
    expect(files).toEqual([]);
  }
}

/** An ordinary user of this machine, by name. Throws when there is none. */
function identityOf(name: string): { uid: number; gid: number } {
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8' })),
  );
  return { uid: uid as number, gid: gid as number };
}

const copies = new Map<number, string>();

/** Where that user can read this package: here, or a copy, where the checkout is closed to others. */
export function packageFor(uid: number): string {
  const own = resolve('.');
  if (spawnSync('test', ['-r', join(own, 'dist/programs/ipcluster.js')], { uid }).status === 0) return own;
  const known = copies.get(uid);
  if (known) return known;
  const copy = mkdtempSync('/var/tmp/ipcluster-package-');
  execFileSync('cp', [
    '-a',
    ...['bin', 'dist', 'templates', 'package.json', 'node_modules'].map((name) => join(own, name)),
    copy,
  ]);
  execFileSync('chmod', ['-R', 'a+rX', copy]);
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
  copies.set(uid, copy);
  return copy;
}

/** Waits until something is so; fails with its name after ten seconds. */
export async function until(
  what: string,
  probe: () => boolean | Promise<boolean>,
  timeout = 10_000,
): Promise<void> {
  const answer = await poll(async () => ((await probe()) ? true : undefined), { timeout }, 50);
  expect(answer, what).toBe(true);
}

/**
 * Enters the controller's Unix socket as its wire is written down (docs/decisions/0016), with nothing of
 * ours; the stream of packets is answered. Rejects when the controller does not show that it holds the token.
 */
export async function enterSocket(
  { socket: path, token }: { socket: string; token: string },
  change = (proof: Buffer) => proof,
) {
  const name = createHash('sha256').update(`ipcluster token\n${token}`).digest('base64url').slice(0, 22);
  const nonce = randomBytes(24).toString('base64url');
  const proof = (who: string, theirs: string): Buffer =>
    createHmac('sha256', token).update(`ipcluster ${who}\n${nonce}\n${theirs}`).digest();
  return new Promise<Duplex>((resolve, reject) => {
    const request = httpRequest({
      socketPath: path,
      headers: { connection: 'Upgrade', upgrade: 'ipcluster', authorization: `Ipcluster ${name} ${nonce}` },
    });
    request.on('upgrade', ({ headers }, stream) => {
      const theirs = String(headers['ipcluster-nonce']);
      if (headers['ipcluster-proof'] !== proof('controller', theirs).toString('base64url'))
        return reject(new Error('no proof'));
      stream.on('error', () => {}).resume();
      stream.write(change(proof('peer', theirs)));
      resolve(stream);
    });
    request.on('response', ({ statusCode }) => reject(new Error(`HTTP ${statusCode}`)));
    request.on('error', reject).end();
  });
}
