import { IpclusterError } from '../base/errors.js';
import { parseBytes, parseCount, parseDuration, parseLimit, parsePorts } from '../base/quantities.js';

/** What a setting's text may be. */
type Kind = 'text' | 'path' | 'count' | 'duration' | 'limit' | 'bytes' | 'ports' | 'words' | 'lines';

/** One thing that users may set, by flag, environment, profile or site. */
export interface Setting {
  /** Its name in the files; the flag and the variable are made from it. */
  key: string;
  kind: Kind;
  /** Undefined where the program finds out by itself, as `help` says. */
  default: string | undefined;
  /** The only values, where there are few. */
  choices?: readonly string[];
  help: string;
}

/** What a batch system is asked for, and what is done on its nodes. */
const batchSettings = [
  {
    key: 'controller',
    kind: 'text',
    default: 'here',
    help:
      'where the controller lives: here (on this machine), job (one of its own), in-job (that of the ' +
      'engines), or a host of ssh',
  },
  {
    key: 'shape',
    kind: 'text',
    default: undefined,
    choices: ['gang', 'array'],
    help:
      'one job that starts as a whole, or elements that start as places become free; gang, but ' +
      'array for sge',
  },
  {
    key: 'spread',
    kind: 'text',
    default: undefined,
    choices: ['native', 'mpirun', 'srun'],
    help: "how engines get to the nodes of a job: the system's own way, or as ranks of an MPI job",
  },
  {
    key: 'minEngines',
    kind: 'count',
    default: undefined,
    help: 'how many engines are enough to go on; all when absent',
  },
  {
    key: 'queueTimeout',
    kind: 'duration',
    default: '0',
    help: 'how long a job may wait in the queue; 0 for ever',
  },
  { key: 'nodes', kind: 'count', default: undefined, help: 'nodes that the engines are spread over' },
  { key: 'ntasksPerNode', kind: 'count', default: undefined, help: 'engines for each node' },
  { key: 'cpusPerTask', kind: 'count', default: undefined, help: 'processors for each engine' },
  { key: 'mem', kind: 'bytes', default: undefined, help: 'memory for each engine' },
  { key: 'gpus', kind: 'count', default: undefined, help: 'GPUs for each engine' },
  {
    key: 'time',
    kind: 'limit',
    default: undefined,
    help: 'when the scheduler ends the job; 1h in a batch system',
  },
  { key: 'partition', kind: 'text', default: undefined, help: 'partition or queue' },
  { key: 'account', kind: 'text', default: undefined, help: 'who pays' },
  { key: 'qos', kind: 'text', default: undefined, help: 'quality of service' },
  { key: 'constraint', kind: 'text', default: undefined, help: 'features that nodes must have' },
  {
    key: 'directives',
    kind: 'words',
    default: '',
    help: 'directives in place of ours, each option=value; an empty value removes one',
  },
  { key: 'modules', kind: 'lines', default: '', help: 'modules to load on each node' },
  { key: 'conda', kind: 'text', default: undefined, help: 'conda environment to activate on each node' },
  { key: 'venv', kind: 'path', default: undefined, help: 'virtual environment to activate on each node' },
  { key: 'environment', kind: 'words', default: '', help: 'variables for each node, each NAME=value' },
  {
    key: 'prologue',
    kind: 'lines',
    default: '',
    help: 'lines of shell to run on each node before the engines',
  },
  {
    key: 'epilogue',
    kind: 'lines',
    default: '',
    help: 'lines of shell to run on each node after the engines',
  },
  {
    key: 'setupOrder',
    kind: 'text',
    default: 'modules-first',
    choices: ['modules-first', 'prologue-first'],
    help: 'whether modules, conda and venv come before the prologue on each node, or after it',
  },
  {
    key: 'engineWrapper',
    kind: 'text',
    default: undefined,
    help: "what each engine's command begins with, such as a container's",
  },
  {
    key: 'taskWrapper',
    kind: 'text',
    default: undefined,
    help: "what each shell task's command begins with",
  },
  {
    key: 'node',
    kind: 'text',
    default: undefined,
    help: 'the Node that jobs run with, by its absolute path there; the one that runs this when absent',
  },
] as const satisfies readonly Setting[];

/** Keys of what a batch system is asked for. */
export const batchKeys: readonly string[] = batchSettings.map(({ key }) => key);

/** Every setting, in the order in which files and `config show` list them. */
export const settings = [
  {
    key: 'n',
    kind: 'count',
    default: undefined,
    help: 'how many engines; the cores that you may use when absent',
  },
  {
    key: 'launcher',
    kind: 'text',
    default: 'local',
    help: 'what starts the jobs: see `ipcluster launchers`',
  },
  { key: 'launcherOptions', kind: 'words', default: '', help: 'options of the launcher, each key=value' },
  {
    key: 'workDir',
    kind: 'path',
    default: undefined,
    help: 'where jobs, logs and the store lie; the profile when absent',
  },
  {
    key: 'ip',
    kind: 'text',
    default: undefined,
    help: "where the controller listens: address, name, interface or '*'; this machine only when absent",
  },
  {
    key: 'port',
    kind: 'ports',
    default: '0',
    help: 'its port, or a range such as 10000-10100; 0 for any free one',
  },
  { key: 'location', kind: 'text', default: undefined, help: 'an address or name to tell others first' },
  {
    key: 'lease',
    kind: 'duration',
    default: '60s',
    help: 'silence after which controller, engines and clients give each other up',
  },
  {
    key: 'idleTimeout',
    kind: 'duration',
    default: '0',
    help: 'the controller ends after so long without client and work; 0 for never',
  },
  {
    key: 'gateway',
    kind: 'text',
    default: 'curve',
    choices: ['curve', 'plain', 'off'],
    help: "for Python's clients and engines on the controller's machine: curve (encrypted), plain, or off",
  },
  {
    key: 'engine',
    kind: 'text',
    default: 'node',
    help:
      "what engines are: node, python with words for it, or any command that reads IPython's " +
      'connection file',
  },
  { key: 'python', kind: 'text', default: 'python3', help: 'the interpreter for engines of Python' },
  {
    key: 'restart',
    kind: 'text',
    default: 'on-crash',
    choices: ['on-crash', 'never'],
    help: 'whether engines that end unasked are started again',
  },
  { key: 'timeout', kind: 'duration', default: '60s', help: 'how long engines may take to register' },
  { key: 'keepCount', kind: 'count', default: '200000', help: 'finished tasks whose results are kept' },
  { key: 'keepBytes', kind: 'bytes', default: '1GiB', help: 'bytes of finished tasks that are kept' },
  { key: 'keepAge', kind: 'duration', default: '7d', help: 'how long finished tasks are kept' },
  {
    key: 'queueTasks',
    kind: 'count',
    default: '2000000',
    help: 'unfinished tasks beyond which clients have to wait',
  },
  {
    key: 'queueBytes',
    kind: 'bytes',
    default: '512MiB',
    help: 'bytes of requests in memory beyond which clients have to wait',
  },
  {
    key: 'logLevel',
    kind: 'text',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    help: 'what the programs log',
  },
  ...batchSettings,
  {
    key: 'urlFile',
    kind: 'path',
    default: undefined,
    help: "the engines' connection file, where it is not the profile's own (`ipengine --file`)",
  },
] as const satisfies readonly Setting[];

export type SettingKey = (typeof settings)[number]['key'];

/** The setting of that name. */
export const settingOf = (key: string): Setting | undefined =>
  settings.find((setting) => setting.key === key);

/** The flag of a setting without its dashes: `idleTimeout` is `--idle-timeout`. */
export const flagOf = (key: string): string =>
  key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The variable of a setting: `idleTimeout` is IPCLUSTER_IDLE_TIMEOUT. */
export const variableOf = (key: string): string =>
  `IPCLUSTER_${flagOf(key).replaceAll('-', '_').toUpperCase()}`;

/** Throws USAGE when the text cannot be a value of the setting; `name` says where it stands. */
export function checkValue({ kind, choices }: Setting, text: string, name: string): void {
  if (choices && !choices.includes(text))
    throw new IpclusterError('USAGE', `${name} is "${text}", but must be one of ${choices.join(', ')}.`);
  if (kind === 'count') parseCount(text, name);
  else if (kind === 'duration') parseDuration(text, name);
  else if (kind === 'limit') parseLimit(text, name);
  else if (kind === 'bytes') parseBytes(text, name);
  else if (kind === 'ports') parsePorts(text, name);
  else if (kind === 'words' && text.split('\n').some((word) => word !== '' && !word.includes('=')))
    throw new IpclusterError('USAGE', `${name} has "${text}", but each must be key=value.`);
}

/** The value of a setting as a number to compare with, where it has one. */
export function measureOf({ kind }: Setting, text: string): number | undefined {
  if (kind === 'count') return parseCount(text, 'it');
  if (kind === 'duration') return parseDuration(text, 'it');
  if (kind === 'limit') return parseLimit(text, 'it');
  return kind === 'bytes' ? parseBytes(text, 'it') : undefined;
}
