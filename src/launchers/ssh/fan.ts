import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { IpclusterError } from '../../base/errors.js';
import { writeWhole } from '../../base/files.js';
import type { JobSpec, Verdict } from '../../launcher-kit/contract.js';
import { awaitMeeting, type Meeting } from '../../launcher-kit/meeting.js';
import type { PlannedFile } from '../../launcher-kit/plan.js';
import { HostError } from './connection.js';
import { asHostError } from './failures.js';
import type { Host } from './hosts.js';
import { ask, judge, type Look, lookAt } from './look.js';
import type { Opener, OpenOptions } from './opener.js';
import { markOfSpec, seatFiles, startScript } from './scripts.js';
import { type Seat, type Seating, writeSeating } from './seats.js';
import { spreadEngines } from './spread.js';
import { Tunnels } from './tunnels.js';

/**
 * When hosts reach the controller through their SSH connection: where they cannot otherwise, in any case, or
 * never.
 */
export type TunnelRule = 'auto' | 'always' | 'never';

/** A host that could not be used. */
export interface Failure {
  host: Host;
  verdict: Verdict;
}

/** A controller may take so long to say where it is (milliseconds). */
const meetingTime = 60_000;

/**
 * Starts a job on all its hosts side by side: connects, looks, spreads, starts. What fails on one host is no
 * other's matter.
 */
export class Fan {
  readonly failures: Failure[] = [];
  readonly seats: Seat[] = [];
  readonly #spec: JobSpec;
  readonly #opener: Opener;
  readonly #options: OpenOptions;
  readonly #rule: TunnelRule;
  /** Hosts where engines do not run in the folder that the start was typed in. */
  readonly astray: string[] = [];
  #layout = '';

  constructor(spec: JobSpec, opener: Opener, options: OpenOptions, rule: TunnelRule) {
    this.#spec = spec;
    this.#opener = opener;
    this.#options = options;
    this.#rule = rule;
  }

  /** Engines that were started. */
  get started(): number {
    return this.seats.reduce((sum, { process: own, share }) => sum + (own === undefined ? 0 : share), 0);
  }

  async run(hosts: readonly Host[], signal?: AbortSignal): Promise<void> {
    const looks = await this.#lookAtAll(hosts);
    signal?.throwIfAborted();
    const shares = spreadEngines(
      this.#spec.count,
      hosts.map((host, index) => ({ size: host.slots ?? looks[index]?.cores })),
    );
    this.#layout = shares.join(',');
    for (const [index, host] of hosts.entries()) {
      const look = looks[index];
      const share = shares[index] ?? 0;
      if (!look || share === 0) continue;
      if (!look.hasFolder && look.shared) this.astray.push(host.word);
      const verdict = judge(look, host, share, this.#spec);
      if (verdict) this.failures.push({ host, verdict });
      else
        this.seats.push(
          this.#seat(
            index,
            look.workDir === undefined ? host : { ...host, workDir: look.workDir },
            share,
            look,
          ),
        );
    }
    // Written down before anything is started there.
    this.write();
    await this.#startAll(signal);
    this.write();
    this.failures.sort((a, b) => hosts.indexOf(a.host) - hosts.indexOf(b.host));
  }

  /** Who sits where, as it is written down. */
  get seating(): Seating {
    return { mark: markOfSpec(this.#spec), options: this.#options, seats: this.seats };
  }

  write(): void {
    writeSeating(this.#spec.jobDir, this.seating);
  }

  async #lookAtAll(hosts: readonly Host[]): Promise<(Look | undefined)[]> {
    const probe = join(this.#spec.jobDir, 'probe');
    const nonce = randomBytes(16).toString('hex');
    writeWhole(probe, nonce);
    return Promise.all(
      hosts.map((host) =>
        this.#guarded(host, async () =>
          lookAt(await this.#opener.open(host), host, probe, nonce, this.#spec),
        ),
      ),
    );
  }

  async #guarded<T>(host: Host, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof IpclusterError) throw error;
      const { verdict } = asHostError(error);
      const suggestions = verdict.suggestions.map((text) => text.replaceAll('HOST', host.name));
      this.failures.push({ host, verdict: { ...verdict, suggestions } });
      return undefined;
    }
  }

  /**
   * A host that does not share our disk gets a folder of its own; one with settings of its own gets scripts
   * of its own.
   */
  #seat(index: number, host: Host, share: number, { shared, user, taken }: Look): Seat {
    const { jobDir, name } = this.#spec;
    const isPlain =
      !host.node &&
      !host.package &&
      !host.workDir &&
      host.setup.length === 0 &&
      Object.keys(host.environment).length === 0;
    const base = host.workDir ?? `/tmp/ipcluster-${user}${taken ? `-${randomBytes(3).toString('hex')}` : ''}`;
    const folder = shared ? jobDir : join(base, `${name}-${basename(jobDir).slice(-20)}-${index}`);
    return {
      index,
      host,
      share,
      shared,
      folder,
      scripts: shared && !isPlain ? join(jobDir, `host-${index}`) : folder,
    };
  }

  /** Those that cannot reach the controller are started a little later, when their tunnels are there. */
  async #startAll(signal: AbortSignal | undefined): Promise<void> {
    const { needs } = this.#spec;
    const each = async (seats: readonly Seat[], work: (seat: Seat) => Promise<boolean>): Promise<Seat[]> => {
      const outcomes = await Promise.all(seats.map((seat) => this.#guarded(seat.host, () => work(seat))));
      return seats.filter((_seat, index) => outcomes[index] === false);
    };
    if (needs === undefined || (this.#rule === 'never' && this.seats.every(({ shared }) => shared)))
      return void (await each(this.seats, (seat) => this.#start(seat)));
    const meeting = await awaitMeeting(needs, meetingTime, signal);
    const far =
      this.#rule === 'always'
        ? this.seats
        : await each(this.seats, (seat) => this.#start(seat, this.#rule === 'auto' ? meeting : undefined));
    if (far.length === 0) return;
    const tunnels = new Tunnels(this.#spec.jobDir, markOfSpec(this.#spec));
    await tunnels.open({ seats: far, meeting, file: needs });
    await each(far, async (seat) => {
      seat.tunnel = await tunnels.portFor(seat.index);
      return this.#start(seat);
    });
  }

  /** Answers false where it was not started because the controller cannot be reached from there. */
  async #start(seat: Seat, meeting?: Meeting): Promise<boolean> {
    const script = startScript(seat, this.#layout, await this.#filesFor(seat), meeting);
    const answers = await ask(await this.#opener.open(seat.host), script);
    if (answers.get('reached') === 'no') return false;
    const [pid, failed] = [answers.get('pid'), answers.get('failed')];
    if (failed !== undefined || pid === undefined)
      throw new HostError({
        code: 'disk-full',
        sentence: `It could not be started there: ${failed ?? 'no word of it'}.`,
        suggestions: ['`df -h` there', 'Another place: `work-dir=` in the file of hosts.'],
      });
    seat.process = `${pid}@${answers.get('began')}`;
    return true;
  }

  /** What has to be taken there: nothing where the host reads it from our disk. */
  async #filesFor(seat: Seat): Promise<PlannedFile[]> {
    const { jobDir, needs } = this.#spec;
    if (seat.scripts === jobDir && seat.tunnel === undefined) return [];
    if (seat.shared && seat.tunnel !== undefined) seat.scripts = join(jobDir, `host-${seat.index}`);
    const files = seatFiles(this.#spec, seat);
    if (seat.shared || needs === undefined) return files;
    return [
      ...files,
      { path: join(seat.folder, basename(needs)), text: await readFile(needs, 'utf8'), mode: 0o600 },
    ];
  }
}
