import { join, resolve } from 'node:path';
import { IpclusterError } from '../base/errors.js';
import { closeFolder } from '../base/own-folder.js';
import { parseCount, parseDuration } from '../base/quantities.js';
import { quoteWord } from '../base/shell.js';
import {
  defineLauncher,
  type Job,
  type JobRef,
  type JobSpec,
  type Launcher,
  type LaunchOptions,
} from '../launcher-kit/contract.js';
import { explainEnd, noteVerdicts, readRefs, writeRef } from '../launcher-kit/job-files.js';
import { z } from '../launcher-kit/options.js';
import { type LaunchPlan, writePlan } from '../launcher-kit/plan.js';
import { hostWords } from './ssh/configuration.js';
import { Fan, type TunnelRule } from './ssh/fan.js';
import { mayLive, noteEnded, observeHosts } from './ssh/host-jobs.js';
import { type Host, readHosts } from './ssh/hosts.js';
import { Opener, type OpenOptions } from './ssh/opener.js';
import { seatFiles } from './ssh/scripts.js';
import { idsOf, readSeating } from './ssh/seats.js';
import { spreadEngines } from './ssh/spread.js';

const options = z.object({
  hosts: z
    .string()
    .optional()
    .describe('hosts: host[1-16], host1:4,host2:8, user@host:2222, or @FILE with a line for each'),
  transport: z
    .enum(['auto', 'ssh2', 'openssh'])
    .default('auto')
    .describe("a library, the system's ssh, or what the configuration of each host wants"),
  tunnel: z
    .enum(['auto', 'always', 'never'])
    .default('auto')
    .describe(
      'whether hosts reach the controller through their SSH connection: where they cannot otherwise, ' +
        'always, or never',
    ),
  config: z.string().optional().describe('a configuration of ssh in place of your own (ssh -F)'),
  fanout: z.string().default('64').describe('connections that are made at once'),
  timeout: z.string().default('10s').describe('how long one connection may take to be made'),
});

/** Starts jobs on hosts that ssh reaches: one supervisor for each, which outlives the connection. */
class SshLauncher implements Launcher {
  readonly name = 'ssh';
  readonly reach = 'elsewhere';
  readonly usual = { ip: 'private' };
  readonly #given: string | undefined;
  readonly #options: OpenOptions;
  readonly #tunnel: TunnelRule;
  #known: readonly Host[] | undefined;

  constructor({ hosts, transport, tunnel, config, fanout, timeout }: z.output<typeof options>) {
    this.#given = hosts;
    this.#options = {
      transport,
      config: config === undefined ? undefined : resolve(config),
      fanout: parseCount(fanout, '-o fanout', 1),
      timeout: parseDuration(timeout, '-o timeout'),
    };
    this.#tunnel = tunnel;
  }

  /**
   * Read when they are needed first: to find a job again nobody needs the file of hosts that it was started
   * with.
   */
  get #hosts(): readonly Host[] {
    this.#known ??= this.#given === undefined ? [] : readHosts(this.#given);
    return this.#known;
  }

  get hosts(): readonly string[] {
    return this.#hosts.map(({ word }) => word);
  }

  get slots(): number | undefined {
    const slots = this.#hosts.map((host) => host.slots);
    return slots.length === 0 || slots.includes(undefined)
      ? undefined
      : slots.reduce((sum: number, size) => sum + (size ?? 0), 0);
  }

  /** What is known before any host is asked: hosts of which only the name is known count alike. */
  plan(spec: JobSpec): LaunchPlan {
    const hosts = this.#hostsFor(spec);
    const shares = spreadEngines(
      spec.count,
      hosts.map(({ slots }) => ({ size: slots })),
    );
    const files = seatFiles(spec, {
      host: { word: '', name: '', environment: {}, setup: [] },
      folder: spec.jobDir,
      scripts: spec.jobDir,
    });
    const commands = hosts.flatMap((host, index) => {
      const start = [
        'setsid',
        '/bin/bash',
        join(spec.jobDir, 'job.sh'),
        String(index),
        shares.join(','),
        quoteWord(host.word),
      ];
      return shares[index]
        ? [{ argv: ['ssh', ...hostWords(host, this.#options.config), ...start] as const }]
        : [];
    });
    return { files, commands };
  }

  async launch(spec: JobSpec, { signal, onNotice }: LaunchOptions = {}): Promise<Job> {
    signal?.throwIfAborted();
    const hosts = this.#hostsFor(spec);
    closeFolder(spec.jobDir);
    writePlan(this.plan(spec));
    const ref: JobRef = {
      launcher: this.name,
      ids: hosts.map(({ word }) => word),
      jobDir: spec.jobDir,
      name: spec.name,
    };
    writeRef(ref);
    const opener = new Opener(this.#options);
    const fan = new Fan(spec, opener, this.#options, this.#tunnel);
    const observe = (): Job => observeHosts(ref, fan.seating, opener, false);
    try {
      await fan.run(hosts, signal);
      if (fan.astray.length > 0)
        onNotice?.(
          `${fan.astray.join(', ')}: there is no folder ${spec.cwd} there; engines begin in your ` +
            'home folder.',
        );
      ref.ids = idsOf(fan.seats);
      writeRef(ref);
      signal?.throwIfAborted();
      noteVerdicts(
        spec.jobDir,
        fan.failures.map(({ host, verdict }) => ({
          ...verdict,
          sentence: `${host.word}: ${verdict.sentence}`,
        })),
      );
      if (fan.started === 0 || fan.started < (spec.enough ?? spec.count))
        throw this.#failed(fan, hosts.length);
    } catch (error) {
      // What was started is ended again; of a host that cannot be reached any more, its lease sees to that.
      const job = observe();
      await job.cancel().catch(() => {});
      await job[Symbol.asyncDispose]();
      throw error;
    }
    return observe();
  }

  async attach(ref: JobRef): Promise<Job> {
    const seating = readSeating(ref.jobDir) ?? { mark: '', options: this.#options, seats: [] };
    return observeHosts(ref, seating, new Opener(seating.options), true);
  }

  async find(jobsFolder: string, names: string): Promise<JobRef[]> {
    const written = (await readRefs(jobsFolder, this.name)).filter(({ name = '' }) => name.startsWith(names));
    const live = await Promise.all(
      written.map(async (ref) => {
        if (!(await mayLive(ref.jobDir))) return [];
        const job = await this.attach(ref);
        await job.seen;
        await job[Symbol.asyncDispose]();
        return ['running', 'unknown'].includes(job.status.state.state) ? [ref] : [];
      }),
    );
    return live.flat();
  }

  forget({ jobDir }: JobRef): void {
    noteEnded(jobDir);
  }

  explain = explainEnd;

  #hostsFor({ host: wanted }: JobSpec): readonly Host[] {
    const chosen = wanted === undefined ? this.#hosts : this.#hosts.filter(({ word }) => word === wanted);
    if (chosen.length > 0) return chosen;
    const sentence =
      wanted === undefined ? 'The launcher ssh needs hosts.' : `-o hosts does not name ${wanted}.`;
    throw new IpclusterError('LAUNCHER_OPTIONS', sentence, {
      suggestions: ["`-o hosts='host[1-16]'`", '`-o hosts=@FILE`'],
    });
  }

  #failed({ failures, started }: Fan, all: number): IpclusterError {
    const lines = failures.map(({ host, verdict }) => `  ${host.word}: ${verdict.sentence}`);
    const [first] = failures;
    // One host speaks for all of its kind.
    const kinds = failures.filter(
      ({ verdict }, index) => failures.findIndex((other) => other.verdict.code === verdict.code) === index,
    );
    const suggestions = kinds.flatMap(({ verdict }) => verdict.suggestions);
    const enough = started > 0 ? ['Go on with fewer: `--min-engines N`.'] : [];
    return new IpclusterError(
      'HOSTS_FAILED',
      `${failures.length} of ${all} hosts could not be used:\n${lines.join('\n')}`,
      {
        suggestions: [...suggestions, ...enough],
        ...(first && { verdict: first.verdict.code }),
      },
    );
  }
}

/** Starts engines on hosts of one's own, by SSH. */
export default defineLauncher({
  name: 'ssh',
  summary: 'hosts that you can log in to with ssh',
  options,
  create: (given) => new SshLauncher(given),
});
