// The clients of a round, programs of their own; one that was killed or has fallen is followed by another.
import { join } from 'node:path';

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export class Crew {
  world;
  cluster;
  lease = 0;
  #members = [];
  #ending = false;
  #fallen = [];

  constructor(world, cluster, schedule) {
    Object.assign(this, { world, cluster, lease: schedule.lease });
    this.networkFile = cluster.networkFile();
    for (const [index, nature] of schedule.clients.entries()) this.#hire(`c${index}`, nature, 0);
  }

  #hire(name, nature, turn) {
    const { world, cluster, lease } = this;
    const log = join('/mnt/logs', `${name}-${turn}.client`);
    const file = nature.network ? this.networkFile : join(cluster.security, 'ipcontroller-client.json');
    const options = {
      name: `${name}t${turn}`,
      seed: nature.seed + turn,
      dist: join(world.package, 'dist'),
      file,
      journal: world.journal,
      log,
      lease,
      watches: nature.watches,
    };
    const child = world.spawn(
      [join(world.proofs, 'client.js'), JSON.stringify(options)],
      nature.clock ? world.clockOf(nature.clock) : {},
    );
    const member = { name, child, log, said: '' };
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (member.said += text));
    child.stdin.on('error', () => {});
    member.ended = new Promise((done) => child.once('close', (code, signal) => done({ code, signal })));
    void member.ended.then(({ code, signal }) => {
      member.gone = true;
      if (signal !== 'SIGKILL' && (code !== 0 || member.said))
        this.#fallen.push(`client ${name}: ${signal ?? `exit code ${code}`}: ${member.said.slice(0, 500)}`);
      if (!this.#ending) setTimeout(() => this.#ending || this.#hire(name, nature, turn + 1), 200);
    });
    this.#members.push(member);
  }

  logs() {
    return this.#members.map(({ log }) => log);
  }

  /** Lets all finish what is open; answers what was wrong with their ends. */
  async finish() {
    this.#ending = true;
    const all = this.#members.filter(({ gone }) => !gone);
    for (const { child } of all) child.stdin.write('finish\n');
    const bound = sleep(2 * this.lease + 240_000);
    await Promise.race([Promise.all(all.map(({ ended }) => ended)), bound]);
    for (const { name, child, gone } of all) {
      if (gone) continue;
      this.#fallen.push(`client ${name} has not ended by itself after it was closed`);
      child.kill('SIGKILL');
    }
    return this.#fallen;
  }

  /** Runs another program of this folder as the user; answers its output. */
  async program(file, options) {
    const child = this.world.spawn([
      join(this.world.proofs, file),
      JSON.stringify({ dist: join(this.world.package, 'dist'), ...options }),
    ]);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (chunk) => (said += chunk));
    const code = await new Promise((done) => child.once('close', done));
    if (code !== 0) this.#fallen.push(`${file}: exit code ${code}: ${said.slice(0, 500)}`);
    return text;
  }
}
