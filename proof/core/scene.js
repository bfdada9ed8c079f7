// What every row of the core's table has: a cluster of two engines, and ways to say what was seen.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { Bed, sleep, until } from '../bed.js';

/** A promise that has not settled after this long hangs (milliseconds). */
const patience = 20_000;

export class Scene {
  /** `controller` are words of a controller that is started by hand, with two engines beside it. */
  constructor(controller) {
    this.bed = new Bed('core');
    this.controller = controller;
    this.problems = [];
    this.seen = [];
  }

  get client() {
    return this.bed.client;
  }

  async start() {
    if (!this.controller) return this.bed.start(2);
    const begin = (program, ...args) =>
      spawn(process.execPath, [`${process.cwd()}/bin/${program}`, ...args], {
        env: this.bed.env,
        stdio: 'ignore',
      });
    this.byHand = [begin('ipcontroller', ...this.controller), begin('ipengine', '-n', '2')];
    await until(() => existsSync(this.bed.path('security', 'ipcontroller-client.json')));
    this.bed.client = await this.bed.connect();
    await this.bed.client.waitForEngines(2);
  }

  wrong(problem) {
    this.problems.push(problem);
  }

  /** What was seen must be what was expected, in words or values. */
  is(what, seen, expected) {
    const right =
      expected instanceof RegExp ? expected.test(String(seen)) : isDeepStrictEqual(seen, expected);
    this.seen.push(`${what}: ${short(seen)}`);
    if (!right)
      this.wrong(`${what} is ${short(seen)}, not ${expected instanceof RegExp ? expected : short(expected)}`);
  }

  /** The value or the error's words of a promise; `HANGS` when it has not settled in time. */
  ends(promise, bound = patience) {
    return Promise.race([
      Promise.resolve(promise).then(
        (value) => value,
        (error) => `${error?.code ?? error?.name}: ${String(error?.message).split('\n')[0]}`,
      ),
      sleep(bound).then(() => 'HANGS'),
    ]);
  }

  /** Every engine answers what it is asked next. */
  async answers() {
    this.is(
      'the next request',
      await this.ends(this.client.direct('all').apply(() => 6 * 7)),
      this.client.ids.map(() => 42),
    );
  }

  /**
   * Runs a line of a shell in which `ipcluster` is ours; answers what it printed, as bytes, and its exit
   * code.
   */
  shell(line, bound = 60_000) {
    const script =
      `ipcluster() { '${process.execPath}' '${process.cwd()}/bin/ipcluster' "$@"; }\nset -o ` +
      `pipefail\n${line}`;
    const child = spawn('bash', ['-c', script], { env: this.bed.env, cwd: this.bed.folder });
    const timer = setTimeout(() => child.kill('SIGKILL'), bound);
    const [out, wrong] = [[], []];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => wrong.push(chunk));
    child.stdin.end();
    return new Promise((done) =>
      child.once('close', (code) => {
        clearTimeout(timer);
        done({ code, out: Buffer.concat(out).toString('latin1'), wrong: String(Buffer.concat(wrong)) });
      }),
    );
  }

  /** Runs a program that uses the library; answers what it printed and how it ended. */
  program(source, bound = 90_000) {
    const text =
      `import { Client } from '${process.cwd()}/dist/index.js'; const client = await ` +
      `Client.connect(); ${source}`;
    return this.shell(`'${process.execPath}' --input-type=module -e ${quoted(text)}`, bound);
  }

  async end() {
    for (const child of this.byHand ?? []) child.kill('SIGKILL');
    return this.bed.end();
  }
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const short = (value) => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text === undefined ? 'undefined' : text.length > 160 ? `${text.slice(0, 160)}…` : text;
};

export { sleep };
