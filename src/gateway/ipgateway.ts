import { connect } from 'node:net';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { IpclusterError, messageOf } from '../base/errors.js';
import { removeFile, writeWhole } from '../base/files.js';
import { newSession } from '../base/identifiers.js';
import { createLog, type Log } from '../base/log.js';
import { objectionTo } from '../base/own-socket.js';
import { packageVersion } from '../base/package.js';
import { readLogLevel, runProgram } from '../base/program.js';
import { onEndingSignal } from '../base/signals.js';
import { deferred } from '../base/wait.js';
import { readConnectionFile } from '../profile/connection-file.js';
import { Session } from '../protocol/message.js';
import { encodePacket } from '../protocol/packets.js';
import { dial } from '../transport/dial.js';
import { EngineSide } from './engine-side.js';
import { commonFields, keptFrom, openClientSide } from './gateway.js';
import { Signer } from './signer.js';
import { SupervisedEngines } from './supervised-engines.js';

const help = `ipgateway: lets Python's programs on this machine take part in a cluster

  --engines SOCKET     serve the engines of the supervisor that listens there
  --controller FILE    serve Python's clients: FILE is the controller's connection file
  --file PATH          where to write the connection file for Python
  --attached           end when standard input ends, and with it whoever started this
  --plain              without encryption: others on this machine may read what is sent
  --log-level LEVEL    debug, info, warn or error
  --version, --help
`;

/** Heartbeats only tell when an engine is ready: its supervisor sees whether it lives (milliseconds). */
const heartbeat = 3000;

function readArguments() {
  try {
    return parseArgs({
      options: {
        engines: { type: 'string' },
        controller: { type: 'string' },
        file: { type: 'string' },
        attached: { type: 'boolean', default: false },
        plain: { type: 'boolean', default: false },
        'log-level': { type: 'string', default: 'info' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new IpclusterError('USAGE', `${messageOf(error)}.`);
  }
}

/** A gateway that runs. */
interface Opened {
  fields: Record<string, unknown>;
  /** Settles with a reason when nobody needs it any more. */
  ended: Promise<string>;
  close(): Promise<void>;
}

async function openForEngines(socketPath: string, plain: boolean, log: Log): Promise<Opened> {
  const objection = objectionTo(socketPath);
  if (objection !== undefined)
    throw new IpclusterError(
      'UNREACHABLE',
      `The supervisor's socket is not used (${objection}): ${socketPath}`,
    );
  const kept = keptFrom({ before: undefined, curve: !plain });
  const signer = new Signer(kept.key);
  const session = new Session(newSession());
  const host = new SupervisedEngines(socketPath, session);
  const side = new EngineSide({ signer, ...kept, heartbeat, host, log, judge: false });
  host.serve(side);
  const ports = await side.open();
  const ended = deferred<string>();
  const supervisor = connect(socketPath);
  const content = { uuid: '', pid: process.pid, role: 'gateway' as const };
  supervisor.on('connect', () => {
    for (const part of encodePacket({ channel: 'hub' }, session.encode({ type: 'engine_hello', content })))
      supervisor.write(part);
  });
  supervisor.on('error', (error) => ended.resolve(error.message));
  supervisor.on('close', () => ended.resolve('its supervisor has ended'));
  const fields = { ...commonFields(kept, hostname()), ...ports, broadcast: [ports.broadcast] };
  const close = async (): Promise<void> => {
    await side.close();
    await host.endAll();
  };
  return { fields, ended: ended.promise, close };
}

async function openForClients(path: string, plain: boolean, log: Log): Promise<Opened> {
  const kept = keptFrom({ before: undefined, curve: !plain });
  const file = readConnectionFile(path);
  const open = { connect: () => dial(file, 10_000), lease: file.lease, log };
  const { side, ports, observer } = await openClientSide(open, kept, new Signer(kept.key));
  const ended = observer.link.closed.then((error) => error?.message ?? 'the controller has ended');
  const fields = { ...commonFields(kept, hostname()), ...ports, task_scheme: 'leastload' };
  return { fields, ended, close: () => side.close(false) };
}

async function main(): Promise<void> {
  const flags = readArguments();
  if (flags.help) return void process.stdout.write(help);
  if (flags.version)
    return void process.stdout.write(`ipcluster ${packageVersion()} ipgateway (TypeScript)\n`);
  const { engines, controller, file, plain } = flags;
  if (file === undefined || (engines === undefined) === (controller === undefined))
    throw new IpclusterError('USAGE', 'Say --file, and either --engines or --controller.');
  const log = createLog('ipgateway', readLogLevel(flags['log-level']));
  const asked = deferred<string>();
  onEndingSignal(asked.resolve);
  if (flags.attached) process.stdin.resume().once('end', () => asked.resolve('whoever started it has ended'));
  const opened =
    engines === undefined
      ? await openForClients(controller ?? '', plain, log)
      : await openForEngines(engines, plain, log);
  writeWhole(file, `${JSON.stringify(opened.fields, null, 1)}\n`);
  try {
    log.info(`ending: ${await Promise.race([asked.promise, opened.ended])}`);
  } finally {
    await removeFile(file);
    await opened.close();
  }
}

runProgram('ipgateway', main);
