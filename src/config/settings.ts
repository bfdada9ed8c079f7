import { IpclusterError } from '../base/errors.js';
import { parseBytes, parseCount, parseDuration, parsePorts } from '../base/quantities.js';

/** What a setting's text may be. */
type Kind = 'text' | 'path' | 'count' | 'duration' | 'bytes' | 'ports' | 'words';

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

/** Every setting, in the order in which files and `config show` list them. */
export const settings = [
  { key: 'n', kind: 'count', default: undefined, help: 'how many engines; the cores that you may use when absent' },
  { key: 'launcher', kind: 'text', default: 'local', help: 'what starts the jobs: see `ipcluster launchers`' },
  { key: 'launcherOptions', kind: 'words', default: '', help: 'options of the launcher, each key=value' },
  { key: 'workDir', kind: 'path', default: undefined, help: 'where jobs, logs and the store lie; the profile when absent' },
  {
    key: 'ip',
    kind: 'text',
    default: undefined,
    help: "where the controller listens: address, name, interface or '*'; this machine only when absent",
  },
  { key: 'port', kind: 'ports', default: '0', help: 'its port, or a range such as 10000-10100; 0 for any free one' },
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
  { key: 'queueTasks', kind: 'count', default: '2000000', help: 'unfinished tasks beyond which clients have to wait' },
  { key: 'queueBytes', kind: 'bytes', default: '512MiB', help: 'bytes of requests in memory beyond which clients have to wait' },
  { key: 'logLevel', kind: 'text', default: 'info', choices: ['debug', 'info', 'warn', 'error'], help: 'what the programs log' },
  {
    key: 'urlFile',
    kind: 'path',
    default: undefined,
    help: "the engines' connection file, where it is not the profile's own (`ipengine --file`)",
  },
] as const satisfies readonly Setting[];

export type SettingKey = (typeof settings)[number]['key'];

/** The setting of that name. */
export const settingOf = (key: string): Setting | undefined => settings.find((setting) => setting.key === key);

/** The flag of a setting without its dashes: `idleTimeout` is `--idle-timeout`. */
export const flagOf = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The variable of a setting: `idleTimeout` is IPCLUSTER_IDLE_TIMEOUT. */
export const variableOf = (key: string): string => `IPCLUSTER_${flagOf(key).replaceAll('-', '_').toUpperCase()}`;

/** Throws USAGE when the text cannot be a value of the setting; `name` says where it stands. */
export function checkValue({ kind, choices }: Setting, text: string, name: string): void {
  if (choices && !choices.includes(text))
    throw new IpclusterError('USAGE', `${name} is "${text}", but must be one of ${choices.join(', ')}.`);
  if (kind === 'count') parseCount(text, name);
  else if (kind === 'duration') parseDuration(text, name);
  else if (kind === 'bytes') parseBytes(text, name);
  else if (kind === 'ports') parsePorts(text, name);
  else if (kind === 'words' && text.split('\n').some((word) => word !== '' && !word.includes('=')))
    throw new IpclusterError('USAGE', `${name} has "${text}", but each must be key=value.`);
}

/** The value of a setting as a number to compare with, where it has one. */
export function measureOf({ kind }: Setting, text: string): number | undefined {
  if (kind === 'count') return parseCount(text, 'it');
  if (kind === 'duration') return parseDuration(text, 'it');
  return kind === 'bytes' ? parseBytes(text, 'it') : undefined;
}
