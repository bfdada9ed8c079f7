/** One row of the catalogue: `docs/errors.md` is made from it. */
export interface CatalogueEntry {
  /** When this happens, for the page of errors. */
  what: string;
  suggestions: readonly string[];
  /** 1 failed, 2 wrong use, 3 timed out, 4 nothing there. */
  exitCode: 1 | 2 | 3 | 4;
}

const entry = (
  exitCode: CatalogueEntry['exitCode'],
  what: string,
  ...suggestions: string[]
): CatalogueEntry => ({
  what,
  suggestions,
  exitCode,
});

/** Every error that a user can meet, with what to try. */
export const errorCatalogue = {
  USAGE: entry(2, 'A flag, argument or value is not what the command takes.', 'See `ipcluster --help`.'),
  PROFILE: entry(
    2,
    'The profile or cluster id has a name that cannot be a folder, or its folder cannot be used.',
    'Use letters, digits, `.`, `_` and `-`.',
    'Check that you own the folder and that it is writable.',
  ),
  FOLDER: entry(
    2,
    'A folder of ours, or one on the way to it, belongs to another user or can be written by others; ' +
      'nothing was put there.',
    'Another place: `--work-dir FOLDER`, made with `mkdir -m 700 FOLDER`; for profiles, IPYTHONDIR.',
  ),
  LAUNCHER_UNKNOWN: entry(2, 'No launcher has that name.', 'See `ipcluster launchers`.'),
  LAUNCHER_OPTIONS: entry(
    2,
    'A launcher option is unknown or has a wrong value.',
    'See `ipcluster launchers`.',
  ),
  CLUSTER_RUNNING: entry(
    2,
    'A cluster of that profile and cluster id is running already; nothing was started.',
    'Use it: `ipcluster status`.',
    'Stop it first: `ipcluster stop`.',
    'Start a second one beside it: `ipcluster start --cluster-id second`.',
  ),
  CLUSTER_NOT_FOUND: entry(
    4,
    'No cluster of that profile and cluster id is known.',
    'See what runs: `ipcluster list`.',
    'Start one: `ipcluster start -n 4`.',
  ),
  WRONG_LANGUAGE: entry(
    2,
    'Code of one language was sent to engines that run another.',
    'Send text with `execute`: each engine reads it in its own language.',
    'Add engines that run it: `ipcluster engines add -n 2 --engine python` (or `node`).',
  ),
  PYTHON: entry(
    2,
    'The interpreter for engines of Python cannot be run, or lacks a module that they need.',
    'Name the one that has it: `--python PATH`.',
    'Install it there: `PATH -m pip install ipyparallel`.',
  ),
  NOT_FOUND: entry(
    4,
    'The thing asked for (an engine, a task, a log) is not there.',
    'See `ipcluster status`.',
  ),
  CONNECTION_FILE: entry(
    2,
    'A connection file is malformed, unreadable, or belongs to somebody else.',
    'Copy it again from the machine of the controller, with mode 0600.',
  ),
  CONNECTION_FILE_TIMEOUT: entry(
    3,
    'The controller did not write its connection file in time.',
    'Look at the log of the controller.',
    'Is the profile on a file system that both machines see?',
  ),
  SCHEDULER_MISSING: entry(
    2,
    'The batch system that was asked for is not on this machine; nothing was submitted.',
    'See `ipcluster launchers`.',
    'Are you on the login node?',
  ),
  SCHEDULER_SILENT: entry(
    3,
    'The batch system does not answer; what was asked of it may still come to be.',
    'Try again later.',
    'See what there is: `ipcluster ps`.',
  ),
  SUBMIT_REFUSED: entry(
    1,
    'The batch system did not take the job.',
    'See what would be submitted: `--dry-run`.',
  ),
  HOSTS_FAILED: entry(
    1,
    'Hosts could not be used, and those that are left are not enough; what was started on them was ended.',
    'Go on with fewer: `--min-engines N`.',
  ),
  RESOURCES: entry(
    2,
    'A resource was asked for that the launcher has nothing like; nothing was submitted.',
    'What it has goes after `--`, word for word.',
  ),
  SUPERSEDED: entry(
    1,
    'The scheduler has started a job again, or its time is over: supervisors of the earlier run are ' +
      'refused, and end.',
  ),
  QUEUE_TIMEOUT: entry(
    3,
    'The job waited in the queue longer than --queue-timeout; it was cancelled.',
    'Wait longer, or ask for less.',
    'Why it waits: `ipcluster why`.',
  ),
  LIMITS: entry(
    2,
    'A limit of this machine is too small for so many engines; nothing was started.',
    'Start fewer: `-n`.',
    'Raise the limit: `ulimit`, or ask who looks after the machine.',
  ),
  REGISTRATION_TIMEOUT: entry(
    3,
    'Fewer engines than asked for registered in time.',
    'Look at the logs: `ipcluster logs`.',
    'Give them longer: `--timeout 120s`.',
  ),
  TIMEOUT: entry(3, 'Something took longer than it was given.'),
  PORT_IN_USE: entry(
    2,
    'The port is taken by another program.',
    'Name another one, or a range: `--port 10000-10100`.',
  ),
  ADDRESS: entry(2, 'No address of this machine fits what was asked for.', 'See the addresses: `ip addr`.'),
  UNAUTHORIZED: entry(
    2,
    'The controller does not know the token: the connection file is an old one, or is for engines only.',
    'Copy the connection file again.',
  ),
  CERTIFICATE: entry(
    2,
    'Whoever answered does not hold the certificate of the connection file.',
    'Copy the connection file again; the controller may have been restarted.',
  ),
  UNREACHABLE: entry(
    1,
    'No address of the controller answered.',
    'Does it run? `ipcluster status`.',
    'On another machine: start the controller with `--ip`.',
  ),
  VERSION: entry(
    2,
    'The two programs do not speak the same version of the protocol.',
    'Install the same ipcluster.',
  ),
  PROTOCOL: entry(1, 'Bytes arrived that are no message of ours.', 'Look at the log of the controller.'),
  CLOSED: entry(1, 'The connection was closed while something was waited for.', 'See `ipcluster status`.'),
  NO_ENGINES: entry(4, 'No engine is registered, or none fits.', 'See `ipcluster status`.'),
  ENGINE_DIED: entry(1, 'An engine ended while it had work.', 'Look at the logs: `ipcluster logs`.'),
  JOB_FAILED: entry(
    1,
    'The controller or the engines ended instead of starting.',
    'Look at the log that is named; its last lines are shown.',
  ),
  STOP_FAILED: entry(
    1,
    'Something of ours is still there after stop.',
    'See `ipcluster ps`, then `ipcluster kill`.',
  ),
  NOT_CLONEABLE: entry(
    2,
    'A value cannot travel: functions, symbols, promises and open handles cannot be cloned.',
    'Send plain data, typed arrays, maps, sets or dates.',
  ),
  TOO_LARGE: entry(
    2,
    'A value is too large to be sent: 4 GB to named engines and as a result, 1 GB as a task for any engine.',
    'Send it in parts.',
    'Leave it in a file that both sides see, and send its name.',
  ),
  FUNCTION_SOURCE: entry(
    2,
    'A function has no source that can travel: it is native or bound.',
    'Wrap it: `(x) => f(x)`, or name a module and its export.',
  ),
  REMOTE: entry(1, 'The code of a task threw; name, message and stack are those of the engine.'),
  TASK_TIMEOUT: entry(3, 'A task waited or ran longer than its limit.'),
  TASK_ABORTED: entry(1, 'A task was cancelled before it ended.'),
  DEPENDENCY: entry(1, 'A task can never run: what it waits for is unknown or ended the other way.'),
  DISK_FULL: entry(
    1,
    'A disk is full, or your quota of it is used up.',
    'See `df -h` and `df -i`, or `quota -s`.',
    'Another place: `--work-dir`.',
  ),
  SYSTEM: entry(
    1,
    'The operating system refused something: it has no more processes, open files or memory for it, or ' +
      'a disk fails.',
    'What it allows: `ulimit -a`. What is used: `ipcluster ps`.',
    'The same may succeed later.',
  ),
  STORE: entry(1, 'The store of tasks and results could not be used.', 'Is the disk full? `df -h`.'),
  NOT_KEPT: entry(
    1,
    'Tasks were taken in, but are not in the file of the store: the end of the controller would lose them.',
    'Make room on the disk of the store (`ipcluster status` says where it is) and call `accepted()` again.',
  ),
  RESULT_GONE: entry(
    1,
    'A result was removed from the store before it was read.',
    'Read results as they come, or keep more: `--keep-bytes`.',
  ),
  CONFIG: entry(
    2,
    'A configuration file has a key or value that is not known.',
    'See `ipcluster config show`.',
  ),
  JOB_LOG: entry(
    2,
    'The job log cannot be read, written, or is of another run.',
    'Name another file with --joblog.',
  ),
  INTERNAL: entry(1, 'A defect of ours.', 'Please report it with the log.'),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;
