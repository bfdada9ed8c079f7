import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { poolBuffers } from '../base/buffer-pool.js';
import { IpclusterError, messageOf } from '../base/errors.js';
import { createLog } from '../base/log.js';
import { packageVersion, programFile } from '../base/package.js';
import { readLogLevel, runProgram } from '../base/program.js';
import { parseBytes, parseCount, parseDuration, parseLease, parsePorts } from '../base/quantities.js';
import { onEndingSignal } from '../base/signals.js';
import { type Deferred, deferred } from '../base/wait.js';
import { warmUpSoon } from '../base/warm-up.js';
import { fromIpython } from '../config/ipython-flags.js';
import { programFlags } from '../config/program-flags.js';
import { findJobShell } from '../processes/job-shell.js';
import { isAlive } from '../processes/table.js';
import { findPlace } from '../profile/paths.js';
import type { GatewayModule } from '../transport/gateway-door.js';
import { chooseAddresses } from './addresses.js';
import { Controller } from './controller.js';
import type { ControllerOptions } from './controller-options.js';

const help = `ipcontroller: queues and schedules the work of a cluster

  --ip IP                 where to listen: an address, a name, an interface, '*', or private for all
                          private addresses (this machine only)
  --port PORT             a port or a range such as 10000-10100 (any free one); --engine-port is the same
  --location HOST         an address or name to tell others first
  --profile NAME          in which profile the connection files go (default)
  --cluster-id ID         for a second cluster in one profile
  --work-dir PATH         where the store and the logs go
  --lease DURATION        silence after which peers give each other up (60s)
  --idle-timeout DURATION end after so long without client and work (never)
  --join FOLDER           let the supervisors of the batch job with that folder join (again and again)
  --reuse                 be the controller that was killed here: its keys, its tasks, its engines
  --keep-count N          finished tasks whose results are kept (200000)
  --keep-bytes SIZE       bytes of them (1GiB)
  --keep-age DURATION     how long they are kept (7d)
  --queue-tasks N         unfinished tasks beyond which clients have to wait (2000000)
  --queue-bytes SIZE      bytes of requests in memory beyond which clients have to wait (512MiB)
  --gateway WHAT          for Python's clients and engines of this machine: curve (encrypted), plain, or off
  --ping MS               milliseconds between heartbeats to Python's engines (3000)
  --profile-dir FOLDER    the profile by its folder; --ipython-dir FOLDER where profiles lie
  --log-level LEVEL       debug, info, warn or error
  --version, --help
`;

/** What a profile's file may say for this program. */
const ownSettings = [
  ...(['ip', 'port', 'location', 'workDir', 'lease', 'idleTimeout', 'gateway', 'logLevel'] as const),
  ...(['keepCount', 'keepBytes', 'keepAge', 'queueTasks', 'queueBytes'] as const),
];

function readArguments(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        ip: { type: 'string' },
        port: { type: 'string' },
        'engine-port': { type: 'string' },
        location: { type: 'string' },
        profile: { type: 'string' },
        'cluster-id': { type: 'string' },
        'work-dir': { type: 'string' },
        lease: { type: 'string', default: '60s' },
        'idle-timeout': { type: 'string', default: '0' },
        reuse: { type: 'boolean', default: false },
        join: { type: 'string', multiple: true, default: [] },
        'keep-count': { type: 'string', default: '200000' },
        'keep-bytes': { type: 'string', default: '1GiB' },
        'keep-age': { type: 'string', default: '7d' },
        'queue-tasks': { type: 'string', default: '2000000' },
        'queue-bytes': { type: 'string', default: '512MiB' },
        gateway: { type: 'string', default: 'curve' },
        ping: { type: 'string', default: '3000' },
        'log-level': { type: 'string', default: 'info' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new IpclusterError('USAGE', `${messageOf(error)}.`);
  }
}

/** How the gateway is opened, if it is wanted: its file is loaded only then. */
function gatewayOpener(gateway: string, heartbeat: number): ControllerOptions['openGateway'] {
  if (gateway === 'off') return undefined;
  if (gateway !== 'curve' && gateway !== 'plain')
    throw new IpclusterError('USAGE', `--gateway is "${gateway}", but must be curve, plain or off.`);
  return async (options) => {
    const { openGateway } = (await import(pathToFileURL(programFile('gateway')).href)) as GatewayModule;
    return openGateway({ ...options, curve: gateway === 'curve', heartbeat });
  };
}

/**
 * How often it is looked whether the job around this program has ended (milliseconds), and the reason to end
 * then.
 */
const jobLook = 1000;
const jobEnded = 'the job in which it was started has ended';

/**
 * Not every scheduler finds all that a script has left behind in its background: what the script started ends
 * with it.
 */
function endWithJob(ending: Deferred<string>): void {
  const shell = findJobShell();
  if (!shell) return;
  setInterval(() => isAlive(shell) || ending.resolve(jobEnded), jobLook).unref();
}

async function main(): Promise<void> {
  const { argv, ignored, variables } = fromIpython(process.argv.slice(2), 'ipcontroller');
  Object.assign(process.env, variables);
  const given = readArguments(argv);
  if (given.help) return void process.stdout.write(help);
  if (given.version)
    return void process.stdout.write(`ipcluster ${packageVersion()} ipcontroller (TypeScript)\n`);
  const flags = readArguments([...programFlags(given.profile, ownSettings), ...argv]);
  const log = createLog('ipcontroller', readLogLevel(flags['log-level']));
  for (const flag of ignored) log.warn(`${flag} means nothing here and is ignored`);
  const place = findPlace({
    profile: flags.profile,
    clusterId: flags['cluster-id'],
    workFolder: flags['work-dir'],
  });
  const ending = deferred<string>();
  const scheduled = process.env['IPCLUSTER_JOB'] !== undefined;
  const options: ControllerOptions = {
    place,
    log,
    ending,
    listening: await chooseAddresses(flags.ip, flags.location),
    ports: parsePorts(flags.port ?? flags['engine-port'] ?? '0', '--port'),
    lease: parseLease(flags.lease),
    idleTimeout: parseDuration(flags['idle-timeout'], '--idle-timeout'),
    reuse: flags.reuse,
    scheduled,
    joins: flags.join,
    // In a job its number is that of a process on a node; Python's tools would take it for one of their own
    // machine.
    listed: !scheduled && findJobShell() === undefined,
    keep: {
      count: parseCount(flags['keep-count'], '--keep-count'),
      bytes: parseBytes(flags['keep-bytes'], '--keep-bytes'),
      age: parseDuration(flags['keep-age'], '--keep-age'),
    },
    intake: {
      tasks: parseCount(flags['queue-tasks'], '--queue-tasks', 1),
      bytes: parseBytes(flags['queue-bytes'], '--queue-bytes'),
    },
    openGateway: gatewayOpener(flags.gateway, parseCount(flags.ping, '--ping', 1)),
  };
  onEndingSignal(ending.resolve);
  endWithJob(ending);
  const controller = await Controller.open(options);
  const reason = await ending.promise;
  // A user says stop, or presses Ctrl-C; a machine that goes down, a scheduler and a service manager send
  // these.
  const isSent = reason === 'SIGTERM' || reason === 'SIGHUP';
  log.info(`ending: ${reason}`);
  await controller.close(reason, isSent ? 'cluster' : reason === jobEnded ? 'tasks' : 'nothing');
}

poolBuffers();
warmUpSoon();
runProgram('ipcontroller', main);
