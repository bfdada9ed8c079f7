// One row of the fault table while it is played: a bed, a workload whose results are counted, and what was
// said.
import { Bed, sleep, until } from '../bed.js';

/** The lease of these clusters, short so that its bounds can be waited for. */
export const lease = 3;
/** Everything of ours must be gone within two leases and five seconds. */
const bound = (2 * lease + 5) * 1000;

export class Scene {
  constructor(name) {
    this.bed = new Bed(name.replaceAll(/\W+/g, '-').slice(0, 20));
    this.lost = 0;
    this.twice = 0;
    this.said = [];
    this.problems = [];
    this.ends = [];
  }

  get client() {
    return this.bed.client;
  }

  async start(n = 2, args = [], env = {}) {
    Object.assign(this.bed.env, env);
    await this.bed.start(n, ['--lease', `${lease}s`, ...args], 60_000);
  }

  /** Something is not as it was expected. */
  wrong(problem) {
    this.problems.push(problem);
  }

  check(what, holds) {
    if (!holds) this.wrong(`not so: ${what}`);
  }

  /** What a command says must match; the part that does is put into the table. */
  async says(command, pattern) {
    const { text } = await this.bed.run(...command.split(' '));
    const found = pattern.exec(text)?.[0];
    if (found)
      this.said.push(
        `${command}: ${found.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z?/g, '…').replaceAll(this.bed.folder, '…')}`,
      );
    else this.wrong(`\`${command}\` does not say ${pattern}: ${text.slice(0, 300)}`);
  }

  /** So many tasks of some milliseconds; `settled` counts what came of them. */
  work(count, milliseconds = 10) {
    const seen = new Map();
    const items = Array.from({ length: count }, (_unused, index) => index);
    const result = this.client.balanced().map(
      async ([item, wait]) => {
        await new Promise((done) => setTimeout(done, wait));
        return item;
      },
      items.map((item) => [item, milliseconds]),
      { chunk: 1 },
    );
    result.then(undefined, () => {});
    const collecting = (async () => {
      for await (const { value } of result) seen.set(value, (seen.get(value) ?? 0) + 1);
    })().catch((error) => this.wrong(`a task failed: ${error.message}`));
    const settled = async (timeout = 40_000) => {
      await Promise.race([collecting, sleep(timeout)]);
      this.lost += items.filter((item) => !seen.has(item)).length;
      this.twice += [...seen.values()].filter((times) => times > 1).length;
    };
    return { seen, result, settled, some: (least) => until(() => seen.size >= least, 20_000) };
  }

  kill(program, signal = 'SIGKILL') {
    const pid = this.bed.pidOf(program);
    if (pid < 0) this.wrong(`there is no ${program} to kill`);
    else process.kill(pid, signal);
    return pid;
  }

  /** All processes of this cluster must be gone in time. */
  async gone(timeout = bound) {
    const begin = performance.now();
    const all = await until(() => this.bed.processes().length === 0, timeout);
    if (all) this.said.push(`all gone after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    else
      this.wrong(
        `still there: ${this.bed
          .processes()
          .map(({ command }) => command.slice(0, 80))
          .join(', ')}`,
      );
  }

  /** The namespaces that were set by {@link remember} must still be there. */
  async remember() {
    await this.client.direct('all').execute('kept = engineId + 100');
  }

  async remembers() {
    const kept = await this.client
      .direct('all')
      .pull('kept')
      .then(
        (value) => value,
        (error) => /** @type {Error} */ (error).message,
      );
    this.check(
      `namespaces are kept (${kept})`,
      JSON.stringify(kept) === JSON.stringify(this.client.ids.map((id) => id + 100)),
    );
  }

  async engines(count, timeout = 10_000) {
    const there = await until(async () => (await this.client.status()).engines.length === count, timeout);
    this.check(`${count} engines are there`, there);
  }

  async end() {
    for (const undo of this.ends) await undo();
    return this.bed.end();
  }
}
