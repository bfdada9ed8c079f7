import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { IpclusterError, messageOf } from '../base/errors.js';
import { createLog } from '../base/log.js';
import { packageVersion } from '../base/package.js';
import { readLogLevel, runProgram } from '../base/program.js';
import { parseCount, parseDuration, parsePorts } from '../base/quantities.js';
import { deferred } from '../base/wait.js';
import { programFlags } from '../config/program-flags.js';
import { markVariable } from '../processes/table.js';
import { findPlace, markOf, pathsOf, socketPath } from '../profile/paths.js';
import { supervise } from './supervise.js';

const help = `ipengine: starts engines on this machine and joins them to a controller

  -n K                    engines to start (1)
  --profile NAME          whose connection file to use (default)
  --cluster-id ID         which cluster of the profile
  --file PATH             the engine's connection file itself
  --controller-ip IP      the controller's address, in place of the file's; the secret still comes from the file
  --controller-port PORT  its port, likewise
  --id N                  the id to ask for; with -n K the first one
  --work-dir PATH         where the engines run and their logs go
  --timeout DURATION      how long to try to join (60s)
  --restart WHEN          start engines again that end unasked: on-crash (the default) or never
  --log-level LEVEL       debug, info, warn or error
  --version, --help
`;

function readArguments(argv: readonly string[]) {
  try {
    return parseArgs({
      args: argv.map((word) => (/^-n=?\d+$/.test(word) ? word.replace(/^-n=?/, '-n') : word)),
      options: {
        n: { type: 'string', short: 'n', default: process.env['IPCLUSTER_COUNT'] ?? '1' },
        profile: { type: 'string' },
        'cluster-id': { type: 'string' },
        file: { type: 'string' },
        'controller-ip': { type: 'string' },
        'controller-port': { type: 'string' },
        id: { type: 'string' },
        'work-dir': { type: 'string' },
        timeout: { type: 'string', default: '60s' },
        restart: { type: 'string', default: 'on-crash' },
        'log-level': { type: 'string', default: 'info' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new IpclusterError('USAGE', `${messageOf(error)} See ipengine --help.`);
  }
}

async function main(): Promise<void> {
  const given = readArguments(process.argv.slice(2));
  if (given.help) return void process.stdout.write(help);
  if (given.version) return void process.stdout.write(`ipcluster ${packageVersion()} ipengine (TypeScript)\n`);
  const fromProfile = programFlags(given.profile, ['urlFile', 'restart', 'timeout', 'logLevel'], { urlFile: 'file' });
  const flags = readArguments([...fromProfile, ...process.argv.slice(2)]);
  const count = parseCount(flags.n, '-n', 1);
  const timeout = parseDuration(flags.timeout, '--timeout');
  const firstId = flags.id === undefined ? undefined : parseCount(flags.id, '--id');
  const controllerPort =
    flags['controller-port'] === undefined ? undefined : parsePorts(flags['controller-port'], '--controller-port').first;
  const { restart } = flags;
  if (restart !== 'on-crash' && restart !== 'never')
    throw new IpclusterError('USAGE', `--restart is "${restart}", but must be on-crash or never.`);
  const log = createLog('ipengine', readLogLevel(flags['log-level']));
  const place = findPlace({ profile: flags.profile, clusterId: flags['cluster-id'] });
  const paths = pathsOf(place);
  const run = randomUUID();
  const end = deferred<string>();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => end.resolve(name));
  const settings = {
    socketPath: socketPath(run),
    logFolder: paths.log,
    // A supervisor sweeps what carries its own mark, never what its neighbours of the same cluster started.
    mark: `${process.env[markVariable] ?? markOf(place, run)}/${run}`,
    workFolder: flags['work-dir'] ?? process.cwd(),
  };
  const ids = firstId === undefined ? [] : Array.from({ length: count }, (_unused, index) => firstId + index);
  const join = { file: flags.file ?? paths.engineFile, controllerIp: flags['controller-ip'], controllerPort, timeout };
  await supervise({ settings, run, restart, count, ids, join, log, end });
}

runProgram('ipengine', main);
