import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { currentFolder, isFolder } from '../base/current-folder.js';
import { IpclusterError, messageOf } from '../base/errors.js';
import { createLog } from '../base/log.js';
import { expandHome } from '../base/owner.js';
import { packageVersion } from '../base/package.js';
import { readLogLevel, runProgram } from '../base/program.js';
import { formatBytes, parseCount, parseDuration, parsePorts } from '../base/quantities.js';
import { splitWords } from '../base/shell.js';
import { onEndingSignal } from '../base/signals.js';
import { deferred } from '../base/wait.js';
import { warmUpSoon } from '../base/warm-up.js';
import { fromIpython } from '../config/ipython-flags.js';
import { programFlags } from '../config/program-flags.js';
import { readEngineProgram } from '../processes/engine-program.js';
import { nodeAddressSpace, readLimits } from '../processes/limits.js';
import { placeEngines } from '../processes/placement.js';
import { markVariable } from '../processes/table.js';
import { findPlace, markOf, pathsOf, socketPath } from '../profile/paths.js';
import { readAllocation } from './allocation.js';
import { deadlineQuestion } from './deadline.js';
import { startController } from './own-controller.js';
import { readRank } from './rank.js';
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
  --engine WORDS          what engines are: node (the default), python with words for it, or another command that
                          reads IPython's connection file
  --python PATH           the interpreter for engines of Python (python3)
  --mpi[=MODULE]          engines of Python whose MPI that module initialises (mpi4py); each rank starts one
  -s FILE, -c CODE        what engines of Python run at their start
  --gateway WHAT          how they are connected on this machine: curve (encrypted) or plain
  --restart WHEN          start engines again that end unasked: on-crash (the default) or never
  --engine-wrapper WORDS  what each engine's command begins with, such as a container's
  --task-wrapper WORDS    what each shell task's command begins with
  --controller -- FLAGS   start the controller too, with those flags, where this is the first node of its job
  --profile-dir FOLDER    the profile by its folder; --ipython-dir FOLDER where profiles lie
  --log-level LEVEL       debug, info, warn or error
  --version, --help
`;

function readArguments(argv: readonly string[]) {
  try {
    return parseArgs({
      allowPositionals: true,
      args: argv.map((word) =>
        /^-n=?\d+$/.test(word) ? word.replace(/^-n=?/, '-n') : word === '--mpi' ? '--mpi=mpi4py' : word,
      ),
      options: {
        n: { type: 'string', short: 'n' },
        profile: { type: 'string' },
        'cluster-id': { type: 'string' },
        file: { type: 'string' },
        'controller-ip': { type: 'string' },
        'controller-port': { type: 'string' },
        id: { type: 'string' },
        'work-dir': { type: 'string' },
        timeout: { type: 'string', default: '60s' },
        engine: { type: 'string', default: 'node' },
        python: { type: 'string', default: 'python3' },
        mpi: { type: 'string' },
        gateway: { type: 'string', default: 'curve' },
        'startup-script': { type: 'string', short: 's' },
        'startup-command': { type: 'string', short: 'c' },
        restart: { type: 'string', default: 'on-crash' },
        'engine-wrapper': { type: 'string', default: '' },
        'task-wrapper': { type: 'string' },
        controller: { type: 'boolean', default: false },
        'log-level': { type: 'string', default: 'info' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new IpclusterError('USAGE', `${messageOf(error)}.`);
  }
}

/** An engine under too small a limit dies without a word of its own, again and again. Throws JOB_FAILED. */
function checkAddressSpace(): void {
  const { addressSpace } = readLimits();
  if (addressSpace === undefined || addressSpace >= nodeAddressSpace) return;
  throw new IpclusterError(
    'JOB_FAILED',
    `An engine needs ${formatBytes(nodeAddressSpace)} of address space, but \`ulimit -v\` allows ` +
      `${formatBytes(addressSpace)} here.`,
    {
      suggestions: ['Ask for more memory: `--mem 4G`.'],
    },
  );
}

/** Where engines run. Throws USAGE for a folder that is not there. */
function engineFolder(given: string | undefined): string {
  if (given === undefined) return currentFolder();
  const folder = resolve(expandHome(given));
  if (isFolder(folder)) return folder;
  throw new IpclusterError(
    'USAGE',
    `--work-dir is "${given}", but there is no folder ${folder} on ${hostname()}.`,
  );
}

async function main(): Promise<void> {
  const { argv, ignored, variables } = fromIpython(process.argv.slice(2), 'ipengine');
  Object.assign(process.env, variables);
  const { values: given, positionals } = readArguments(argv);
  if (positionals.length > 0 && !given.controller)
    throw new IpclusterError('USAGE', `"${positionals[0]}" is no flag..`);
  if (given.help) return void process.stdout.write(help);
  if (given.version)
    return void process.stdout.write(`ipcluster ${packageVersion()} ipengine (TypeScript)\n`);
  const fromProfile = programFlags(
    given.profile,
    ['urlFile', 'engine', 'python', 'gateway', 'restart', 'timeout', 'logLevel'],
    {
      urlFile: 'file',
    },
  );
  const flags = readArguments([...fromProfile, ...argv]).values;
  const allocation = readAllocation(process.env);
  const count =
    allocation && flags.n === undefined
      ? allocation.count
      : parseCount(flags.n ?? process.env['IPCLUSTER_COUNT'] ?? '1', '-n', 1);
  const timeout = parseDuration(flags.timeout, '--timeout');
  const firstId = flags.id === undefined ? undefined : parseCount(flags.id, '--id');
  const controllerPort =
    flags['controller-port'] === undefined
      ? undefined
      : parsePorts(flags['controller-port'], '--controller-port').first;
  const { restart } = flags;
  if (restart !== 'on-crash' && restart !== 'never')
    throw new IpclusterError('USAGE', `--restart is "${restart}", but must be on-crash or never.`);
  const log = createLog('ipengine', readLogLevel(flags['log-level']));
  for (const flag of ignored) log.warn(`${flag} means nothing here and is ignored`);
  const place = findPlace({ profile: flags.profile, clusterId: flags['cluster-id'] });
  const paths = pathsOf(place);
  const run = randomUUID();
  const end = deferred<string>();
  const program = readEngineProgram({
    engine: flags.engine,
    python: flags.python,
    mpi: flags.mpi,
    startupScript: flags['startup-script'],
    startupCommand: flags['startup-command'],
  });
  if (program?.isRank && count > 1)
    throw new IpclusterError(
      'USAGE',
      `Each rank can be one process of MPI only: start ${count} ranks with an engine each, not -n ${count}.`,
    );
  onEndingSignal(end.resolve);
  const settings = {
    socketPath: socketPath(run),
    logFolder: paths.log,
    // A supervisor sweeps what carries its own mark, never what its neighbours of the same cluster started.
    mark: `${process.env[markVariable] ?? markOf(place, run)}/${run}`,
    workFolder: engineFolder(flags['work-dir']),
    placements:
      allocation && allocation.cpusPerTask > 0
        ? placeEngines({ ...allocation, count: Math.max(1, count) }, process.env)
        : [],
    wrapper: splitWords(flags['engine-wrapper']),
    foreign: undefined,
  };
  checkAddressSpace();
  if (count === 0) return log.info('no engine falls to this node');
  const rank = readRank(process.env);
  // Engines of one job are numbered along its nodes or ranks, whichever comes first.
  const wanted = firstId ?? allocation?.before ?? (rank === undefined ? undefined : rank * count);
  const ids = wanted === undefined ? [] : Array.from({ length: count }, (_unused, index) => wanted + index);
  const join = {
    file: flags.file ?? paths.engineFile,
    controllerIp: flags['controller-ip'],
    controllerPort,
    timeout,
  };
  if (flags['task-wrapper'] !== undefined) process.env['IPCLUSTER_TASK_WRAPPER'] = flags['task-wrapper'];
  const controller =
    flags.controller && (allocation?.node ?? 0) === 0
      ? await startController(positionals, log, end)
      : undefined;
  await supervise({
    settings,
    program,
    plain: flags.gateway === 'plain',
    profileFolder: place.profileFolder,
    run,
    allocation,
    question: deadlineQuestion(process.env, allocation),
    rank,
    restart,
    count,
    ids,
    join,
    log,
    end,
  });
  await controller?.close();
}

warmUpSoon();
runProgram('ipengine', main);
