// The cluster of a round: its start, commands about it, and the hand that keeps it going: a controller that is gone is started again,
// engines that are missing are added, as a user would.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Proxy } from './proxy.js';
import { now } from './world.js';

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export class Cluster {
  /** Everything that commands printed, for those who look for ugly words: `{ at, args, code, text }`. */
  said = [];
  /** Commands that did not end within their bound. */
  late = [];
  /** When a controller was started: pid of each that was seen. */
  #tending = false;
  #tended = Promise.resolve();

  constructor(world, schedule) {
    this.world = world;
    this.schedule = schedule;
    this.security = join(world.home, 'ipython/profile_default/security');
  }

  /** Runs `ipcluster` to its end, at most a minute and a half. */
  async run(...args) {
    const begin = now();
    const child = this.world.spawn([join(this.world.package, 'bin/ipcluster'), ...args]);
    const timer = setTimeout(() => {
      this.late.push(args.join(' '));
      child.kill('SIGKILL');
    }, 90_000);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    child.stdin.end();
    const code = await new Promise((done) => child.once('close', done));
    clearTimeout(timer);
    this.said.push({ at: begin, took: now() - begin, args: args.join(' '), code, text });
    return { code, text };
  }

  get #startFlags() {
    return ['--lease', `${this.schedule.lease / 1000}s`, '-d'];
  }

  async start() {
    const { engines, supervisors } = this.schedule;
    const { code, text } = await this.run('start', '-n', '2', ...this.#startFlags);
    if (code !== 0) throw new Error(`the cluster did not start: ${text}`);
    this.proxy = await Proxy.listen(() => this.#port());
    const each = Math.max(1, Math.floor((engines - 2) / (supervisors - 1)));
    for (let index = 2; index < supervisors; index++) await this.run('engines', 'add', '-n', String(each));
    this.startRemote(each);
  }

  #port() {
    try {
      return JSON.parse(readFileSync(join(this.security, 'ipcontroller-client.json'), 'utf8')).port;
    } catch {
      return this.lastPort;
    }
  }

  /** A supervisor that was started by hand, comes over the bad network and has the clock that jumps. */
  startRemote(count) {
    const log = join(this.world.journal, '../logs/by-hand.log');
    const script = 'exec "$@" >>"$LOG" 2>&1';
    const argv = [join(this.world.package, 'bin/ipengine'), '-n', String(count), '--controller-ip', '127.0.0.1', '--controller-port', String(this.proxy.port)];
    const code = `import('node:child_process').then(({ spawn }) => spawn('sh', ['-c', process.argv[1], 'sh', process.execPath, ...process.argv.slice(2)], { stdio: 'ignore', detached: true }).unref())`;
    this.world.spawn(['-e', code, script, ...argv], { ...this.world.clockOf('jumps'), LOG: log }, 'ignore');
  }

  /** A client's connection file that leads through the bad network. */
  networkFile() {
    const path = join(this.world.home, 'by-network.json');
    const file = JSON.parse(readFileSync(join(this.security, 'ipcontroller-client.json'), 'utf8'));
    this.lastPort = file.port;
    writeFileSync(path, JSON.stringify({ ...file, socket: '', memory: '', addresses: ['127.0.0.1'], port: this.proxy.port }), { mode: 0o600 });
    this.world.own(path);
    return path;
  }

  count(role) {
    return this.world.processes().filter((one) => one.role === role).length;
  }

  /** Looks after the cluster until {@link rest}. */
  tend() {
    this.#tending = true;
    this.#tended = (async () => {
      for (; this.#tending; await sleep(300)) {
        if (this.count('controller') === 0) await this.revive();
        else if (this.count('engine') < 2) await this.run('engines', 'add', '-n', '2');
      }
    })();
  }

  async revive() {
    await sleep(500);
    return this.run('start', '--reuse', '-n', '2', ...this.#startFlags);
  }

  async rest() {
    this.#tending = false;
    await this.#tended;
  }

  /** Resident bytes of the controller, at rest: twice the same within two seconds, or after `bound` milliseconds. */
  async memoryAtRest(bound) {
    const resident = () => {
      const [controller] = this.world.processes().filter(({ role }) => role === 'controller');
      try {
        return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${controller.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
      } catch {
        return 0;
      }
    };
    let last = resident();
    for (const end = performance.now() + bound; performance.now() < end; ) {
      await sleep(2000);
      last = resident();
    }
    return last;
  }

  storeBytes() {
    try {
      return statSync(join(this.world.work, 'default/store.sqlite')).size;
    } catch {
      return 0;
    }
  }
}
