import { checkMilliseconds, checkWhole } from '../base/quantities.js';
import type { Client } from '../client/client.js';
import type { Given } from '../config/resolve.js';
import { findPlace, type Place } from '../profile/paths.js';
import { connectTo } from './find.js';
import { engineCount, jobSettings, launcherSettings } from './job-settings.js';
import type { StartedCluster } from './prepare.js';
import { startCluster } from './start.js';
import { endCluster } from './stop.js';

/**
 * How to start a cluster from a program. What is absent here is as the environment and the profile's file
 * say.
 */
export interface ClusterOptions {
  /** Engines; the cores that this process may use when absent. */
  n?: number;
  profile?: string;
  clusterId?: string;
  /** `local` when absent. */
  launcher?: string;
  /** The launcher's options, each `key=value`. */
  launcherOptions?: readonly string[];
  /** Where the controller listens; this machine only when absent. */
  ip?: string;
  /**
   * Milliseconds of silence after which controller, engines and clients give each other up; 60,000 when
   * absent.
   */
  lease?: number;
  /** Milliseconds until all engines must be registered; 60,000 when absent. */
  timeout?: number;
  signal?: AbortSignal;
}

/** A cluster that this program has started, and ends. */
export class Cluster implements AsyncDisposable {
  /** A client that is connected to it. */
  readonly client: Client;
  readonly #place: Place;
  readonly #started: StartedCluster;

  private constructor(started: StartedCluster, client: Client) {
    this.client = client;
    this.#place = started.place;
    this.#started = started;
  }

  /**
   * Starts a controller and engines and resolves when all are registered. Use it with `await using`, or call
   * {@link stop}. Throws CLUSTER_RUNNING, LAUNCHER_UNKNOWN, LAUNCHER_OPTIONS, JOB_FAILED or
   * REGISTRATION_TIMEOUT.
   */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const { n, profile, clusterId, launcher, launcherOptions, ip, lease, timeout, signal } = options;
    if (n !== undefined) checkWhole(n, 'n');
    if (lease !== undefined) checkMilliseconds(lease, 'lease');
    if (timeout !== undefined) checkMilliseconds(timeout, 'timeout');
    const found = findPlace({ profile, clusterId });
    const milliseconds = (value: number | undefined): string | undefined =>
      value === undefined ? undefined : `${value}ms`;
    const given: Given = {
      n: n?.toString(),
      launcher,
      ip,
      launcherOptions: launcherOptions?.join('\n'),
      lease: milliseconds(lease),
      timeout: milliseconds(timeout),
    };
    const { values, launcher: made } = await launcherSettings(found, given);
    const place = { ...found, workFolder: values.text('workDir') ?? found.workFolder };
    const settings = jobSettings(values, made);
    const started = await startCluster({
      place,
      count: engineCount(values, made),
      ...settings,
      reuse: false,
      signal,
    });
    return new Cluster(started, started.client ?? (await connectTo(place)));
  }

  get profile(): string {
    return this.#place.profile;
  }

  get clusterId(): string {
    return this.#place.clusterId;
  }

  /** Ends everything, and proves that nothing is left. */
  async stop(): Promise<void> {
    const { unsure } = await endCluster(this.#place, this.#started.file, this.client);
    for (const sentence of unsure) process.emitWarning(sentence);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
