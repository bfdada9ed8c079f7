// A row of what users met: an ordinary user's home, and ways to say what was seen in it.
import { spawn, spawnSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { Scene } from '../batch/scene.js';

export class FieldScene extends Scene {
  seen = [];

  /** What was seen must be what was expected, in words or values. */
  is(what, seen, expected) {
    const right =
      expected instanceof RegExp ? expected.test(String(seen)) : isDeepStrictEqual(seen, expected);
    this.seen.push(`${what}: ${short(seen)}`);
    if (!right)
      this.problems.push(
        `${what} is ${short(seen)}, not ${expected instanceof RegExp ? expected : short(expected)}`,
      );
  }

  /** The code of `why`'s verdict must be this one, and its sentence must have these words. */
  async verdict(code, words = /./) {
    const { code: said, sentence } = await this.why();
    this.is('why', `${said}: ${sentence}`, new RegExp(`^${code}: .*${words.source}`, `s${words.flags}`));
  }

  /** Runs a command of the system as the user; answers what it printed. */
  asUser(...argv) {
    return spawnSync(argv[0], argv.slice(1), {
      encoding: 'utf8',
      cwd: this.folder,
      env: this.env,
      ...this.user,
    }).stdout.trim();
  }

  /**
   * Runs lines of a shell as the user, in which `ipcluster`, `ipcontroller` and `ipengine` are ours; at most
   * `bound` milliseconds.
   */
  shell(script, bound = 120_000) {
    const env = { ...this.env, PATH: `${this.bin}:${this.root}/bin:${this.env.PATH}` };
    const child = spawn('bash', ['-c', script], { env, cwd: this.folder, ...this.user });
    const timer = setTimeout(() => child.kill('SIGKILL'), bound);
    let [out, wrong] = ['', ''];
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (wrong += chunk));
    child.stdin.end();
    return new Promise((done) =>
      child.once('close', (code) => {
        clearTimeout(timer);
        done({ code, out, wrong });
      }),
    );
  }
}

const short = (value) => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
  return text.length > 240 ? `${text.slice(0, 240)}…` : text;
};
