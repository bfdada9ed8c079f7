// The cluster of a round: its start, commands about it, and the hand that keeps it going: a controller that
// is gone is started again, engines that are missing are added, as a user would.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NetworkProxy } from './proxy.js';
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

  constructor(world, schedule, played) {
    this.played = played;
    this.world = world;
    this.schedule = schedule;
    this.security = join(world.home, 'ipython/profile_default/security');
  }

  /** Runs `ipcluster` to its end, at most a minute and a half. */
  run(...args) {
    return this.runFor(90_000, ...args);
  }

  async runFor(bound, ...args) {
    const begin = now();
    const child = this.world.spawn([join(this.world.package, 'bin/ipcluster'), ...args]);
    const timer = setTimeout(() => {
      this.late.push(args.join(' '));
      process.stderr.write(`seed ${this.schedule.seed}: ipcluster ${args.join(' ')} is late\n`);
      child.kill('SIGKILL');
    }, bound);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    child.stdin.end();
    // Its end counts, not that of what it started: that may hold its output open.
    const code = await new Promise((done) => child.once('exit', done));
    await Promise.race([new Promise((done) => child.once('close', done)), sleep(1000)]);
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
    this.proxy = await NetworkProxy.listen(() => this.#port());
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
    const argv = [
      join(this.world.package, 'bin/ipengine'),
      '-n',
      String(count),
      '--controller-ip',
      '127.0.0.1',
      '--controller-port',
      String(this.proxy.port),
    ];
    const code =
      `import('node:child_process').then(({ spawn }) => spawn('sh', ['-c', process.argv[1], 'sh', ` +
      `process.execPath, ...process.argv.slice(2)], { stdio: 'ignore', detached: true }).unref())`;
    this.world.spawn(['-e', code, script, ...argv], { ...this.world.clockOf('jumps'), LOG: log }, 'ignore');
  }

  /** A client's connection file that leads through the bad network. */
  networkFile() {
    const path = join(this.world.home, 'by-network.json');
    const file = JSON.parse(readFileSync(join(this.security, 'ipcontroller-client.json'), 'utf8'));
    this.lastPort = file.port;
    writeFileSync(
      path,
      JSON.stringify({ ...file, socket: '', memory: '', addresses: ['127.0.0.1'], port: this.proxy.port }),
      { mode: 0o600 },
    );
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
    return this.run('start', '--reuse', '-n', '2', '--timeout', '30s', ...this.#startFlags);
  }

  /**
   * Stops looking after it, and sees to it that there is a controller with connection files, and engines: as
   * a user would, by hand.
   */
  async mend() {
    this.#tending = false;
    await this.#tended;
    for (let tries = 0; tries < 5; tries++) {
      const { code, text } = await this.run('status', '--json');
      const engines = code === 0 ? (parse(text)?.engines?.length ?? 0) : 0;
      if (this.count('controller') === 1 && engines >= 2) return;
      if (this.count('controller') === 1 && code === 0 && parse(text)?.controller)
        await this.run('engines', 'add', '-n', '2');
      else await this.restart();
    }
  }

  /** Ends the controller that nobody reaches any more, and starts another one in its place. */
  async restart() {
    for (const { pid, role } of this.world.processes()) {
      if (role !== 'controller') continue;
      process.kill(pid, 'SIGKILL');
      this.played.push({ kind: 'kill controller', role, pids: [pid], begin: now(), end: now(), own: true });
    }
    while (this.count('controller') > 0) await sleep(50);
    await this.revive();
  }

  /**
   * Resident bytes of the controller, at rest: twice the same within two seconds, or after `bound`
   * milliseconds.
   */
  async memoryAtRest(bound) {
    const resident = () => {
      const [controller] = this.world.processes().filter(({ role }) => role === 'controller');
      try {
        return (
          Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${controller.pid}/status`, 'utf8'))?.[1] ?? 0) /
          1024
        );
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

function parse(text) {
  try {
    return JSON.parse(text.split('\n').find((line) => line.startsWith('{')) ?? '');
  } catch {
    return undefined;
  }
}
