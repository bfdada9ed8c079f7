import { hostname } from 'node:os';
import { Command, Flags } from '@oclif/core';
import { formatDuration } from '../base/quantities.js';
import { quoteWord } from '../base/shell.js';
import { engineCount, jobSettings, launcherSettings } from '../cluster/job-settings.js';
import { planStart, type StartedCluster, type StartRequest } from '../cluster/prepare.js';
import { startCluster } from '../cluster/start.js';
import { asStarted, wordsAsStarted } from '../cluster/started-with.js';
import { stopCluster } from '../cluster/stop.js';
import { formatPlan } from '../launcher-kit/plan.js';
import { readClusterFile } from '../profile/cluster-file.js';
import { pathsOf } from '../profile/paths.js';
import {
  commonFlags,
  givenBy,
  Interrupted,
  interruption,
  launcherFlags,
  placeOf,
  print,
  restOfLine,
} from './shared.js';
import { inPlace, lineInPlace } from './tips.js';

export default class Start extends Command {
  static override summary = 'start a controller and engines';
  static override description =
    'In the foreground, until Ctrl-C; with -d it returns when the engines are there.';
  static override examples = ['ipcluster start -n 4', 'ipcluster start -n 4 -d --json', 'ipcluster -n 4'];
  static override flags = {
    n: Flags.string({
      char: 'n',
      description: 'engines; the cores that you may use when absent (or IPCLUSTER_N); 0 for none',
      helpValue: 'N',
    }),
    daemonize: Flags.boolean({ char: 'd', description: 'return when the engines are there' }),
    ...launcherFlags,
    ip: Flags.string({
      description:
        "where the controller listens: address, name, interface or '*'; this machine only when absent",
    }),
    port: Flags.string({ aliases: ['engine-port'], description: 'its port, or a range such as 10000-10100' }),
    location: Flags.string({ description: 'an address or name to tell others first' }),
    lease: Flags.string({
      description: 'silence after which peers give each other up (60s)',
      helpValue: 'DURATION',
    }),
    'idle-timeout': Flags.string({
      description: 'end after so long without client and work (never)',
      helpValue: 'DURATION',
    }),
    gateway: Flags.string({
      options: ['curve', 'plain', 'off'],
      description: "for Python's clients and engines on the controller's machine (curve)",
    }),
    reuse: Flags.boolean({
      description: 'take over the engines and tasks of a controller that was killed here',
    }),
    'log-level': Flags.string({
      options: ['debug', 'info', 'warn', 'error'],
      description: 'what the programs log (info)',
    }),
    'dry-run': Flags.boolean({ description: 'print what would be written and run, and do nothing' }),
    ...commonFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(Start);
    const place = placeOf(flags, true);
    const [given, file] = [givenBy(flags), flags.reuse ? await readClusterFile(place) : undefined];
    const asked = file ? { n: String(file.engines), ...asStarted(given, file) } : given;
    const { values, launcher } = await launcherSettings(place, asked);
    const signal = interruption();
    const bar = process.stderr.isTTY && !flags.json;
    const request: StartRequest = {
      place,
      count: engineCount(values, launcher),
      ...jobSettings(values, launcher, wordsAsStarted(restOfLine(), given, file)),
      reuse: flags.reuse,
      signal,
      onProgress: bar
        ? (have, count, jobs) =>
            process.stderr.write(`\r\x1b[Kengines ${have}/${count}${jobs === 'running' ? '' : ` ${jobs}`} `)
        : undefined,
      onNotice: (sentence) => void process.stderr.write(`${inPlace(sentence)}\n`),
    };
    if (flags['dry-run']) {
      const plans = await planStart(request);
      return print(flags.json, { plans }, plans.map(formatPlan).join('\n\n'));
    }
    const cluster = await startCluster(request);
    if (bar) process.stderr.write('\r\x1b[K');
    print(flags.json, summarize(cluster), describe(cluster, flags.daemonize, values.text('engine')));
    await cluster.client?.close();
    if (!flags.daemonize) await foreground(cluster, signal);
  }
}

function summarize({ place, client, registered, took }: StartedCluster) {
  const seconds = Math.round(took) / 1000;
  const { clientFile, work } = pathsOf(place);
  return {
    clusterId: place.clusterId,
    profile: place.profile,
    engines: registered,
    ids: client?.ids ?? null,
    connectionFile: clientFile,
    seconds,
    controller: client ? { host: client.connection.host, pid: client.connection.pid } : null,
    workDir: work,
  };
}

function describe(cluster: StartedCluster, daemonized: boolean, engine: string | undefined): string {
  const { engines, connectionFile, controller } = summarize(cluster);
  const code = firstCode(engine ?? 'node');
  const next = [
    ...(code === undefined || engines === 0
      ? []
      : [`try: \`${lineInPlace(`ipcluster exec ${quoteWord(code)}`)}\``]),
    `how to connect: \`${lineInPlace('ipcluster connect')}\``,
  ];
  // Sockets of Python's are on the loopback of the controller's machine: a client of another one would wait
  // there for nothing.
  const isElsewhere = controller !== null && controller.host !== hostname();
  const relay = `\`${lineInPlace('ipcluster connect --relay')}\``;
  return [
    `${engines} engines in ${formatDuration(cluster.took)}`,
    `connection file: ${connectionFile}`,
    next.join('      '),
    ...(isElsewhere
      ? [`The controller is on ${controller.host}. Python's clients of this machine reach it by: ${relay}`]
      : []),
    ...(cluster.client
      ? []
      : [
          'the controller cannot be reached from here: status, why, logs and stop work, what needs an ' +
            'answer does not',
        ]),
    daemonized ? `stop: \`${lineInPlace('ipcluster stop')}\`` : 'Ctrl-C stops it',
  ].join('\n');
}

/** A first thing to try, in the language of the engines; undefined where that is not known. */
function firstCode(engine: string): string | undefined {
  if (engine === 'node') return 'process.pid';
  return engine === 'python' ? 'import os; os.getpid()' : undefined;
}

async function foreground(cluster: StartedCluster, signal: AbortSignal): Promise<void> {
  const asked = new Promise<'asked'>((resolve) => {
    if (signal.aborted) resolve('asked');
    signal.addEventListener('abort', () => resolve('asked'), { once: true });
  });
  const end = await Promise.race([asked, cluster.controllerEnded]);
  await stopCluster(cluster.place).catch(() => {});
  if (end === 'asked') throw new Interrupted();
  process.stderr.write('the controller has ended\n');
}
