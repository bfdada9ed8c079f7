/*
 * The flags of IPython's ipcontroller, ipengine and ipcluster (their --help-all, 0.11 to 9), and what each
 * means here: `flags` by name without dashes, `traits` by `Class.trait`, or by the trait alone where that
 * says enough.
 */

/** Our programs that have a namesake in IPython's. */
export type IpythonProgram = 'ipcontroller' | 'ipengine' | 'ipcluster';

export type Rule =
  /** The same by another name of ours; `value` makes ours of IPython's. */
  | { flag: string; value?: (text: string) => string }
  /** The name of a folder, as a variable that all programs read. */
  | { variable: string }
  /** A switch of ours, which IPython lets people write as `=True`. */
  | { onOff: string }
  /** Means nothing here: a switch, or something with a value. */
  | { nothing: 'switch' | 'value' }
  /** Not done here; the sentence says what to write. */
  | { refused: string };

type Rules = Record<string, Rule>;
const every = (names: string, rule: Rule): Rules =>
  Object.fromEntries(names.split(' ').map((name) => [name, rule]));
const switches = (names: string): Rules => every(names, { nothing: 'switch' });
const valued = (names: string): Rules => every(names, { nothing: 'value' });

/** IPython counts levels of the log as Python does. */
const levels: Record<string, string> = {
  0: 'debug',
  10: 'debug',
  20: 'info',
  30: 'warn',
  40: 'error',
  50: 'error',
};
const named: Record<string, string> = { warning: 'warn', critical: 'error' };
const level: Rule = {
  flag: '--log-level',
  value: (text) => levels[text] ?? named[text.toLowerCase()] ?? text.toLowerCase(),
};

/**
 * Launchers by IPython's names: `Slurm`, `SlurmEngineSetLauncher`,
 * `ipyparallel.cluster.launcher.MPIEngineSetLauncher`.
 */
function launcherOf(text: string): string {
  const name = text
    .replace(/^(ipyparallel|IPython)\.[\w.]*\./, '')
    .replace(/((EngineSet|Controller|Engine)?Launcher)$/, '');
  return /^[A-Za-z]+$/.test(name) ? name.toLowerCase().replace(/^mpi(exec|run)$/, 'mpi') : text;
}
/** IPython has a launcher for the controller too; here it is on this machine, or a job of its own. */
const controllers: Record<string, string> = {
  local: 'here',
  slurm: 'job',
  pbs: 'job',
  sge: 'job',
  lsf: 'job',
};
const controllerOf = (text: string): string => controllers[launcherOf(text)] ?? text;

const noTunnel = 'Nothing is tunnelled for you: forward the port (`ssh -N -L PORT:CONTROLLER:PORT HOST`)';

const common: { flags: Rules; traits: Rules } = {
  flags: {
    ...switches('log-to-file clean-logs init secure no-secure'),
    ...valued('log-url config ident user keyfile packer unpacker'),
    'log-level': level,
    'ipython-dir': { variable: 'IPYTHONDIR' },
    'profile-dir': { variable: 'IPP_PROFILE_DIR' },
  },
  traits: {
    profile: { flag: '--profile' },
    cluster_id: { flag: '--cluster-id' },
    log_level: level,
    ipython_dir: { variable: 'IPYTHONDIR' },
    'ProfileDir.location': { variable: 'IPP_PROFILE_DIR' },
  },
};

const own: Record<IpythonProgram, { flags: Rules; traits: Rules }> = {
  ipcontroller: {
    flags: {
      ...switches('dictdb sqlitedb mongodb nodb usethreads nothreads restore enable-curve'),
      ...valued('scheme hwm ports engine-ports client-ports sshkey'),
      ssh: {
        refused: `${noTunnel}, or let Python's clients elsewhere in with \`ipcluster connect --relay\`.`,
      },
      enginessh: {
        refused:
          `${noTunnel} and start engines with \`ipengine --controller-ip localhost ` +
          `--controller-port PORT\`.`,
      },
    },
    traits: {
      ...every('IPController.ip HubFactory.ip', { flag: '--ip' }),
      ...every('IPController.location HubFactory.location', { flag: '--location' }),
      // Both are milliseconds between heartbeats.
      'HeartMonitor.period': { flag: '--ping' },
      reuse_files: { onOff: '--reuse' },
    },
  },
  ipengine: {
    flags: {
      // Every address of the controller is tried, wherever it is.
      ...valued('location hwm sshkey'),
      ssh: { refused: `${noTunnel} and name it: \`--controller-ip localhost --controller-port PORT\`.` },
      url: {
        refused:
          'Where the controller is stands in its file: `--file PATH`, or `--controller-ip` and ' +
          '`--controller-port`.',
      },
    },
    traits: {
      ...every('EngineFactory.timeout IPEngine.timeout', { flag: '--timeout' }),
      url_file: { flag: '--file' },
      startup_script: { flag: '--startup-script' },
      startup_command: { flag: '--startup-command' },
      'MPI.use': { flag: '--mpi' },
    },
  },
  ipcluster: {
    flags: {
      ...switches('reset early-shutdown'),
      ...valued('delay stop-timeout'),
      daemonize: { onOff: '--daemonize' },
      engines: { flag: '--launcher', value: launcherOf },
      controller: { flag: '--controller', value: controllerOf },
    },
    traits: {
      ...every('IPClusterEngines.n IPClusterStart.n IPCluster.n Cluster.n', { flag: '--n' }),
      engine_launcher_class: { flag: '--launcher', value: launcherOf },
      controller_launcher_class: { flag: '--controller', value: controllerOf },
      daemonize: { onOff: '--daemonize' },
      controller_ip: { flag: '--ip' },
      controller_location: { flag: '--location' },
      queue: { flag: '--partition' },
      account: { flag: '--account' },
      qos: { flag: '--qos' },
      timelimit: { flag: '--time' },
    },
  },
};

/**
 * What a flag of IPython's means for one of our programs; undefined where it is none, or one of ours by the
 * same name.
 */
export function ruleOf(name: string, program: IpythonProgram): Rule | undefined {
  const { flags, traits } = own[program];
  const [owner = '', trait] = name.split('.');
  const find = (rules: Rules, key: string): Rule | undefined =>
    Object.hasOwn(rules, key) ? rules[key] : undefined;
  if (trait === undefined) return find(flags, name) ?? find(common.flags, name);
  if (!/^[A-Z]\w*$/.test(owner)) return undefined;
  const keys = [name, trait];
  return (
    keys.map((key) => find(traits, key) ?? find(common.traits, key)).find(Boolean) ?? { nothing: 'value' }
  );
}
