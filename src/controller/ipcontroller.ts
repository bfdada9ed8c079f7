import { parseArgs } from 'node:util';
import { IpclusterError, messageOf } from '../base/errors.js';
import { createLog } from '../base/log.js';
import { packageVersion } from '../base/package.js';
import { readLogLevel, runProgram } from '../base/program.js';
import { parsePorts } from '../base/quantities.js';
import { findPlace } from '../profile/paths.js';
import { chooseAddresses } from './addresses.js';
import { Controller } from './controller.js';

const help = `ipcontroller: queues and schedules the work of a cluster

  --ip IP                 where to listen: an address, a name, an interface, or '*' (this machine only)
  --port PORT             a port or a range such as 10000-10100 (any free one); --engine-port is the same
  --location HOST         an address or name to tell others first
  --profile NAME          in which profile the connection files go (default)
  --cluster-id ID         for a second cluster in one profile
  --work-dir PATH         where the store and the logs go
  --log-level LEVEL       debug, info, warn or error
  --version, --help
`;

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
        'log-level': { type: 'string', default: 'info' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new IpclusterError('USAGE', `${messageOf(error)} See ipcontroller --help.`);
  }
}

async function main(): Promise<void> {
  const flags = readArguments(process.argv.slice(2));
  if (flags.help) return void process.stdout.write(help);
  if (flags.version) return void process.stdout.write(`ipcluster ${packageVersion()} ipcontroller (TypeScript)\n`);
  const log = createLog('ipcontroller', readLogLevel(flags['log-level']));
  const place = findPlace({ profile: flags.profile, clusterId: flags['cluster-id'], workFolder: flags['work-dir'] });
  const ports = parsePorts(flags.port ?? flags['engine-port'] ?? '0', '--port');
  const controller = new Controller({ place, listening: await chooseAddresses(flags.ip, flags.location), ports, log });
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => controller.ending.resolve(name));
  try {
    await controller.start();
  } catch (error) {
    await controller.close().catch(() => {});
    throw error;
  }
  log.info(`ending: ${await controller.ending.promise}`);
  await controller.close();
}

runProgram('ipcontroller', main);
